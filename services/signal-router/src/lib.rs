//! The signal router: EVENTS → match → COMMANDS → apply → OUTCOMES, and look-ups.
//!
//! `matcher` turns events into commands by the routes, which is pure; `routes` says by which routes; `replay` has events
//! of earlier times matched again; `flow` keeps those waiting that their routes debounce, batch or throttle; `apply`
//! carries commands out in Temporal, in order per workflow; `lookups` answers who asks about workflows; `redrive` takes
//! dead letters out, to try again what they ask for. It holds no state of its own: what it has not acknowledged when it
//! dies is delivered again and then resolved.

mod apply;
mod backlog;
mod flow;
mod lookups;
mod matcher;
mod metrics;
mod queued;
mod recent;
mod redrive;
mod replay;
mod routes;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::{ArgAction, builder::BoolishValueParser};
use signalbox_bus::Bus;
use signalbox_service::{NatsArgs, OnEnd, Process, ServiceArgs, TemporalArgs};
use signalbox_temporal::Temporal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::RouterMetrics;
pub use crate::routes::{FolderError, RouteFolder};

/// The name of this service in logs, metrics and NATS.
pub const SERVICE: &str = "signal-router";

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8101);

/// Matches events to routes and applies commands to Temporal
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
    /// Folder with route files (*.yaml): what is new in it is applied
    #[arg(long, env = "SIGNALBOX_ROUTES", default_value = "routes", value_name = "FOLDER")]
    pub routes: PathBuf,
    /// Whether to watch the folder; otherwise it is looked into once, at the start
    #[arg(long, env = "SIGNALBOX_WATCH_ROUTES", default_value_t = true, value_name = "true|false",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub watch_routes: bool,
}

/// Runs the service until it is told to stop.
///
/// # Errors
/// When the routes are wrong, the port is taken, the configuration cannot work or a vital task ended.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let process = Process::new(SERVICE);
    process.stop_on_signals()?;
    process.serve_health(options.service.listen.unwrap_or(LISTEN)).await?;
    let bus = Bus::open(&process, SERVICE, &options.nats).await?;
    let metrics = RouterMetrics::register(&process.metrics);

    let running = routes::open(&process, &bus, &metrics, options.routes, options.watch_routes);
    let link = process.readiness.condition("nats of the matcher");
    let (nats, stop, counted) = (options.nats, process.stop.clone(), metrics.clone());
    process.tasks.spawn_apart("match events", OnEnd::StopService, move || async move {
        let bus = Bus::open_another(link, stop.clone(), SERVICE, &nats).await?;
        let matcher = matcher::Matcher { bus: bus.clone(), metrics: counted };
        let end = match_while_remembered(matcher, running, stop).await;
        bus.close().await;
        end
    });

    flow::spawn(&process, &bus, &metrics);

    let (found, temporal) = watch::channel(None);
    let replay = Arc::new(replay::Replay::new(bus.clone()));
    let lookups = lookups::Lookups {
        bus: bus.clone(),
        redrive: redrive::Redrive { bus: bus.clone(), replay: Arc::clone(&replay) },
        temporal,
        readiness: process.readiness.clone(),
        replay,
        stop: process.stop.clone(),
    };
    process.tasks.spawn("look-ups", OnEnd::StopService, lookups.run());

    let backlog = backlog::Backlog::new(&process.metrics, bus.clone(), found.subscribe());
    process.tasks.spawn("measure the backlog", OnEnd::StopService, backlog.run(process.stop.clone()));

    let opening = Temporal::open(&process, SERVICE, &options.temporal);
    if let Some(opened) = process.stop.clone().run_until_cancelled(opening).await {
        let temporal = opened?;
        found.send_replace(Some(temporal.clone()));
        let applier = Arc::new(apply::Applier { bus, temporal, metrics, stop: process.stop.clone() });
        apply::spawn(&process, &applier);
    }
    Ok(process.run_until_stopped(options.service.grace).await?)
}

/// No event is matched whose effects would be forgotten while it may come again.
async fn match_while_remembered(
    matcher: matcher::Matcher,
    running: routes::Running,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    match stop.run_until_cancelled(matcher.bus.remembers()).await {
        Some(remembers) => remembers?,
        None => return Ok(()),
    }
    matcher.run(running, stop).await
}
