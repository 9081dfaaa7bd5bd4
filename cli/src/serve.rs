use std::net::{Ipv4Addr, SocketAddr};

use clap::{Args, Subcommand};
use signalbox_service::{Process, ServiceArgs};
use signalbox_telemetry as telemetry;

/// One service of the stack.
#[derive(Debug, Subcommand)]
pub enum Serve {
    /// HTTP in: the API, events, webhooks and their documentation
    Ingress(signalbox_ingress::Options),
    /// Matches events to routes and applies commands to Temporal
    SignalRouter(signalbox_signal_router::Options),
    /// Keeps Temporal's schedules as they are declared
    SchedulerManager(Frame),
    /// Runs the workflows and their activities
    Worker(signalbox_worker::Options),
}

/// Runs the service until it is told to stop.
pub async fn run(service: Serve) -> anyhow::Result<()> {
    match service {
        Serve::Ingress(options) => {
            telemetry::init("ingress", &options.service.log)?;
            signalbox_ingress::run(options).await
        }
        Serve::SignalRouter(options) => {
            telemetry::init("signal-router", &options.service.log)?;
            signalbox_signal_router::run(options).await
        }
        Serve::SchedulerManager(options) => options.run("scheduler-manager", 8102).await,
        Serve::Worker(options) => {
            telemetry::init("worker", &options.service.log)?;
            signalbox_worker::run(options).await
        }
    }
}

/// The frame of a service, without one in it.
#[derive(Debug, Args)]
pub struct Frame {
    #[command(flatten)]
    service: ServiceArgs,
}

impl Frame {
    async fn run(self, name: &'static str, port: u16) -> anyhow::Result<()> {
        telemetry::init(name, &self.service.log)?;
        let process = Process::new(name);
        process.stop_on_signals()?;
        let listen = self.service.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        process.serve_health(listen).await?;
        Ok(process.run_until_stopped(self.service.grace).await?)
    }
}
