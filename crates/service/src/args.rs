use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;
use clap::builder::BoolishValueParser;
use signalbox_telemetry::{LogOptions, TraceOptions};

use crate::Secret;

/// What every service takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ServiceArgs {
    /// Address and port to listen on; each service has its own default
    #[arg(long, env = "SIGNALBOX_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,

    /// How long a stop waits for what was accepted, such as 10s or 1m
    #[arg(long, env = "SIGNALBOX_GRACE", default_value = "10s", value_name = "TIME",
          value_parser = humantime::parse_duration)]
    pub grace: Duration,

    /// TOML file with values for these flags; flags and variables go before it
    #[arg(long, env = "SIGNALBOX_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogOptions,

    /// What is traced, and where to.
    #[command(flatten)]
    pub traces: TraceOptions,
}

/// How to reach NATS.
#[derive(Clone, clap::Args)]
pub struct NatsArgs {
    /// NATS server, or several with commas between
    #[arg(
        long,
        env = "NATS_URL",
        default_value = "nats://127.0.0.1:4222",
        hide_env_values = true,
        value_name = "URL",
        value_hint = ValueHint::Url
    )]
    pub nats_url: String,

    /// File with NATS credentials (.creds)
    #[arg(long, env = "NATS_CREDS", value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,

    /// NATS user
    #[arg(long, env = "NATS_USER", value_name = "NAME", value_hint = ValueHint::Other)]
    pub nats_user: Option<String>,

    /// Password of the NATS user
    #[arg(long, env = "NATS_PASSWORD", hide_env_values = true, value_name = "SECRET", value_hint = ValueHint::Other)]
    pub nats_password: Option<Secret>,
}

/// A URL may carry a password, so it is not printed.
impl fmt::Debug for NatsArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsArgs")
            .field("nats_credentials", &self.nats_credentials)
            .field("nats_user", &self.nats_user)
            .finish_non_exhaustive()
    }
}

/// How to reach Temporal.
#[derive(Clone, Debug, clap::Args)]
pub struct TemporalArgs {
    /// Host and port of the Temporal frontend
    #[arg(long, env = "TEMPORAL_ADDRESS", default_value = "127.0.0.1:7233", value_name = "HOST:PORT",
          value_hint = ValueHint::Other)]
    pub temporal_address: String,

    /// Temporal namespace
    #[arg(long, env = "TEMPORAL_NAMESPACE", default_value = "default", value_name = "NAME",
          value_hint = ValueHint::Other)]
    pub temporal_namespace: String,

    /// API key for Temporal
    #[arg(long, env = "TEMPORAL_API_KEY", hide_env_values = true, value_name = "SECRET",
          value_hint = ValueHint::Other)]
    pub temporal_api_key: Option<Secret>,

    /// Speak TLS to Temporal
    #[arg(long, env = "TEMPORAL_TLS", value_parser = BoolishValueParser::new())]
    pub temporal_tls: bool,
}
