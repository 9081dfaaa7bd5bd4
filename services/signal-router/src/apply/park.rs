//! Parking: the turn of a command and of what is parked of its key. What is parked lies in a stream of its own, and
//! only the owner of its partition touches it.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use prost::Message;
use signalbox_bus::{Lease, Parked as Stored, parked_span};
use signalbox_domain::{Command, EventKey, EventRef, Outcome, OutcomeExt, OutcomeKind, Reason, of_command};
use signalbox_proto::{
    names::{stream, subject},
    v1,
};
use signalbox_telemetry::{Chain, Span};
use tokio::time::timeout;

use super::{
    Applier,
    attempt::Ended,
    outcome::expired,
    parked::{Entry, Found, MOST, Parked, Task},
};
use crate::queued::bury_unreadable;

/// To ask whether anybody has a partition may take so long: meanwhile nothing else is done about it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is parked of a partition.
pub(super) struct Parking {
    applier: Arc<Applier>,
    partition: u16,
    parked: Mutex<Parked>,
    /// That of who has the partition, since it was read what is parked.
    lease: Mutex<Option<Lease>>,
    /// What is counted of it in the metrics of this router.
    told: AtomicI64,
}

impl Parking {
    pub(super) fn new(applier: Arc<Applier>, partition: u16) -> Self {
        Self {
            applier,
            partition,
            parked: Mutex::default(),
            lease: Mutex::default(),
            told: AtomicI64::default(),
        }
    }

    /// Reads what the stream has: what was parked by who had the partition before. Nothing is under way.
    pub(super) async fn load(&self, lease: Lease) {
        let (mut all, mut events, mut next) = (Vec::new(), Vec::new(), 1);
        while let Some(stored) = self.applier.bus.parked_from(self.partition, next).await {
            next = stored.stream_sequence + 1;
            if let Some(command) = self.read(&stored).await {
                let entry = Entry::of(&command, command.repeated);
                all.push((command.key().into(), stored.stream_sequence, entry));
                events.push(command.origin.event_key());
            }
        }
        self.take_out_what_happened(&mut all, &events).await;
        if !all.is_empty() {
            tracing::info!(partition = self.partition, commands = all.len(), "parked commands wait");
        }
        self.lock().replace(all, Utc::now());
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
    }

    /// Whoever had the partition may have died after an outcome was recorded; or, when its place was taken already,
    /// have stored a command that the next one stored, too.
    async fn take_out_what_happened(&self, all: &mut Vec<Found>, events: &[EventKey]) {
        if all.is_empty() {
            return;
        }
        let recorded = self.applier.bus.recorded(events).await;
        let ended = recorded.into_iter().filter(OutcomeExt::is_final).map(|outcome| outcome.effect_key);
        let ended: HashSet<_> = ended.collect();
        let happened = |(_, _, entry): &Found| ended.contains(entry.effect.as_str());
        for (_, sequence, _) in all.iter().filter(|found| happened(found)) {
            self.applier.bus.unpark(*sequence).await;
        }
        all.retain(|found| !happened(found));
    }

    /// Has somebody take the partition, if nobody has it and something is parked there.
    pub(super) async fn wake(&self) {
        let woken = timeout(PATIENCE, self.applier.bus.wake(self.partition)).await;
        if let Ok(Err(error)) = woken {
            tracing::debug!(error = %Chain(&error), partition = self.partition, "not known whether anybody has it");
        }
    }

    /// Counts what is parked, if the partition is this router's.
    pub(super) fn tell(&self, ours: bool) {
        let count = if ours { self.lock().len() as i64 } else { 0 };
        self.applier.metrics.parked.inc_by(count - self.told.swap(count, Ordering::Relaxed));
    }

    /// Carries out a command that has its turn, and what of its key is parked, in the order that is due. Gives `None`
    /// when the service stops before that.
    pub(super) async fn turn(
        &self,
        command: &Command,
        repeated: bool,
        lease: &Lease,
        span: &mut Span,
    ) -> Option<()> {
        let tasks = self.lock().tasks(command);
        for task in tasks {
            match task {
                Task::Line => Box::pin(self.try_line(command.key(), lease)).await?,
                Task::Behind => Box::pin(self.park(command, repeated, no_run_yet(command), lease)).await?,
                Task::Itself => match self.applier.carry_out(command, repeated, lease, span).await? {
                    Ended::Settled => {}
                    // Temporal has said so: it had no effect.
                    Ended::Missing(outcome) => Box::pin(self.park(command, false, *outcome, lease)).await?,
                },
            }
        }
        Some(())
    }

    /// Keys that are to be tried because it is time, and not because a command comes.
    pub(super) fn call(&self) -> Vec<Box<str>> {
        self.lock().call(Utc::now())
    }

    /// Tries a line that was called.
    pub(super) async fn answer(&self, key: &str) -> Option<()> {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let tried = self.try_line(key, &lease).await;
        self.lock().tried(key);
        tried
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    /// One after the other, until no run is open or none is left.
    async fn try_line(&self, key: &str, lease: &Lease) -> Option<()> {
        loop {
            let Some((sequence, repeated)) = self.lock().head(key) else { return Some(()) };
            if self.applier.stop.is_cancelled() {
                return None;
            }
            let Some(mut command) = self.stored(key, sequence).await else { continue };
            let mut span = parked_span(self.partition, sequence, &command.trace);
            command.trace = span.context();
            match self.applier.carry_out(&command, repeated, lease, &mut span).await? {
                Ended::Settled => self.forget(key, sequence).await,
                Ended::Missing(_) => break,
            }
        }
        let over = self.lock().missing(key, Utc::now());
        for sequence in over {
            if let Some(command) = self.stored(key, sequence).await {
                let outcome = expired(of_command(&command, 1, Utc::now()), "no run of its workflow came");
                self.applier.conclude(&command, outcome, true).await;
                self.forget(key, sequence).await;
            }
        }
        Some(())
    }

    /// Stores a command, tells of it, and lets it wait.
    async fn park(
        &self,
        command: &Command,
        repeated: bool,
        mut outcome: Outcome,
        lease: &Lease,
    ) -> Option<()> {
        if !self.applier.stop.run_until_cancelled(lease.is_held()).await? {
            return None;
        }
        let (known, has_room) = {
            let parked = self.lock();
            (parked.knows(&command.effect_key), parked.has_room())
        };
        // One that was parked before a crash, and comes again because it was not acknowledged, waits already.
        if !known {
            let stored = match has_room {
                true => {
                    let stored = Command { repeated, ..command.clone() };
                    self.applier.bus.park(self.partition, stored).await.map_err(|error| error.to_string())
                }
                false => Err(format!("{MOST} commands of its partition are parked already")),
            };
            match stored {
                Ok(sequence) => {
                    let entry = Entry::of(command, repeated);
                    self.lock().insert(command.key(), sequence, entry, Utc::now());
                }
                Err(why) => {
                    let detail = format!("{}; it cannot be parked: {why}", outcome.detail);
                    outcome = outcome.because(OutcomeKind::Dead, Reason::WorkflowNotFound, detail);
                }
            }
        }
        self.applier.conclude(command, outcome, true).await;
        Some(())
    }

    /// The outcome is recorded: a crash before this one repeats the command, and it is then resolved.
    async fn forget(&self, key: &str, sequence: u64) {
        self.applier.bus.unpark(sequence).await;
        self.lock().remove(key, sequence);
    }

    /// A command of the line; one that is no more there is forgotten.
    async fn stored(&self, key: &str, sequence: u64) -> Option<Command> {
        let stored = self.applier.bus.parked_from(self.partition, sequence).await;
        let command = match stored.filter(|stored| stored.stream_sequence == sequence) {
            Some(stored) => self.read(&stored).await,
            None => {
                tracing::warn!(key, stream.sequence = sequence, "a parked command is gone from its stream");
                None
            }
        };
        if command.is_none() {
            self.lock().remove(key, sequence);
        }
        command
    }

    /// What is no command is a dead letter.
    async fn read(&self, stored: &Stored) -> Option<Command> {
        let wire = v1::Command::decode(stored.payload.clone()).map_err(|error| error.to_string());
        match wire.and_then(|wire| Command::try_from(wire).map_err(|error| error.to_string())) {
            Ok(command) => Some(command),
            Err(why) => {
                bury_unreadable(&self.applier.bus, self.reference(stored), &stored.payload, &why).await;
                self.applier.bus.unpark(stored.stream_sequence).await;
                None
            }
        }
    }

    fn reference(&self, stored: &Stored) -> EventRef {
        let subject = subject::parked(self.partition);
        EventRef {
            id: format!("{}-{}", stream::PARKED, stored.stream_sequence),
            source: format!("nats:{subject}"),
            nats_subject: subject,
            stream_sequence: stored.stream_sequence,
            ..Default::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of a command that is not tried, because others wait before it.
fn no_run_yet(command: &Command) -> Outcome {
    let detail = "others wait for a run of its workflow before it";
    of_command(command, 0, Utc::now()).because(OutcomeKind::Parked, Reason::WorkflowNotFound, detail)
}
