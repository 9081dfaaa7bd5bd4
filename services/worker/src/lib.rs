//! Runs the workflows and their activities, on one Temporal task queue.
//!
//! The worker starts before Temporal and NATS are up and waits for them; `/readyz` tells whether they can be reached. It
//! keeps polling when Temporal goes away and comes back. Without NATS workflows run all the same; what they publish waits.
//! On SIGTERM it takes no new task and finishes those it has.

pub mod activities;
mod journal;
mod registry;
mod sdk_metrics;
mod spans;
mod temporal_worker;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use signalbox_bus::Bus;
use signalbox_proto::names::lab;
use signalbox_service::{NatsArgs, OnEnd, Process, ServiceArgs, TemporalArgs};
use signalbox_temporal::Temporal;

use sdk_metrics::SdkMeter;
use temporal_worker::TemporalWorker;

pub use registry::replayer_options;
pub use spans::span_ids;

/// Where `/healthz`, `/readyz` and `/metrics` are, unless told.
const HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8103);

/// How to run the worker.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What every service takes.
    #[command(flatten)]
    pub service: ServiceArgs,

    /// How to reach NATS.
    #[command(flatten)]
    pub nats: NatsArgs,

    /// How to reach Temporal.
    #[command(flatten)]
    pub temporal: TemporalArgs,

    /// Temporal task queue to take tasks from
    #[arg(long, env = "SIGNALBOX_TASK_QUEUE", default_value = lab::TASK_QUEUE, value_name = "NAME")]
    pub task_queue: String,
}

/// Runs the worker until SIGTERM or SIGINT. Logging and tracing, with [`span_ids`], are up to the caller.
///
/// # Errors
/// When the health port is taken, the address of Temporal or NATS is none, or a vital task fails.
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
    let bus = Bus::open(&process, "worker", &options.nats).await?;
    let opened = stop.run_until_cancelled(Temporal::open(&process, "worker", &options.temporal)).await;
    if let Some(temporal) = opened.transpose()? {
        let meter = Arc::new(SdkMeter::new(Arc::clone(&process.metrics)));
        let task_queue = options.task_queue;
        let worker = TemporalWorker { temporal, bus, meter, task_queue, grace: grace / 2 };
        process.tasks.spawn("temporal worker", OnEnd::StopService, worker.run_until_stopped(stop));
    }
    Ok(process.run_until_stopped(grace).await?)
}
