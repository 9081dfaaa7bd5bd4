//! HTTP in, durable events and commands out.
//!
//! Commands and events are answered with a 2xx only after JetStream has them ([`accept`] is the only way there);
//! what is asked of workflows and schedules goes over NATS request-reply. This service never talks to Temporal.

mod accept;
mod app;
mod auth;
mod body;
mod dead_letters;
mod extract;
mod http;
mod letters;
mod limits;
mod links;
mod metrics;
mod options;
mod prefer;
mod problem;
mod ready;
mod serve;
mod sources;
mod tls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use signalbox_bus::Bus;
use signalbox_service::{OnEnd, Process};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{app::App, tls::Tls};

pub use auth::{Action, ApiKey, BadPattern, Grant, NoSuchAction, Pattern};
pub use letters::{AllTakenOut, Body, LetterInFull, LetterInShort, TakenOut};
pub use options::{Options, Secrets};
pub use signalbox_routing::SubjectFilter;
pub use sources::read_secret;

/// Where it listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// A service that is built: its port is bound and it answers; [`Ingress::run`] keeps it until it is stopped.
#[derive(Debug)]
pub struct Ingress {
    process: Process,
    address: SocketAddr,
    grace: Duration,
}

impl Ingress {
    /// Binds the port and starts to serve. NATS may come later.
    ///
    /// # Errors
    /// When the port is taken or NATS is misconfigured.
    pub async fn build(options: &Options) -> anyhow::Result<Self> {
        let process = Process::new("ingress");
        let listener = process.bind(options.service.listen.unwrap_or(DEFAULT_LISTEN)).await?;
        let address = listener.local_addr().context("the bound port has no address")?;

        let bus = Bus::open(&process, "ingress", &options.nats).await?;
        let (waiters, hand_over) = bus.waiters().await?;
        process.background.spawn("inbox", OnEnd::StopService, async move {
            hand_over.await;
            Ok(())
        });
        let others = ready::watch(bus.clone(), process.readiness.clone());
        process.background.spawn("readiness", OnEnd::StopService, async move {
            others.await;
            Ok(())
        });

        let app = App::new(&process, options, address, bus.clone(), waiters)?;
        let sources = app.sources.clone().follow(bus);
        process.background.spawn("sources", OnEnd::StopService, async move {
            sources.await;
            Ok(())
        });
        let tls = Tls::new(&options.tls)?.map(Arc::new);
        if let Some(tls) = tls.clone() {
            process.background.spawn("certificate", OnEnd::StopService, async move {
                tls.follow().await;
                Ok(())
            });
        }
        let router = http::router(Arc::new(app));
        let stop = process.stop.clone();
        process.tasks.spawn("http server", OnEnd::StopService, async move {
            serve::serve(listener, router, tls, stop).await;
            Ok(())
        });
        if options.github_secrets.is_empty() {
            warn!("webhooks of GitHub are taken without a signature: SIGNALBOX_GITHUB_SECRETS is not set");
        }
        info!(%address, "listening");
        Ok(Self { process, address, grace: options.service.grace })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cancel this to stop it.
    pub fn stop(&self) -> CancellationToken {
        self.process.stop.clone()
    }

    /// Runs until it is stopped, and finishes what was accepted.
    ///
    /// # Errors
    /// When a vital task ended before.
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(self.process.run_until_stopped(self.grace).await?)
    }
}

/// Builds the service and runs it until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or a vital task ended before.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let ingress = Ingress::build(&options).await?;
    ingress.process.stop_on_signals()?;
    ingress.run().await
}
