use std::error::Error;
use std::{io, iter};

use serde_json::{Value, json};

use crate::api::{ApiError, Problem};
use crate::exit::Exit;
use crate::nats::NatsError;

/// What the system said: the last cause of an error.
pub fn root(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Of a call of the API.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Of the way over NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// What was found cannot be told; a closed pipe among it.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
    /// It is told already.
    #[error("it is told already")]
    Told(Exit),
    /// Of this command alone, with its code.
    #[error("{detail}")]
    Other {
        /// What is wrong.
        detail: String,
        /// What to do about it.
        tip: Option<String>,
        /// How the command ends.
        exit: Exit,
    },
}

impl From<signalbox_bus::Error> for Failure {
    fn from(error: signalbox_bus::Error) -> Self {
        Self::Nats(error.into())
    }
}

impl Failure {
    /// A failure of one command.
    pub fn other(exit: Exit, detail: impl Into<String>) -> Self {
        Self::Other { detail: detail.into(), tip: None, exit }
    }

    /// The same, with what to do about it.
    pub fn with_tip(self, tip: impl Into<String>) -> Self {
        match self {
            Self::Other { detail, exit, .. } => Self::Other { detail, exit, tip: Some(tip.into()) },
            other => other,
        }
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Api(error) => error.exit(),
            Self::Nats(error) => error.exit(),
            // Who reads no more has what it wanted.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Output(_) => Exit::Failed,
            Self::Told(exit) | Self::Other { exit, .. } => *exit,
        }
    }

    /// What to do about it.
    pub fn tip(&self) -> Option<String> {
        match self {
            Self::Api(error) => error.tip(),
            Self::Nats(error) => error.tip(),
            Self::Output(_) | Self::Told(_) => None,
            Self::Other { tip, .. } => tip.clone(),
        }
    }

    /// For `--json`.
    pub fn json(&self) -> Value {
        let problem = match self {
            Self::Api(error) => error.problem(),
            _ => None,
        };
        json!({ "error": {
            "detail": self.to_string(),
            "code": problem.map(Problem::code),
            "repeat": problem.map(Problem::repeat),
            "event_id": problem.and_then(Problem::event_id),
            "tip": self.tip(),
            "exit_code": self.exit() as u8,
        }})
    }
}
