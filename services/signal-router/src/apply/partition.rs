//! One partition: takes deliveries, keeps lanes, settles.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use signalbox_bus::{Delivery, Settlement};
use signalbox_domain::Command;
use tokio::time::{MissedTickBehavior, interval};

use super::{Applier, balance::Share, lanes::Lanes};
use crate::{
    queued::{self, Queued},
    recent::Recent,
};

/// Commands of one partition under way at once.
const UNDER_WAY: usize = 64;

/// Commands of one partition that are held, under way or waiting in a lane, before no more are taken.
const HELD: usize = 1024;

pub(super) async fn run(applier: Arc<Applier>, number: u16, mut share: Share) -> anyhow::Result<()> {
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
            () = share.is_too_large() => deliveries.give_away(partition.finish()).await,
        }
        share.is_ours(deliveries.are_ours());
    }
    // What is under way comes to its end or gives up at its next pause; what waits is left to the next owner.
    deliveries.give_away(partition.finish()).await;
    Ok(())
}

struct Partition {
    applier: Arc<Applier>,
    /// That of what is held.
    opening: u64,
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
            opening: 0,
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
        if self.opening != delivery.opening {
            self.begin_anew(delivery.opening).await;
        }
        let sequence = delivery.stream_sequence;
        let Queued { commands, late } = queued::read(&self.applier.bus, &delivery).await;
        if commands.is_empty() {
            delivery.settle(Settlement::Done).await;
            return;
        }
        let repeated = delivery.repeated || late;
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

    /// What was held is delivered again, to whoever has the partition now.
    async fn begin_anew(&mut self, opening: u64) {
        self.finish().await;
        self.applier.metrics.held.dec_by(self.left as i64);
        self.left = 0;
        self.held.clear();
        self.lanes = Lanes::new();
        self.ready.clear();
        self.opening = opening;
    }

    /// What is under way comes to its end, or gives up at its next pause.
    async fn finish(&mut self) {
        while let Some(end) = self.under_way.next().await {
            self.settle(end).await;
        }
    }

    fn begin(&mut self) {
        while self.under_way.len() < UNDER_WAY
            && let Some(Work { mut command, delivery, repeated }) = self.ready.pop_front()
        {
            let Some(held) = self.held.get(&delivery) else { continue };
            let mut span = held.delivery.span("apply", &command.trace);
            command.trace = span.context();
            let (applier, lease) = (Arc::clone(&self.applier), held.delivery.lease.clone());
            let work = async move {
                let concluded = applier.carry_out(&command, repeated, &lease, &mut span).await.is_some();
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
