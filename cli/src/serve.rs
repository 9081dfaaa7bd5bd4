use clap::Subcommand;
use signalbox_telemetry as telemetry;

/// One service of the stack.
#[derive(Debug, Subcommand)]
pub enum Serve {
    /// HTTP in: the API, events, webhooks and their documentation
    Ingress(signalbox_ingress::Options),
    /// Matches events to routes and applies commands to Temporal
    SignalRouter(signalbox_signal_router::Options),
    /// Keeps Temporal's schedules as they are declared
    SchedulerManager(signalbox_scheduler_manager::Options),
    /// Runs the workflows and their activities
    Worker(signalbox_worker::Options),
}

/// Runs the service until it is told to stop.
pub async fn run(service: Serve) -> anyhow::Result<()> {
    match service {
        Serve::Ingress(options) => {
            telemetry::init("ingress", &options.service.log)?;
            let _tracing = telemetry::start_tracing("ingress", &options.service.traces)?;
            signalbox_ingress::run(options).await
        }
        Serve::SignalRouter(options) => {
            telemetry::init("signal-router", &options.service.log)?;
            let _tracing = telemetry::start_tracing("signal-router", &options.service.traces)?;
            signalbox_signal_router::run(options).await
        }
        Serve::SchedulerManager(options) => {
            telemetry::init(signalbox_scheduler_manager::SERVICE, &options.service.log)?;
            let _tracing =
                telemetry::start_tracing(signalbox_scheduler_manager::SERVICE, &options.service.traces)?;
            signalbox_scheduler_manager::run(options).await
        }
        Serve::Worker(options) => {
            telemetry::init("worker", &options.service.log)?;
            let _tracing = telemetry::start_tracing_with_ids(
                "worker",
                &options.service.traces,
                signalbox_worker::span_ids(),
            )?;
            signalbox_worker::run(options).await
        }
    }
}
