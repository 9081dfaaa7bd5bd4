//! Looks at everything that the stack needs, changes nothing, and says what to do.

mod bus;
mod clock;
mod collector;
mod finding;
mod ingress;
mod routes;
mod temporal;

use clap::{Args, ValueHint};
use futures::future::join4;
use serde_json::json;
use signalbox_proto::names::lab;
use signalbox_service::{NatsArgs, TemporalArgs};

use super::{LookArgs, Run};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use finding::{Finding, Level};

/// Look for what is wrong, and say what to do
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox doctor
  signalbox doctor --json
  signalbox doctor --task-queue lab6-queue --temporal-namespace default

Nothing is changed. Exits with 1 if there is a fault; warnings are none.")]
pub struct Doctor {
    /// Task queue that workers are to poll; may be repeated
    #[arg(long, value_name = "NAME", default_value = lab::TASK_QUEUE, value_hint = ValueHint::Other)]
    task_queue: Vec<String>,

    /// Collector of traces, if there is one
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_hint = ValueHint::Url)]
    otlp_endpoint: Option<String>,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    temporal: TemporalArgs,

    #[command(flatten)]
    look: LookArgs,
}

/// What was found of one part, and what its clock says.
#[derive(Default)]
struct Examined {
    findings: Vec<Finding>,
    clock: Option<clock::Reading>,
}

impl Run for Doctor {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let (bus, temporal, ingress, collector) = join4(
            bus::examine(&self.nats),
            temporal::examine(&self.temporal, &self.task_queue),
            ingress::examine(&self.look.api),
            collector::examine(self.otlp_endpoint.as_deref().filter(|url| !url.is_empty())),
        )
        .await;
        let clocks =
            [bus.clock, temporal.clock, ingress.clock].into_iter().flatten().map(|read| read.judge());
        let clocks: Vec<_> = clocks.collect();
        let parts = [bus.findings, temporal.findings, ingress.findings, clocks, collector];
        let findings: Vec<Finding> = parts.into_iter().flatten().collect();

        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
        let report = json!({
            "healthy": faults == 0, "faults": faults, "warnings": warnings,
            "checks": findings.iter().map(Finding::value).collect::<Vec<_>>(),
        });
        self.look.output.show(&report, || finding::report(&findings))?;
        Ok(if faults == 0 { Exit::Done } else { Exit::Failed })
    }
}
