//! Events over HTTP, next to a bare JetStream publisher.

mod http;
mod report;
mod rig;
mod turn;

use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use report::Report;
use rig::Rig;
use turn::{Side, Turn};

/// Measure how many events are accepted over HTTP, next to a bare JetStream publisher
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox bench intake --for 1s --rounds 1 --concurrency 4
  signalbox bench intake --for 1s --rounds 1 --concurrency 4 --json

Numbers of a debug build, or of a machine that is busy otherwise, mean little.

How it measures:
  It starts a nats-server and an ingress of its own, which have nothing to do but this. The sides take turns, round by
  round, and who begins changes with each: events are sent to POST /events/{type} until the answer 202, all over one
  connection of HTTP/2, or over as many of HTTP/1.1 as events are open at a time; and published to the same stream, over
  one connection, until it acknowledges them. After each turn what the stream has is counted: an event that was accepted
  and is not stored ends the measurement. CPU is that of the whole process for each event. The ingress has as many
  threads as `signalbox up` gives it.")]
pub struct IntakeBench {
    /// Turns of each side
    #[arg(long, default_value_t = 3, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    rounds: usize,

    /// How long one turn is
    #[arg(long = "for", default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    long: Duration,

    /// Events that are open at a time
    #[arg(long, default_value_t = 64, value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=4_000))]
    concurrency: usize,

    #[command(flatten)]
    output: Output,
}

impl Run for IntakeBench {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let report = self.measure().await?;
        self.output.show(&report, || report.table())?;
        Ok(Exit::Done)
    }
}

impl IntakeBench {
    async fn measure(&self) -> Result<Report, Failure> {
        let progress = Progress::new();
        progress.show(format_args!("warming up"));
        let mut rig = Rig::start().await?;
        self.round(&mut rig, self.long.min(Duration::from_secs(2)), 0).await?;
        let mut rounds = Vec::new();
        for n in 1..=self.rounds {
            progress.show(format_args!("round {n} of {}", self.rounds));
            rounds.push(self.round(&mut rig, self.long, n).await?);
        }
        let [_, ingress] = rig.processes()?;
        Ok(Report::new(&rounds, self.long.as_secs_f64(), self.concurrency, ingress.most_memory()?))
    }

    /// A turn of each side, in their order; the `n`th began.
    async fn round(&self, rig: &mut Rig, long: Duration, n: usize) -> Result<Vec<Turn>, Failure> {
        let first = n % Side::ALL.len();
        let mut turns = Vec::new();
        for side in Side::ALL.into_iter().cycle().skip(first).take(Side::ALL.len()) {
            turns.push(Turn::take(rig, side, self.concurrency, long).await?);
        }
        turns.rotate_right(first);
        Ok(turns)
    }
}
