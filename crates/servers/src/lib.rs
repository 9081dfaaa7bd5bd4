//! Finds or installs `nats-server` and `temporal`, finds `jaeger`, and runs them as owned child processes.
//!
//! ```no_run
//! # async fn demo() -> Result<(), signalbox_servers::Error> {
//! use signalbox_servers::{Binary, INSTALL_DIR, NatsOptions, NatsServer, locate};
//!
//! let binary = locate(Binary::NatsServer, INSTALL_DIR.as_ref())?;
//! let nats = NatsServer::start(NatsOptions::new(binary)).await?;
//! println!("JetStream is ready at {}", nats.url());
//! # Ok(()) } // dropped here: killed, reaped, its data removed
//! ```

mod error;
mod http;
mod install;
mod jaeger;
mod locate;
mod log;
mod nats;
mod port;
mod process;
mod start;
mod temporal;
mod tie;

pub use error::Error;
pub use http::local_http;
pub use install::install;
pub use jaeger::{JaegerOptions, JaegerServer, check_jaeger, find_jaeger};
pub use locate::{Binary, check, find, locate};
pub use log::{LineSink, log_to_file};
pub use nats::{NatsOptions, NatsServer};
pub use port::{free_port, is_free};
pub use process::{Launch, Process};
pub use temporal::{TemporalOptions, TemporalServer};
pub use tie::{Manners, Wrapper, exec_tied};

/// Where the project keeps the servers it installed, relative to the workspace or the current folder.
/// Git ignores it.
pub const INSTALL_DIR: &str = ".signalbox/servers";
