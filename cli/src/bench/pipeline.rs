//! Events from their stream to Temporal, next to a direct client that makes the same calls.

mod backlog;
mod drain;
mod latency;
mod pace;
mod report;
mod rig;
mod table;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use drain::Round;
use report::{Report, Throughput};
use rig::Rig;

/// Measure the way of events from NATS to Temporal, next to a direct Temporal client
#[derive(Debug, Args)]
#[command(
    after_help = "\
Examples:
  signalbox bench pipeline --events 200 --rounds 1 --measure throughput
  signalbox bench pipeline --events 200 --rounds 1 --measure throughput --json

Numbers of a debug build, or of a machine that is busy otherwise, mean little.
How it measures: signalbox bench pipeline --help",
    after_long_help = "\
Examples:
  signalbox bench pipeline --events 200 --rounds 1 --measure throughput
  signalbox bench pipeline --events 200 --rounds 1 --measure throughput --json

Numbers of a debug build, or of a machine that is busy otherwise, mean little.

How it measures:
  It starts a nats-server, a Temporal and a signal-router of its own, which have nothing to do but this. The router has
  the threads that `signalbox up` gives it.
  throughput  Events are stored while no router runs; then one is started, and measured is from the first outcome until
              all is acknowledged, each event matched, its call made and its outcome recorded. Then a direct client
              makes as many of the same calls, --in-flight at a time. CPU is that of the whole process while it was
              measured.
  latency     At a tenth of the throughput, from before an event is published until the outcome of its effect is there.
              Before it, with the router stopped and at the same pace: from before a message is published to a stream
              until a consumer has it, and calls of the direct client.
  backlog     --backlog events are stored, then matched and applied: the most memory that the router ever had, and how
              many a second went in each fifth of them."
)]
pub struct PipelineBench {
    /// What to measure
    #[arg(long, value_name = "WHAT", default_value = "throughput,latency", value_delimiter = ',')]
    measure: Vec<Measure>,

    /// What each event leads to
    #[arg(long, value_name = "EFFECT", default_value = "signal")]
    effect: Effect,

    /// Which Temporal: one that answers at once and does nothing, or a development server
    #[arg(long, value_name = "SERVER", default_value = "null")]
    temporal: Backend,

    /// Events of one round
    #[arg(long, default_value_t = 20_000, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(100..=10_000_000))]
    events: usize,

    /// Workflows that are signalled
    #[arg(long, default_value_t = 200, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    keys: usize,

    /// Rounds
    #[arg(long, default_value_t = 5, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    rounds: usize,

    /// Calls of the direct client that are open at a time
    #[arg(long, default_value_t = 64, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    in_flight: usize,

    /// Events that wait, for the backlog
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1_000..=10_000_000))]
    backlog: usize,

    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Events per second and CPU per event
    Throughput,
    /// From the publishing of an event to its effect
    Latency,
    /// Memory and speed with many events waiting
    Backlog,
}

/// What each event leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Effect {
    /// A signal to one of --keys workflows
    Signal,
    /// A start of a workflow of its own
    Start,
}

/// Which Temporal is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// Answers at once and does nothing
    Null,
    /// Temporal's development server, in memory
    Dev,
}

impl Run for PipelineBench {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let report = self.measured().await?;
        self.output.show(&report, || table::table(&report))?;
        Ok(Exit::Done)
    }
}

impl PipelineBench {
    async fn measured(&self) -> Result<Report, Failure> {
        let progress = Progress::new();
        progress.show("starting servers");
        let mut rig = Rig::start(self.temporal, self.effect, self.keys).await?;
        let mut report = Report::new(self);
        if self.measures(Measure::Throughput) || self.measures(Measure::Latency) {
            let throughput = self.throughput(&mut rig, &progress).await?;
            if self.measures(Measure::Latency) {
                progress.show("latency");
                let per_second = throughput.events_per_second / 10.0;
                report.latency = Some(latency::measure(&mut rig, per_second, self.events).await?);
            }
            report.throughput = Some(throughput);
        }
        if self.measures(Measure::Backlog) {
            report.backlog = Some(backlog::measure(&mut rig, self.backlog, &progress).await?);
        }
        Ok(report)
    }

    fn measures(&self, what: Measure) -> bool {
        self.measure.contains(&what)
    }

    async fn throughput(&self, rig: &mut Rig, progress: &Progress) -> Result<Throughput, Failure> {
        progress.show("warming up");
        Round::take(rig, self.events.min(1000), self.in_flight).await?;
        let mut rounds = Vec::new();
        for n in 1..=self.rounds {
            progress.show(format_args!("round {n} of {}", self.rounds));
            rounds.push(Round::take(rig, self.events, self.in_flight).await?);
        }
        Ok(Throughput::of(&rounds))
    }
}
