//! One partition: takes deliveries, keeps what waits, settles.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Weak},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{join_all, ready};
use signalbox_bus::{Bus, Deliveries, Delivery, Lease, Settlement};
use signalbox_domain::{Command, EffectKey, Outcome, OutcomeExt, ReplyTo};
use signalbox_proto::{Message, v1};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::{held::Flows, stages::Item, told};
use crate::{
    metrics::RouterMetrics,
    queued::{self, Queued},
    recent::Recent,
};

/// Messages that are taken together: the ledger is asked once about them.
const TOGETHER: usize = 64;
/// No more bytes than these, either.
const BYTES_TOGETHER: usize = 4 * 1024 * 1024;
/// Commands of one partition that wait, before no more are taken.
const HELD: usize = 16 * 1024;
/// Nor more bytes.
const BYTES_HELD: usize = 64 * 1024 * 1024;
/// What goes on sooner is not told to wait.
const A_MOMENT: TimeDelta = TimeDelta::milliseconds(250);
/// Much shorter than JetStream waits for an acknowledgement of FLOW, which is a day.
const WORKING_EVERY: Duration = Duration::from_secs(60 * 60);
/// Windows end within this, or within what the machine's clock was moved by.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

pub(super) async fn run(
    bus: Bus,
    metrics: RouterMetrics,
    stop: CancellationToken,
    number: u16,
) -> anyhow::Result<()> {
    let mut partition = Partition::new(bus, metrics, number);
    // What is held and not settled is delivered again to whoever comes next.
    stop.run_until_cancelled(partition.work()).await;
    partition.forget();
    partition.deliveries.give_away(ready(())).await;
    Ok(())
}

pub(super) struct Partition {
    pub(super) bus: Bus,
    pub(super) metrics: RouterMetrics,
    pub(super) number: u16,
    deliveries: Deliveries,
    /// Of this opening of the consumer is everything that is held.
    opening: u64,
    /// Whether it may still be worked on here.
    lease: Option<Lease>,
    pub(super) flows: Flows,
    held: HashMap<u64, Held>,
    bytes: usize,
    /// The effects that wait.
    waiting: HashSet<EffectKey>,
    /// Those that went on lately.
    went_on: Recent,
    /// What nobody was told of yet, since when.
    untold: VecDeque<(DateTime<Utc>, Weak<Command>)>,
}

/// A delivery whose commands have not all gone on.
struct Held {
    delivery: Delivery,
    left: usize,
}

/// A command that was just delivered.
struct Arrived {
    command: Command,
    sequence: u64,
    stored_at: DateTime<Utc>,
}

impl Partition {
    fn new(bus: Bus, metrics: RouterMetrics, number: u16) -> Self {
        Self {
            deliveries: bus.held_commands(number),
            bus,
            metrics,
            number,
            opening: 0,
            lease: None,
            flows: Flows::new(Utc::now()),
            held: HashMap::new(),
            bytes: 0,
            waiting: HashSet::new(),
            went_on: Recent::default(),
            untold: VecDeque::new(),
        }
    }

    async fn work(&mut self) {
        let mut working = interval(WORKING_EVERY);
        working.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (has_room, pause) = (self.has_room(), self.pause(Utc::now()));
            tokio::select! {
                taken = self.deliveries.next_ready(TOGETHER, BYTES_TOGETHER), if has_room => self.take_all(taken).await,
                () = sleep(pause) => {}
                _ = working.tick() => self.still_working().await,
            }
            self.go_on().await;
        }
    }

    fn has_room(&self) -> bool {
        self.waiting.len() < HELD && self.bytes < BYTES_HELD
    }

    /// Until when there is nothing to do unless something comes.
    fn pause(&self, now: DateTime<Utc>) -> Duration {
        let untold = self.untold.front().map(|(since, _)| *since + A_MOMENT);
        let next = [self.flows.next(), untold].into_iter().flatten().min();
        let pause = next.and_then(|next| (next - now).max(TimeDelta::zero()).to_std().ok());
        // Timers have milliseconds: a little late is on time.
        pause.map_or(LONGEST_SLEEP, |pause| (pause + Duration::from_millis(1)).min(LONGEST_SLEEP))
    }

    async fn go_on(&mut self) {
        if let Some(lease) = &self.lease
            && !lease.is_held().await
        {
            // Another router has it all now.
            return self.forget();
        }
        let now = Utc::now();
        let released = self.flows.advance(now);
        if !released.is_empty() {
            self.release(released, now).await;
        }
        self.tell_held(now).await;
    }

    async fn take_all(&mut self, taken: Vec<Delivery>) {
        let mut arrived = Vec::new();
        for delivery in taken {
            if delivery.opening != self.opening {
                arrived.clear();
                self.begin(&delivery).await;
            }
            arrived.extend(self.hold(delivery).await);
        }
        let known = self.known(&arrived).await;
        let now = Utc::now();
        let mut superseded = Vec::new();
        for arrived in arrived {
            self.enter(arrived, &known, now, &mut superseded).await;
        }
        self.supersede(superseded).await;
    }

    /// Everything that was held is delivered again. What was sealed before that goes on as it is.
    async fn begin(&mut self, delivery: &Delivery) {
        self.forget();
        self.opening = delivery.opening;
        self.lease = Some(delivery.lease.clone());
        self.open_seals().await;
        self.flows = Flows::new(Utc::now());
    }

    /// As if the process had died: what is held is delivered again, and resolved then.
    pub(super) fn start_over(&mut self) {
        self.forget();
        self.deliveries = self.bus.held_commands(self.number);
    }

    fn forget(&mut self) {
        self.opening = 0;
        self.lease = None;
        self.metrics.waiting.dec_by(self.waiting.len() as i64);
        self.held.clear();
        self.bytes = 0;
        self.waiting.clear();
        self.went_on = Recent::default();
        self.untold.clear();
        self.flows = Flows::new(Utc::now());
    }

    /// Keeps the delivery until its commands have gone on, and gives those.
    async fn hold(&mut self, delivery: Delivery) -> Vec<Arrived> {
        let (sequence, stored_at) = (delivery.stream_sequence, delivery.stored_at);
        if let Some(held) = self.held.get_mut(&sequence) {
            held.delivery = delivery;
            return Vec::new();
        }
        let Queued { commands, late } = queued::read(&self.bus, &delivery).await;
        if commands.is_empty() {
            delivery.settle(Settlement::Done).await;
            return Vec::new();
        }
        let repeated = delivery.repeated || late;
        self.bytes += delivery.payload().len();
        self.held.insert(sequence, Held { delivery, left: commands.len() });
        let arrived = |command: Command| {
            let repeated = repeated || command.repeated;
            Arrived { command: Command { repeated, ..command }, sequence, stored_at }
        };
        commands.into_iter().map(arrived).collect()
    }

    /// What the ledger has of those that may have been here before.
    async fn known(&self, arrived: &[Arrived]) -> HashMap<String, Outcome> {
        let repeated = arrived.iter().filter(|arrived| arrived.command.repeated);
        let events: Vec<_> = repeated.map(|arrived| arrived.command.origin.event_key()).collect();
        self.bus.recorded_by_effect(&events).await
    }

    async fn enter(
        &mut self,
        Arrived { command, sequence, stored_at }: Arrived,
        known: &HashMap<String, Outcome>,
        now: DateTime<Utc>,
        superseded: &mut Vec<(Item, EffectKey)>,
    ) {
        let effect = command.effect_key.clone();
        let known = known.get(effect.as_str());
        let went_on = self.went_on.contains(&effect) || known.is_some_and(told::went_on);
        if went_on || self.waiting.contains(&effect) {
            // Whoever published the event again waits for what comes of it the first time.
            let waits = || (!went_on).then(|| told::held(&command, None, now));
            if let (Some(to), Some(outcome)) = (&command.reply_to, known.cloned().or_else(waits)) {
                self.reply(to, outcome).await;
            }
            self.settle(sequence).await;
            return;
        }
        self.waiting.insert(effect.clone());
        self.metrics.waiting.inc();
        let command = Arc::new(command);
        if known.is_none() {
            self.untold.push_back((now, Arc::downgrade(&command)));
        }
        let bytes = v1::Command::from((*command).clone()).encoded_len();
        let item = Item { sequence, stored_at, bytes, command };
        if let Some(before) = self.flows.take(item, now) {
            superseded.push((before, effect));
        }
    }

    async fn supersede(&mut self, superseded: Vec<(Item, EffectKey)>) {
        let now = Utc::now();
        let told = superseded.iter().map(async |(item, by)| {
            self.tell(&item.command, told::superseded(&item.command, by, now)).await;
        });
        join_all(told).await;
        self.metrics.superseded.inc_by(superseded.len() as u64);
        for (item, _) in superseded {
            self.done(&item).await;
        }
    }

    /// It waits no more, and what came of it is recorded, or it lies in COMMANDS.
    pub(super) async fn done(&mut self, item: &Item) {
        let effect = &item.command.effect_key;
        if self.waiting.remove(effect) {
            self.metrics.waiting.dec();
        }
        self.went_on.knows(effect);
        self.settle(item.sequence).await;
    }

    async fn settle(&mut self, sequence: u64) {
        let Some(held) = self.held.get_mut(&sequence) else { return };
        held.left -= 1;
        if held.left == 0
            && let Some(held) = self.held.remove(&sequence)
        {
            self.bytes -= held.delivery.payload().len();
            held.delivery.settle(Settlement::Done).await;
        }
    }

    async fn still_working(&mut self) {
        for held in self.held.values() {
            held.delivery.settle(Settlement::Working).await;
        }
    }

    /// Of what has waited for more than a moment, whoever waits and the ledger are told so, once.
    async fn tell_held(&mut self, now: DateTime<Utc>) {
        let mut waiting = Vec::new();
        while let Some((_, command)) = self.untold.pop_front_if(|(since, _)| *since + A_MOMENT <= now) {
            waiting.extend(command.upgrade());
        }
        let told = waiting.iter().map(|command| self.tell(command, told::held(command, None, now)));
        join_all(told).await;
    }

    /// Whoever waits, and then the ledger.
    pub(super) async fn tell(&self, command: &Command, outcome: Outcome) {
        if let Some(to) = &command.reply_to {
            self.reply(to, outcome.clone()).await;
        }
        self.bus.record(&outcome).await;
    }

    async fn reply(&self, to: &ReplyTo, mut outcome: Outcome) {
        // Whoever waits was told of it by the matcher.
        outcome.take_matching();
        self.bus.reply(to, &outcome).await;
    }
}
