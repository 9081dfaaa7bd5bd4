//! Declared sources: who may send webhooks, and where their secrets are.

use std::fmt;

use signalbox_webhooks::Provider;

/// A sender of webhooks, `POST /webhooks/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name: a token of subjects.
    pub name: String,
    /// How its deliveries are told from those of others.
    pub provider: Provider,
    /// Where its secrets are. Each alone is enough.
    pub secrets: Vec<SecretPlace>,
}

/// Where whoever takes webhooks finds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// A variable of its environment.
    Env(String),
    /// A file, of which white space at the end does not count.
    File(String),
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "the file {path}"),
        }
    }
}
