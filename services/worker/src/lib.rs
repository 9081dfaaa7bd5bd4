//! Runs the workflows and their activities, on one Temporal task queue.
//!
//! The worker starts before Temporal is up and waits for it; `/readyz` tells whether it can be reached. It keeps
//! polling when Temporal goes away and comes back. On SIGTERM it takes no new task and finishes those it has.

pub mod activities;
mod journal;
mod registry;
mod temporal_worker;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use signalbox_proto::names::lab;
use signalbox_service::{OnEnd, Process, ServiceArgs, TemporalArgs};
use signalbox_temporal::Temporal;

pub use registry::replayer_options;

/// Where `/healthz`, `/readyz` and `/metrics` are, unless told.
const HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8103);

/// How to run the worker.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What every service takes.
    #[command(flatten)]
    pub service: ServiceArgs,

    /// How to reach Temporal.
    #[command(flatten)]
    pub temporal: TemporalArgs,

    /// Temporal task queue to take tasks from
    #[arg(long, env = "SIGNALBOX_TASK_QUEUE", default_value = lab::TASK_QUEUE, value_name = "NAME")]
    pub task_queue: String,
}

/// Runs the worker until SIGTERM or SIGINT. Logging is up to the caller.
///
/// # Errors
/// When the health port is taken, the address of Temporal is none, or a vital task fails.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let process = Process::new("worker");
    process.stop_on_signals()?;
    run_in(process, options).await
}

/// Runs the worker until `process` is stopped.
///
/// # Errors
/// As [`run`].
pub async fn run_in(process: Process, options: Options) -> anyhow::Result<()> {
    process.serve_health(options.service.listen.unwrap_or(HEALTH)).await?;
    let grace = options.service.grace;
    let stop = process.stop.clone();
    let opened = stop.run_until_cancelled(Temporal::open(&process, "worker", &options.temporal)).await;
    if let Some(temporal) = opened.transpose()? {
        let work = async move { temporal_worker::run_until_stopped(&temporal, &options, &stop).await };
        process.tasks.spawn("temporal worker", OnEnd::StopService, work);
    }
    Ok(process.run_until_stopped(grace).await?)
}
