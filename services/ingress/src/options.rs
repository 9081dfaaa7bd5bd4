//! Flags and variables.

use std::{convert::Infallible, str::FromStr, time::Duration};

use crate::{auth::AuthArgs, limits::LimitArgs, tls::TlsArgs};
use signalbox_service::{NatsArgs, Secret, ServiceArgs};

/// What this service takes on the command line and from the environment.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What every service takes.
    #[command(flatten)]
    pub service: ServiceArgs,

    /// How to reach NATS.
    #[command(flatten)]
    pub nats: NatsArgs,

    /// Who may call.
    #[command(flatten)]
    pub auth: AuthArgs,

    /// How much is taken.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Whether TLS is spoken.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// How long a call waits for its outcome before it is answered with 202, such as 10s
    #[arg(long, env = "SIGNALBOX_WAIT", default_value = "10s", value_name = "TIME",
          value_parser = humantime::parse_duration)]
    pub wait: Duration,

    /// Secrets that GitHub signs with, with commas between; one is enough to match. Without any, all calls are taken
    #[arg(
        long,
        env = "SIGNALBOX_GITHUB_SECRETS",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "SECRET,…"
    )]
    pub github_secrets: Secrets,

    /// Where people find the Temporal Web UI
    #[arg(long, env = "SIGNALBOX_TEMPORAL_UI", default_value = "http://localhost:8233", value_name = "URL")]
    pub temporal_ui: String,

    /// Namespace that links to the Temporal Web UI name
    #[arg(long, env = "TEMPORAL_NAMESPACE", default_value = "default", value_name = "NAME")]
    pub temporal_namespace: String,

    /// Where people find Jaeger
    #[arg(long, env = "SIGNALBOX_JAEGER_UI", default_value = "http://localhost:16686", value_name = "URL")]
    pub jaeger_ui: String,
}

/// Secrets, none of which is ever printed.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, as it is.
    pub fn exposed(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Secret::expose)
    }
}

impl FromStr for Secrets {
    type Err = Infallible;

    /// Commas stand between; what is empty is left out.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.split(',').filter_map(|part| part.trim().parse().ok()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn secrets_are_split_and_never_printed() {
        let flags = Flags::try_parse_from(["x", "--github-secrets", "hush, quiet,,"]).unwrap();
        assert_eq!(flags.options.github_secrets.exposed().collect::<Vec<_>>(), ["hush", "quiet"]);
        assert!(!format!("{flags:?}").contains("hush"));
        assert!("".parse::<Secrets>().unwrap().is_empty());
    }

    #[test]
    fn times_are_written_with_their_unit() {
        let flags = Flags::try_parse_from(["x", "--wait", "1500ms"]).unwrap();
        assert_eq!(flags.options.wait, Duration::from_millis(1500));
        assert!(Flags::try_parse_from(["x", "--wait", "10"]).is_err());
    }
}
