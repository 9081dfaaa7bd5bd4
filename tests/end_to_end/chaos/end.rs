//! The end of a run: all is done, it is counted, and told.

use std::{
    fmt::{self, Write},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::Context;
use async_nats::jetstream;
use signalbox_proto::v1::{Outcome, OutcomeKind};

use super::{
    count::{self, Bad},
    faults::Went,
    form::Form,
    histories::Histories,
    ledger::{self, Ledger},
    load::{Accepted, Publishers},
    plant::Plant,
};

/// Of this many bad marks it is told what happened to them.
const TOLD: usize = 5;

/// What there is in the end.
pub struct End {
    accepted: Vec<Accepted>,
    ledger: Ledger,
    histories: Histories,
    bad: Vec<Bad>,
    /// Attempts that routers made again and were not killed after.
    retries: u64,
    /// From the last fault on.
    settled: Duration,
}

impl End {
    /// Mends everything, waits until all is done, and counts.
    pub async fn of(
        plant: &mut Plant,
        publishers: &Publishers,
        form: &Form,
        mut accepted: Vec<Accepted>,
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        plant.mend().await?;
        plant.wait_until_ready().await;
        let jetstream = jetstream::new(async_nats::connect(plant.nats.url()).await?);
        ledger::drained(&jetstream, form.settles).await;
        let settled = begun.elapsed();
        // Temporal's index of runs knows of all that began before this one when it knows of this one.
        let (last, workflow) = publishers.publish_last().await?;
        accepted.push(last);
        ledger::drained(&jetstream, form.settles).await;
        let histories = Histories::of(plant.temporal.http_port())?;
        histories.are_indexed_up_to(&workflow).await;
        let marks = histories.marks().await.context("the histories")?;
        let ledger = Ledger::read(&jetstream).await.context("the ledger")?;
        let retries = plant.all_retries().await;
        let mut bad = count::in_histories(&accepted, &marks);
        bad.extend(count::in_ledger(&accepted, &ledger));
        Ok(Self { accepted, ledger, histories, bad, retries, settled })
    }

    /// What was measured, for people.
    pub fn summary(&self, form: &Form, went: &Went, publishers: &Publishers, took: Duration) -> Summary {
        let counted = |of: &AtomicU64| of.load(Relaxed);
        let effects = |which: &dyn Fn(&Outcome) -> bool| {
            self.ledger.effects.values().flatten().filter(|outcome| which(outcome)).count()
        };
        let bad = |which: &dyn Fn(&Bad) -> bool| self.bad.iter().filter(|bad| which(bad)).count();
        let lines = [
            format!("seed {}, routers {}", form.seed, form.routers),
            format!(
                "{} events of {} keys, {} effects in workflows, {} dead letters",
                self.accepted.len(),
                form.amount.keys,
                count::expected(&self.accepted),
                self.ledger.letters.values().flatten().count(),
            ),
            format!("{} kills; what went wrong: {:?}", went.kills, went.by_kind),
            format!(
                "publishers sent {} times again, {} messages were there already",
                counted(&publishers.again),
                counted(&publishers.duplicates)
            ),
            format!(
                "routers tried {} times again; {} effects were tried more than once, {} found to have happened",
                went.retries + self.retries,
                effects(&|outcome| outcome.attempts > 1),
                effects(&|outcome| outcome.kind() == OutcomeKind::Deduplicated),
            ),
            format!(
                "{} lost, {} doubled, {} out of order, {} in a wrong workflow, {} without a right end",
                bad(&|bad| matches!(bad, Bad::Lost { .. })),
                bad(&|bad| matches!(bad, Bad::Doubled { .. })),
                bad(&|bad| matches!(bad, Bad::OutOfOrder { .. })),
                bad(&|bad| matches!(bad, Bad::Foreign { .. })),
                bad(&|bad| matches!(bad, Bad::NoEnd { .. })),
            ),
            format!(
                "{} s of load and faults, and {:.1} s until all was done",
                took.as_secs(),
                self.settled.as_secs_f64()
            ),
        ];
        Summary(lines.into())
    }

    /// If it is not as promised, tells what happened to the first that are bad.
    pub async fn is_as_promised(&self, plant: &Plant, form: &Form) {
        if self.bad.is_empty() && plant.ended.is_empty() {
            return;
        }
        let mut told = plant.ended.join("\n");
        for bad in self.bad.iter().take(TOLD) {
            let (id, workflow) = bad.about();
            let _ = write!(told, "\n{bad}\n{}", self.ledger.told(id));
            if let Some(workflow) = workflow {
                let history = self.histories.told(workflow).await;
                told.push_str(&history.unwrap_or_else(|error| format!("{error:#}")));
            }
        }
        let (seed, last) = (form.seed, plant.last_words());
        panic!("{} are bad (SIGNALBOX_CHAOS_SEED={seed})\n{told}\n{last}", self.bad.len());
    }
}

/// A line each.
pub struct Summary(Vec<String>);

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
