//! NATS, for a command.

use signalbox_bus::{Bus, ConnectError, Options, shown};
use signalbox_service::NatsArgs;
use signalbox_telemetry::Chain;

use crate::exit::Exit;
use crate::failure::root;

/// Why a command that goes over NATS failed.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// No connection.
    #[error("cannot reach NATS at {url}: {why}")]
    Away {
        /// The address, without a password.
        url: String,
        /// What the client says.
        why: String,
    },
    /// The connection stands, but JetStream does not do what it is asked.
    #[error("{0}")]
    JetStream(String),
}

impl NatsError {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Away { .. } | Self::JetStream(_) => Exit::Unavailable,
        }
    }

    /// What to do about it.
    pub fn tip(&self) -> Option<String> {
        Some(match self {
            Self::Away { .. } => {
                "is `signalbox up` running? --nats-url or NATS_URL says where NATS is".to_owned()
            }
            Self::JetStream(_) => "`signalbox doctor` looks for what is wrong".to_owned(),
        })
    }
}

impl From<signalbox_bus::Error> for NatsError {
    fn from(error: signalbox_bus::Error) -> Self {
        Self::JetStream(Chain(&error).to_string())
    }
}

/// Connects, now or not at all.
///
/// # Errors
/// [`NatsError::Away`].
pub async fn connect(args: &NatsArgs) -> Result<Bus, NatsError> {
    Bus::connect_now(&Options::new(args, "signalbox-cli")).await.map_err(|error| NatsError::Away {
        url: shown(&args.nats_url),
        why: match &error {
            ConnectError::Refused { cause, .. } => root(cause),
            other @ ConnectError::Credentials(..) => Chain(other).to_string(),
        },
    })
}
