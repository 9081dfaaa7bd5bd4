//! Secrets that are live.

use std::fmt;

use subtle::ConstantTimeEq;

/// Why a text cannot be a secret of a provider. It does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// An empty secret is everybody's.
    #[error("it is empty")]
    Empty,
    /// A key of Standard Webhooks has a form.
    #[error("it is no key of Standard Webhooks: `whsec_` and base64, or `whpk_` and the base64 of 32 bytes")]
    StandardWebhooks,
    /// Who signs needs the key that signs.
    #[error("it verifies signatures, but cannot make them: `whsk_` and base64 is the key that can")]
    CannotSign,
    /// What HTTP Basic sends.
    #[error("it is not written as `user:password`")]
    Basic,
}

/// Each alone is enough. They are never printed.
#[derive(Clone)]
pub(crate) struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    pub(crate) fn of(texts: &[&str]) -> Result<Self, BadSecret> {
        Self::of_bytes(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    pub(crate) fn of_bytes(secrets: Vec<Vec<u8>>) -> Result<Self, BadSecret> {
        match secrets.iter().any(Vec::is_empty) {
            true => Err(BadSecret::Empty),
            false => Ok(Self(secrets)),
        }
    }

    pub(crate) fn any(&self, fits: impl FnMut(&[u8]) -> bool) -> bool {
        self.0.iter().map(Vec::as_slice).any(fits)
    }

    /// Whether one of them is `given`. How long that takes tells its length at most.
    pub(crate) fn has(&self, given: &[u8]) -> bool {
        self.any(|secret| bool::from(secret.ct_eq(given)))
    }

    pub(crate) fn exposed(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
