use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::part::Part;

const EXAMPLES: &str = "\
Examples:
  signalbox up                                   everything, on its usual ports
  signalbox up --api-port 9000 --nats-port 5222  when ports are taken
  signalbox up --ephemeral                       keep nothing
  signalbox up --without worker                  run your own worker on Temporal's port 7233
  NATS_URL=nats://10.0.0.5 signalbox up --without nats";

fn port() -> RangedU64ValueParser<u16> {
    RangedU64ValueParser::new().range(1..)
}

/// Flags of `signalbox up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct UpArgs {
    /// Port of the HTTP API
    #[arg(long, env = "SIGNALBOX_API_PORT", default_value_t = 8000, value_name = "PORT", value_parser = port())]
    pub api_port: u16,

    /// Port of NATS
    #[arg(long, env = "SIGNALBOX_NATS_PORT", default_value_t = 4222, value_name = "PORT", value_parser = port())]
    pub nats_port: u16,

    /// Port of Temporal's gRPC
    #[arg(long, env = "SIGNALBOX_TEMPORAL_PORT", default_value_t = 7233, value_name = "PORT", value_parser = port())]
    pub temporal_port: u16,

    /// Port of Temporal's web UI
    #[arg(long, env = "SIGNALBOX_TEMPORAL_UI_PORT", default_value_t = 8233, value_name = "PORT", value_parser = port())]
    pub temporal_ui_port: u16,

    /// Port of Jaeger's web UI
    #[arg(long, env = "SIGNALBOX_JAEGER_UI_PORT", default_value_t = 16686, value_name = "PORT", value_parser = port())]
    pub jaeger_ui_port: u16,

    /// Port on which Jaeger takes traces: OTLP over gRPC
    #[arg(long, env = "SIGNALBOX_OTLP_PORT", default_value_t = 4317, value_name = "PORT", value_parser = port())]
    pub otlp_port: u16,

    /// Port of the signal-router's health and metrics
    #[arg(long, env = "SIGNALBOX_ROUTER_PORT", default_value_t = 8101, value_name = "PORT", value_parser = port())]
    pub router_port: u16,

    /// Port of the scheduler-manager's health and metrics
    #[arg(long, env = "SIGNALBOX_SCHEDULER_PORT", default_value_t = 8102, value_name = "PORT", value_parser = port())]
    pub scheduler_port: u16,

    /// Port of the worker's health and metrics
    #[arg(long, env = "SIGNALBOX_WORKER_PORT", default_value_t = 8103, value_name = "PORT", value_parser = port())]
    pub worker_port: u16,

    /// Leave this one out, because you run your own; may be repeated
    #[arg(long, value_enum, value_name = "PART")]
    pub without: Vec<Part>,

    /// Folder that keeps the data of NATS and Temporal
    #[arg(long, env = "SIGNALBOX_DATA_DIR", default_value = ".signalbox/data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Keep nothing, whatever --data-dir says: the data goes when this ends
    #[arg(long)]
    pub ephemeral: bool,

    /// Folder with the routes
    #[arg(long, env = "SIGNALBOX_ROUTES", default_value = "routes", value_name = "FOLDER")]
    pub routes: PathBuf,

    /// nats-server to run; found on PATH or installed unless given
    #[arg(long, env = "SIGNALBOX_NATS_SERVER", value_name = "FILE")]
    pub nats_server: Option<PathBuf>,

    /// temporal to run; found on PATH or installed unless given
    #[arg(long, env = "SIGNALBOX_TEMPORAL", value_name = "FILE")]
    pub temporal: Option<PathBuf>,

    /// jaeger to run; otherwise one on PATH is, unless OTEL_EXPORTER_OTLP_ENDPOINT names a collector
    #[arg(long, env = "SIGNALBOX_JAEGER", value_name = "FILE")]
    pub jaeger: Option<PathBuf>,
}

impl UpArgs {
    /// The parts to run, in the order of their start.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = Part> {
        Part::ALL.into_iter().filter(|part| self.has(*part))
    }

    /// Whether the part is to be run.
    pub fn has(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }

    /// The part's port; of Temporal, the gRPC one, of Jaeger, the one that takes traces.
    pub fn port(&self, part: Part) -> u16 {
        match part {
            Part::Jaeger => self.otlp_port,
            Part::Nats => self.nats_port,
            Part::Temporal => self.temporal_port,
            Part::Worker => self.worker_port,
            Part::SchedulerManager => self.scheduler_port,
            Part::SignalRouter => self.router_port,
            Part::Ingress => self.api_port,
        }
    }
}
