//! One partition: takes deliveries, keeps lanes, settles.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use signalbox_bus::{Delivery, Settlement};
use signalbox_domain::Command;
use tokio::time::{MissedTickBehavior, interval};

use super::{Applier, lanes::Lanes};
use crate::{queued, recent::Recent};

/// Commands of one partition under way at once.
const UNDER_WAY: usize = 64;

/// Commands of one partition that are held, under way or waiting in a lane, before no more are taken.
const HELD: usize = 1024;

pub(super) async fn run(applier: Arc<Applier>, number: u16) -> anyhow::Result<()> {
    let stop = applier.stop.clone();
    let mut deliveries = applier.bus.commands(number);
    let mut partition = Partition::new(applier);
    let mut working = interval(Delivery::WORKING_EVERY);
    working.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            Some(end) = partition.under_way.next() => partition.ended(end).await,
            delivery = deliveries.next(), if partition.has_room() => partition.take(delivery).await,
            _ = working.tick() => partition.still_working().await,
        }
    }
    // What is under way comes to its end or gives up at its next pause; what waits is left to the next owner.
    while let Some(end) = partition.under_way.next().await {
        partition.settle(end).await;
    }
    Ok(())
}

struct Partition {
    applier: Arc<Applier>,
    held: HashMap<u64, Held>,
    /// How many commands these have that have not come to their end.
    left: usize,
    /// An event that is published twice at once is matched twice before the ledger knows of it.
    recent: Recent,
    lanes: Lanes<Box<str>, Work>,
    under_way: FuturesUnordered<BoxFuture<'static, End>>,
    /// May begin, but would be more than [`UNDER_WAY`].
    ready: VecDeque<Work>,
}

/// A delivery whose commands have not all come to their end.
struct Held {
    delivery: Delivery,
    left: usize,
}

struct Work {
    command: Command,
    delivery: u64,
    repeated: bool,
}

/// The end of a command's work; not `concluded` when the service stopped before.
struct End {
    key: Box<str>,
    delivery: u64,
    concluded: bool,
}

impl Partition {
    fn new(applier: Arc<Applier>) -> Self {
        Self {
            applier,
            held: HashMap::new(),
            left: 0,
            recent: Recent::default(),
            lanes: Lanes::new(),
            under_way: FuturesUnordered::new(),
            ready: VecDeque::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.left < HELD
    }

    async fn take(&mut self, delivery: Delivery) {
        let sequence = delivery.stream_sequence;
        if let Some(held) = self.held.get_mut(&sequence) {
            // The consumer was opened anew: its earlier delivery can no longer be acknowledged, this one can.
            held.delivery = delivery;
            return;
        }
        let commands = queued::commands(&self.applier.bus, &delivery).await;
        if commands.is_empty() {
            delivery.settle(Settlement::Done).await;
            return;
        }
        let repeated = delivery.repeated;
        self.applier.metrics.held.inc_by(commands.len() as i64);
        self.left += commands.len();
        self.held.insert(sequence, Held { delivery, left: commands.len() });
        for command in commands {
            let key: Box<str> = command.key().into();
            let repeated = self.recent.knows(&command.effect_key) || command.repeated || repeated;
            let work = Work { command, delivery: sequence, repeated };
            if let Some(work) = self.lanes.enter(&key, work) {
                self.ready.push_back(work);
            }
        }
        self.begin();
    }

    fn begin(&mut self) {
        while self.under_way.len() < UNDER_WAY
            && let Some(Work { mut command, delivery, repeated }) = self.ready.pop_front()
        {
            let Some(held) = self.held.get(&delivery) else { continue };
            let mut span = held.delivery.span("apply", &command.trace);
            command.trace = span.context();
            let applier = Arc::clone(&self.applier);
            let work = async move {
                let concluded = applier.carry_out(&command, repeated, &mut span).await.is_some();
                End { key: command.key().into(), delivery, concluded }
            };
            self.under_way.push(work.boxed());
        }
    }

    async fn ended(&mut self, end: End) {
        if end.concluded
            && let Some(next) = self.lanes.leave(&end.key)
        {
            self.ready.push_back(next);
        }
        self.settle(end).await;
        self.begin();
    }

    async fn settle(&mut self, end: End) {
        self.applier.metrics.held.dec();
        self.left -= 1;
        let Some(held) = self.held.get_mut(&end.delivery).filter(|_| end.concluded) else { return };
        held.left -= 1;
        if held.left == 0
            && let Some(held) = self.held.remove(&end.delivery)
        {
            held.delivery.settle(Settlement::Done).await;
        }
    }

    async fn still_working(&mut self) {
        for held in self.held.values() {
            held.delivery.settle(Settlement::Working).await;
        }
    }
}
