//! One partition: takes deliveries, keeps lanes, settles.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use signalbox_bus::{Delivery, Settlement};
use signalbox_domain::Command;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{
    Applier,
    balance::Share,
    lanes::Lanes,
    park::Parking,
    taken_over::{Begun, TakenOver},
};
use crate::{
    queued::{self, Queued},
    recent::Recent,
};

/// Commands of one partition under way at once.
const UNDER_WAY: usize = 64;

/// Commands of one partition that are held, under way or waiting in a lane, before no more are taken.
const HELD: usize = 1024;

/// How often it is looked whose time has come of what is parked.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How often who does not have the partition looks whether somebody has to, for what is parked.
const WAKE_EVERY: Duration = Duration::from_secs(2);

pub(super) async fn run(applier: Arc<Applier>, number: u16, mut share: Share) -> anyhow::Result<()> {
    let stop = applier.stop.clone();
    let mut deliveries = applier.bus.commands(number);
    let mut partition = Partition::new(applier, number);
    let (mut working, mut looking) = (every(Delivery::WORKING_EVERY), every(LOOK_EVERY));
    let mut waking = every(WAKE_EVERY);
    while !stop.is_cancelled() {
        let ours = deliveries.are_ours();
        tokio::select! {
            () = stop.cancelled() => {}
            Some(end) = partition.under_way.next() => partition.ended(end).await,
            delivery = deliveries.next(), if partition.has_room() => partition.take(delivery).await,
            _ = working.tick() => partition.still_working().await,
            _ = looking.tick(), if ours && !partition.parking.is_empty() => partition.call(),
            _ = waking.tick(), if !ours => partition.parking.wake().await,
            () = share.is_too_large() => deliveries.give_away(partition.finish()).await,
        }
        share.is_ours(deliveries.are_ours());
        partition.parking.tell(deliveries.are_ours());
    }
    // What is under way comes to its end or gives up at its next pause; what waits is left to the next owner.
    deliveries.give_away(partition.finish()).await;
    Ok(())
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

struct Partition {
    applier: Arc<Applier>,
    parking: Arc<Parking>,
    /// That of what is held.
    opening: u64,
    /// The last that was taken of it.
    taken: u64,
    held: HashMap<u64, Held>,
    /// How many commands these have that have not come to their end.
    left: usize,
    /// An event that is published twice at once is matched twice before the ledger knows of it.
    recent: Recent,
    taken_over: TakenOver,
    lanes: Lanes<Box<str>, Work>,
    under_way: FuturesUnordered<BoxFuture<'static, End>>,
    /// May begin, but would be more than [`UNDER_WAY`].
    ready: VecDeque<Work>,
}

/// A delivery whose commands have not all come to their end.
struct Held {
    delivery: Arc<Delivery>,
    left: usize,
}

/// What waits for the turn of its key.
struct Work {
    key: Box<str>,
    what: What,
}

enum What {
    Command(Box<Delivered>),
    /// To see whether there is a run by now for what is parked.
    Parked,
}

struct Delivered {
    command: Command,
    delivery: Arc<Delivery>,
    repeated: bool,
}

/// The end of a turn; not `concluded` when the service stopped before.
struct End {
    key: Box<str>,
    /// Whose command it was, if it was not what is parked.
    delivery: Option<u64>,
    concluded: bool,
}

impl Partition {
    fn new(applier: Arc<Applier>, number: u16) -> Self {
        Self {
            parking: Arc::new(Parking::new(Arc::clone(&applier), number)),
            applier,
            opening: 0,
            taken: 0,
            held: HashMap::new(),
            left: 0,
            recent: Recent::default(),
            taken_over: TakenOver::default(),
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
            self.begin_anew(&delivery).await;
        }
        let sequence = delivery.stream_sequence;
        if sequence <= self.taken {
            // It lay here for so long before it was taken that JetStream delivered it once more.
            if !self.held.contains_key(&sequence) {
                delivery.settle(Settlement::Done).await;
            }
            return;
        }
        self.taken = sequence;
        let Queued { commands, late } = queued::read(&self.applier.bus, &delivery).await;
        let Some(left) = self.left_of(commands, &delivery, late).await else { return };
        if left.is_empty() {
            delivery.settle(Settlement::Done).await;
            return;
        }
        self.applier.metrics.held.inc_by(left.len() as i64);
        self.left += left.len();
        let delivery = Arc::new(delivery);
        self.held.insert(sequence, Held { delivery: Arc::clone(&delivery), left: left.len() });
        for (command, repeated) in left {
            let key = command.key().into();
            let delivery = Arc::clone(&delivery);
            self.enter(key, What::Command(Box::new(Delivered { command, delivery, repeated })));
        }
        self.begin();
    }

    /// The commands that have not come to their end where the partition was before, and whether each may have begun.
    /// Gives `None` when the service stops.
    async fn left_of(
        &mut self,
        commands: Vec<Command>,
        delivery: &Delivery,
        late: bool,
    ) -> Option<Vec<(Command, bool)>> {
        let given_before = delivery.stream_sequence <= delivery.given_before;
        let recorded = match given_before {
            true => self.applier.recorded(&commands).await?,
            false => {
                self.taken_over = TakenOver::default();
                HashMap::new()
            }
        };
        let mut left = Vec::with_capacity(commands.len());
        for command in commands {
            let again = self.recent.knows(&command.effect_key) || command.repeated || late;
            let begun = match given_before {
                true => self.taken_over.begun(&command, recorded.get(command.effect_key.as_str())),
                false if delivery.repeated => Begun::Perhaps,
                false => Begun::No,
            };
            match begun {
                // Whoever waits may not have been told.
                Begun::Ended(outcome) => self.applier.reply(&command, outcome).await,
                begun => left.push((command, again || begun == Begun::Perhaps)),
            }
        }
        Some(left)
    }

    /// What is parked, and has to be looked after, takes its turn as everything of its key does.
    fn call(&mut self) {
        for key in self.parking.call() {
            self.enter(key, What::Parked);
        }
        self.begin();
    }

    fn enter(&mut self, key: Box<str>, what: What) {
        let work = self.lanes.enter(&key.clone(), Work { key, what });
        self.ready.extend(work);
    }

    /// What was held is delivered again, to whoever has the partition now.
    async fn begin_anew(&mut self, delivery: &Delivery) {
        self.finish().await;
        self.applier.metrics.held.dec_by(self.left as i64);
        self.left = 0;
        self.taken = 0;
        self.held.clear();
        self.taken_over = TakenOver::default();
        self.lanes = Lanes::new();
        self.ready.clear();
        self.opening = delivery.opening;
        let loading = self.parking.load(delivery.lease.clone());
        self.applier.stop.run_until_cancelled(loading).await;
    }

    /// What is under way comes to its end, or gives up at its next pause.
    async fn finish(&mut self) {
        while let Some(end) = self.under_way.next().await {
            self.settle(end).await;
        }
    }

    fn begin(&mut self) {
        while self.under_way.len() < UNDER_WAY
            && let Some(Work { key, what }) = self.ready.pop_front()
        {
            let parking = Arc::clone(&self.parking);
            let turn = match what {
                What::Parked => async move {
                    let concluded = parking.answer(&key).await.is_some();
                    End { key, delivery: None, concluded }
                }
                .boxed(),
                What::Command(delivered) => {
                    let Delivered { mut command, delivery, repeated } = *delivered;
                    let mut span = delivery.span("apply", &command.trace);
                    command.trace = span.context();
                    async move {
                        let turn = parking.turn(&command, repeated, &delivery.lease, &mut span);
                        let concluded = turn.await.is_some();
                        End { key, delivery: Some(delivery.stream_sequence), concluded }
                    }
                    .boxed()
                }
            };
            self.under_way.push(turn);
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
        let Some(delivery) = end.delivery else { return };
        self.applier.metrics.held.dec();
        self.left -= 1;
        let Some(held) = self.held.get_mut(&delivery).filter(|_| end.concluded) else { return };
        held.left -= 1;
        if held.left == 0
            && let Some(held) = self.held.remove(&delivery)
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
