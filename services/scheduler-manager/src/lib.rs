//! The scheduler manager: desired schedules in KV, made in Temporal; calls on schedules as NATS request-reply.
//!
//! A call writes what is desired before it makes it, so that a manager that dies in between leaves an intent that
//! the next one carries out (`reconcile`), not a schedule that nobody knows of.

mod backfill;
mod calls;
mod manager;
mod reconcile;
mod spec;
mod trigger;
mod turns;

use std::{net::SocketAddr, sync::Arc};

use signalbox_bus::Bus;
use signalbox_service::{NatsArgs, OnEnd, Process, ServiceArgs, TemporalArgs};
use signalbox_temporal::Temporal;
use tokio::sync::watch;

use crate::{calls::Calls, manager::Manager};

/// The name of this service in logs, metrics and NATS.
pub const SERVICE: &str = "scheduler-manager";

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8102);

/// Keeps schedules and makes them in Temporal
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
}

/// Runs the service until it is told to stop.
///
/// # Errors
/// When the port is taken, the configuration cannot work or a vital task ended.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let process = Process::new(SERVICE);
    process.stop_on_signals()?;
    process.serve_health(options.service.listen.unwrap_or(LISTEN)).await?;
    let bus = Bus::open(&process, SERVICE, &options.nats).await?;
    let (found, manager) = watch::channel(None);
    let calls = Calls::new(bus.clone(), manager, &process);
    process.tasks.spawn("schedule calls", OnEnd::StopService, calls.run());

    let opening = Temporal::open(&process, SERVICE, &options.temporal);
    if let Some(opened) = process.stop.clone().run_until_cancelled(opening).await {
        let manager = Arc::new(Manager::new(bus, opened?));
        found.send_replace(Some(Arc::clone(&manager)));
        let (stop, readiness) = (process.stop.clone(), process.readiness.clone());
        process.tasks.spawn("reconcile schedules", OnEnd::StopService, async move {
            let reconcile = async {
                readiness.ready().await;
                manager.reconcile_for_ever().await;
            };
            stop.run_until_cancelled(reconcile).await;
            Ok(())
        });
    }
    Ok(process.run_until_stopped(options.service.grace).await?)
}
