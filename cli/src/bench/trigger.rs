//! Starts of workflows over HTTP, next to those of a direct Temporal client.

mod report;
mod side;
mod table;
mod turn;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueHint};
use signalbox_service::TemporalArgs;

use crate::api::address;
use crate::commands::{LookArgs, Run};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use report::{Comparison, Report};
use side::Side;
use turn::Turn;

/// Measure starts of workflows over HTTP, next to those of a direct Temporal client
#[derive(Debug, Args)]
#[command(
    after_help = "\
Examples:
  signalbox bench trigger --count 20 --rounds 2
  signalbox bench trigger --concurrency 4 --count 20 --rounds 2 --json | tee bench.json

Numbers of a debug build, or of a machine that is busy otherwise, mean little.
How it measures: signalbox bench trigger --help",
    after_long_help = "\
Examples:
  signalbox bench trigger --count 20 --rounds 2
  signalbox bench trigger --concurrency 4 --count 20 --rounds 2 --json | tee bench.json

Numbers of a debug build, or of a machine that is busy otherwise, mean little.

How it measures:
  The two sides take turns, round by round, and who begins changes with each round, so that whatever else the
  machine does meets both. A turn is --count starts of one workflow under fresh ids, at most --concurrency of them
  open at a time. A start ends when the answer says that Temporal has accepted it. After its turn, outside of what
  is measured, a side's workflows are stopped and their results awaited through the API: each turn finds the stack
  and its worker idle, and has the work that its own workflows begin with beside it. One round before the first
  is not counted. The direct client's runs carry the memo and the search attribute that Signalbox gives its own,
  which cost Temporal some percent: both sides do the same starts. Latencies are of all counted starts. Starts per second, and their ratio, are medians of rounds.

What is measured best, a stack that logs no line for each start:
  SIGNALBOX_LOG=info signalbox up --ephemeral

Two stacks, such as with and without tracing:
  signalbox up --ephemeral
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 signalbox up --ephemeral --api-port 9000 \\
    --nats-port 9001 --temporal-port 9002 --temporal-ui-port 9003 --router-port 9004 \\
    --scheduler-port 9005 --worker-port 9006
  signalbox bench trigger --api http://localhost:9000 --against http://localhost:8000"
)]
pub struct TriggerBench {
    #[command(flatten)]
    look: LookArgs,

    /// Compare with the API of another stack, not with a direct Temporal client
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = address)]
    against: Option<reqwest::Url>,

    #[command(flatten)]
    temporal: TemporalArgs,

    /// Starts in one turn of one side
    #[arg(long, default_value_t = 200, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    count: usize,

    /// Starts that are open at a time; several numbers are measured one after the other
    #[arg(long, default_value = "1,16", value_delimiter = ',', value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    concurrency: Vec<usize>,

    /// Turns of each side
    #[arg(long, default_value_t = 10, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    rounds: usize,
}

impl Run for TriggerBench {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let report = self.measure().await?;
        self.look.output.show(&report, || table::table(&report))?;
        Ok(Exit::Done)
    }
}

impl TriggerBench {
    async fn measure(&self) -> Result<Report, Failure> {
        let sides = self.sides().await?;
        let progress = Progress::new();
        let mut comparisons = Vec::new();
        for concurrency in self.concurrency.iter().copied() {
            progress.show(format_args!("concurrency {concurrency}: warming up"));
            self.round(&sides, concurrency, false).await?;
            let mut rounds = Vec::new();
            for n in 1..=self.rounds {
                progress.show(format_args!("concurrency {concurrency}: round {n} of {}", self.rounds));
                rounds.push(self.round(&sides, concurrency, n % 2 == 0).await?);
            }
            comparisons.push(Comparison::new(concurrency, sides.each_ref().map(|side| &*side.name), &rounds));
        }
        Ok(Report::new(self.rounds, self.count, comparisons))
    }

    /// The measured side and the one that it is compared with.
    async fn sides(&self) -> Result<[Side; 2], Failure> {
        let api = &self.look.api;
        match &self.against {
            Some(url) => Ok([Side::http(api)?, Side::http(&api.elsewhere(url))?]),
            None => Ok([Side::http(api)?, Side::direct(&self.temporal, api).await?]),
        }
    }

    /// A turn of each, in the order of the sides.
    async fn round(
        &self,
        [measured, baseline]: &[Side; 2],
        concurrency: usize,
        baseline_begins: bool,
    ) -> Result<[Turn; 2], Failure> {
        let order = if baseline_begins { [baseline, measured] } else { [measured, baseline] };
        let first = Turn::take(order[0], self.count, concurrency).await?;
        let second = Turn::take(order[1], self.count, concurrency).await?;
        Ok(if baseline_begins { [second, first] } else { [first, second] })
    }
}
