//! Whatever dies, one event has one effect, in order per key, or a dead letter that says why.
//!
//! ```sh
//! cargo test -p signalbox --test end_to_end chaos -- --nocapture
//! SIGNALBOX_TEST_LONG=1 cargo test -p signalbox --test end_to_end chaos -- --nocapture
//! ```
//!
//! `SIGNALBOX_CHAOS_SEED`, `…_EVENTS`, `…_KEYS`, `…_KILLS`, `…_RATE` (events a second) and `…_ROUTERS` say otherwise than
//! the short or the long form; `…_LOGS` names a folder for what the processes log.

mod count;
mod faults;
mod histories;
mod ledger;
mod load;
mod plant;

use std::{
    fmt::Write,
    str::FromStr,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use fastrand::Rng;
use signalbox_proto::v1::OutcomeKind;

use count::Bad;
use faults::{Extent, Went};
use histories::Histories;
use ledger::Ledger;
use load::{Accepted, Amount, Publishers};
use plant::Plant;

/// Of this many bad marks it is told what happened to them.
const TOLD: usize = 5;

/// A run of the suite.
#[derive(Clone, Copy, Debug)]
struct Form {
    seed: u64,
    routers: usize,
    amount: Amount,
    extent: Extent,
    /// Once nothing goes wrong any more.
    settles: Duration,
}

fn given<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(format!("SIGNALBOX_CHAOS_{name}")).ok()?;
    Some(text.parse().ok().unwrap_or_else(|| panic!("SIGNALBOX_CHAOS_{name}: {text}")))
}

fn long() -> bool {
    std::env::var_os("SIGNALBOX_TEST_LONG").is_some()
}

impl Form {
    fn of_environment() -> Self {
        let (events, keys, per_second, kills) =
            if long() { (10_000, 500, 30.0, 50) } else { (300, 30, 15.0, 10) };
        let amount = Amount {
            events: given("EVENTS").unwrap_or(events),
            keys: given("KEYS").unwrap_or(keys),
            per_second: given("RATE").unwrap_or(per_second),
        };
        let seconds = |seconds| Duration::from_secs(seconds);
        let extent = Extent {
            kills: given("KILLS").unwrap_or(kills),
            between: seconds(1),
            away: seconds(if long() { 8 } else { 2 }),
            frozen: seconds(if long() { 45 } else { 6 }),
        };
        Self {
            seed: given("SEED").unwrap_or_else(|| fastrand::u64(..1_000_000)),
            routers: given("ROUTERS").unwrap_or(1),
            amount,
            extent,
            settles: seconds(if long() { 900 } else { 120 }),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_has_one_effect_in_order_whatever_dies() {
    let form = Form::of_environment();
    println!("{form:?}");
    let mut plant = Plant::start(form.routers).await.unwrap();
    let publishers = Publishers::new(&plant.nats.url(), plant.base(), form.amount).await.unwrap();
    let begun = Instant::now();
    let mut rng = Rng::with_seed(form.seed);
    let (accepted, went) = tokio::join!(
        publishers.publish(form.amount),
        faults::go_wrong(&mut plant, form.extent, form.routers, &mut rng)
    );
    let (loaded, went) = (begun.elapsed(), went.unwrap());
    plant.mend().await.unwrap();
    let accepted = accepted.unwrap();
    let all = settled(&mut plant, &publishers, &form, accepted).await;
    println!("{}", all.summary(&form, &went, &publishers, loaded, begun.elapsed()));
    all.is_as_promised(&plant, form.seed).await;
}

/// What there is in the end.
struct All {
    accepted: Vec<Accepted>,
    ledger: Ledger,
    histories: Histories,
    bad: Vec<Bad>,
}

/// Waits until everything is done, and counts.
async fn settled(
    plant: &mut Plant,
    publishers: &Publishers,
    form: &Form,
    mut accepted: Vec<Accepted>,
) -> All {
    plant.wait_until_ready().await;
    let client = async_nats::connect(plant.nats.url()).await.unwrap();
    let jetstream = jetstream::new(client);
    ledger::drained(&jetstream, form.settles).await;
    let (last, workflow) = publishers.publish_last().await;
    accepted.push(last);
    ledger::drained(&jetstream, form.settles).await;
    let histories = Histories::of(plant.temporal.http_port()).unwrap();
    histories.are_indexed_up_to(&workflow).await;
    let marks = histories.marks().await.unwrap();
    let ledger = Ledger::read(&jetstream).await.unwrap();
    let mut bad = count::in_histories(&accepted, &marks);
    bad.extend(count::in_ledger(&accepted, &ledger));
    All { accepted, ledger, histories, bad }
}

impl All {
    fn summary(
        &self,
        form: &Form,
        went: &Went,
        publishers: &Publishers,
        loaded: Duration,
        took: Duration,
    ) -> String {
        let of = |kind: OutcomeKind| {
            let effects = self.ledger.effects.values().flatten();
            effects.filter(|outcome| outcome.kind() == kind).count()
        };
        let lost = |bad: &&Bad| matches!(bad, Bad::Lost { .. });
        let doubled = |bad: &&Bad| matches!(bad, Bad::Doubled { .. } | Bad::Foreign { .. });
        let disordered = |bad: &&Bad| matches!(bad, Bad::OutOfOrder { .. });
        let open = |bad: &&Bad| matches!(bad, Bad::NoEnd { .. });
        let tried_again =
            self.ledger.effects.values().flatten().filter(|outcome| outcome.attempts > 1).count();
        let mut told = String::new();
        let _ = writeln!(told, "seed {}, routers {}", form.seed, form.routers);
        let _ = writeln!(
            told,
            "{} events of {} keys, {} effects in workflows, {} dead letters",
            self.accepted.len(),
            form.amount.keys,
            count::expected(&self.accepted),
            self.ledger.letters.values().flatten().count(),
        );
        let _ = writeln!(told, "{} kills; what went wrong: {:?}", went.kills, went.by_kind);
        let _ = writeln!(
            told,
            "publishers sent again {} times; {} effects were deduplicated, {tried_again} tried more than once",
            publishers.again.load(std::sync::atomic::Ordering::Relaxed),
            of(OutcomeKind::Deduplicated),
        );
        let count = |which: &dyn Fn(&&Bad) -> bool| self.bad.iter().filter(which).count();
        let _ = writeln!(
            told,
            "{} lost, {} doubled, {} out of order, {} without an end",
            count(&lost),
            count(&doubled),
            count(&disordered),
            count(&open)
        );
        let _ = write!(told, "{} s of load, {} s until all was done", loaded.as_secs(), took.as_secs());
        told
    }

    /// If not, tells what happened to the first that are bad.
    async fn is_as_promised(&self, plant: &Plant, seed: u64) {
        if self.bad.is_empty() && plant.ended.is_empty() {
            return;
        }
        let mut told = plant.ended.join("\n");
        for bad in self.bad.iter().take(TOLD) {
            let (id, workflow) = bad.about();
            let _ = write!(told, "\n{bad}\n{}", self.ledger.told(id));
            if let Some(workflow) = workflow {
                told.push_str(&self.histories.told(workflow).await.unwrap_or_else(|error| error.to_string()));
            }
        }
        let last = plant.last_words();
        panic!("{} are bad (SIGNALBOX_CHAOS_SEED={seed})\n{told}\n{last}", self.bad.len());
    }
}
