//! The scheduler manager: schedules that route files declare and schedules that calls desire, made in Temporal; calls
//! on schedules as NATS request-reply.
//!
//! What is declared is all in the route set that was applied last; Temporal's schedules are compared with it again and
//! again (`declared`), so it matters little when a manager dies.
//!
//! A call writes what is desired before it makes it, so that a manager that dies in between leaves an intent that
//! the next one carries out (`reconcile`), not a schedule that nobody knows of.

mod applied;
mod backfill;
mod calls;
mod declared;
mod desired;
mod had;
mod look;
mod manager;
mod metrics;
mod operate;
mod passes;
mod plan;
mod reconcile;
mod spec;
mod trigger;
mod turns;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use signalbox_bus::Bus;
use signalbox_service::{NatsArgs, OnEnd, Process, ServiceArgs, TemporalArgs};
use signalbox_temporal::Temporal;
use tokio::sync::watch;

use crate::{calls::Calls, manager::Manager, metrics::ManagerMetrics, passes::Often};

/// The name of this service in logs, metrics and NATS.
pub const SERVICE: &str = "scheduler-manager";

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8102);

/// However often it is wanted, no pass follows another within this.
const LEAST: Duration = Duration::from_millis(100);

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
    /// How often declared schedules are compared with Temporal's list of schedules, such as 30s
    #[arg(long, env = "SIGNALBOX_RECONCILE_EVERY", default_value = "30s", value_name = "TIME",
          value_parser = humantime::parse_duration)]
    pub reconcile_every: Duration,
    /// How often each declared schedule is looked at in all its fields, such as 10m
    #[arg(long, env = "SIGNALBOX_MEND_EVERY", default_value = "10m", value_name = "TIME",
          value_parser = humantime::parse_duration)]
    pub mend_every: Duration,
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
    let metrics = ManagerMetrics::register(&process.metrics);
    let often = Often { list: options.reconcile_every.max(LEAST), each: options.mend_every };
    let (found, manager) = watch::channel(None);
    let calls = Calls::new(bus.clone(), manager, &process);
    process.tasks.spawn("schedule calls", OnEnd::StopService, calls.run());

    let opening = Temporal::open(&process, SERVICE, &options.temporal);
    if let Some(opened) = process.stop.clone().run_until_cancelled(opening).await {
        let manager = Arc::new(Manager::new(bus, opened?, metrics));
        found.send_replace(Some(Arc::clone(&manager)));
        let (stop, readiness) = (process.stop.clone(), process.readiness.clone());
        process.tasks.spawn("reconcile schedules", OnEnd::StopService, async move {
            let reconcile = async {
                readiness.ready().await;
                manager.reconcile_for_ever(often).await;
            };
            stop.run_until_cancelled(reconcile).await;
            Ok(())
        });
    }
    Ok(process.run_until_stopped(options.service.grace).await?)
}
