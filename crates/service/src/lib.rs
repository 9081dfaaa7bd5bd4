//! The frame of a process: configuration, tasks, readiness, health, metrics and an ordered shutdown.
//!
//! A service is built, then run. Building makes a [`Process`], binds sockets and spawns [`Tasks`]; running waits
//! until [`Process::stop`] is cancelled (by a signal, a test, or the end of a vital task) and shuts down in order:
//!
//! 1. the stop is known to all: `/readyz` turns 503, servers and consumers take nothing new;
//! 2. the tasks finish what was accepted; whoever is not done after the grace period is named and abandoned;
//! 3. the hooks of [`Process::on_close`] run, the last registered first: connections are drained and closed;
//! 4. background tasks end, the health server among them.
//!
//! Telemetry comes after that and belongs to `main`.

mod apart;
mod args;
pub mod config;
pub mod health;
mod process;
mod readiness;
mod secret;
mod signals;
mod tasks;

pub use args::{NatsArgs, ServiceArgs, TemporalArgs};
pub use process::{BindError, Process};
pub use readiness::{Condition, ConditionState, Readiness};
pub use secret::{EmptySecret, Secret};
pub use tasks::{OnEnd, TaskFailure, Tasks};
