//! Parking: the turn of a command and of what is parked of its key. What is parked lies in a stream of its own, and
//! only the owner of its partition touches it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use prost::Message;
use signalbox_bus::{Parked as Stored, parked_span};
use signalbox_domain::{Command, EventRef, Outcome, OutcomeExt, OutcomeKind, Reason, of_command};
use signalbox_proto::{
    names::{stream, subject},
    v1,
};
use signalbox_telemetry::Span;

use super::{
    Applier,
    attempt::Ended,
    outcome::expired,
    parked::{Entry, MOST, Parked, Task},
};

/// What is parked of a partition.
pub(super) struct Parking {
    applier: Arc<Applier>,
    partition: u16,
    parked: Mutex<Parked>,
}

impl Parking {
    pub(super) fn new(applier: Arc<Applier>, partition: u16) -> Self {
        Self { applier, partition, parked: Mutex::default() }
    }

    /// Reads what the stream has: what was parked by who owned the partition before.
    pub(super) async fn load(&self) {
        let (mut all, mut next) = (Vec::new(), 1);
        while let Some(stored) = self.applier.bus.parked_from(self.partition, next).await {
            next = stored.stream_sequence + 1;
            if let Some(command) = self.read(&stored).await {
                let entry = Entry::of(&command, command.repeated);
                all.push((command.key().into(), stored.stream_sequence, entry));
            }
        }
        if !all.is_empty() {
            tracing::info!(partition = self.partition, commands = all.len(), "parked commands wait");
        }
        self.change(|parked| parked.replace(all, Utc::now()));
    }

    /// Carries out a command that has its turn, and what of its key is parked, in the order that is due. Gives `None`
    /// when the service stops before that.
    pub(super) async fn turn(&self, command: &Command, repeated: bool, span: &mut Span) -> Option<()> {
        let tasks = self.lock().tasks(command);
        for task in tasks {
            match task {
                Task::Line => self.try_line(command.key()).await?,
                Task::Behind => self.park(command, repeated, no_run_yet(command)).await?,
                Task::Itself => match self.applier.carry_out(command, repeated, span).await? {
                    Ended::Settled => {}
                    // Temporal has said so: it had no effect.
                    Ended::Missing(outcome) => self.park(command, false, outcome).await?,
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
        let tried = self.try_line(key).await;
        self.lock().tried(key);
        tried
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    /// One after the other, until no run is open or none is left.
    async fn try_line(&self, key: &str) -> Option<()> {
        loop {
            let Some((sequence, repeated)) = self.lock().head(key) else { return Some(()) };
            if self.applier.stop.is_cancelled() {
                return None;
            }
            let Some(mut command) = self.stored(key, sequence).await else { continue };
            let mut span = parked_span(self.partition, sequence, &command.trace);
            command.trace = span.context();
            match self.applier.carry_out(&command, repeated, &mut span).await? {
                Ended::Settled => self.forget(key, sequence).await,
                Ended::Missing(_) => break,
            }
        }
        let over = self.lock().missing(key, Utc::now());
        for sequence in over {
            if let Some(command) = self.stored(key, sequence).await {
                let outcome = expired(of_command(&command, 1, Utc::now()), "no run of its workflow came");
                self.applier.conclude(&command, outcome).await;
                self.forget(key, sequence).await;
            }
        }
        Some(())
    }

    /// Stores a command, tells of it, and lets it wait.
    async fn park(&self, command: &Command, repeated: bool, mut outcome: Outcome) -> Option<()> {
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
                    self.change(|parked| parked.insert(command.key(), sequence, entry, Utc::now()));
                }
                Err(why) => {
                    let detail = format!("{}; it cannot be parked: {why}", outcome.detail);
                    outcome = outcome.because(OutcomeKind::Dead, Reason::WorkflowNotFound, detail);
                }
            }
        }
        self.applier.conclude(command, outcome).await;
        Some(())
    }

    /// The outcome is recorded: a crash before this one repeats the command, and it is then resolved.
    async fn forget(&self, key: &str, sequence: u64) {
        self.applier.bus.unpark(sequence).await;
        self.change(|parked| parked.remove(key, sequence));
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
            self.change(|parked| parked.remove(key, sequence));
        }
        command
    }

    /// What is no command is a dead letter.
    async fn read(&self, stored: &Stored) -> Option<Command> {
        let wire = v1::Command::decode(stored.payload.clone()).map_err(|error| error.to_string());
        match wire.and_then(|wire| Command::try_from(wire).map_err(|error| error.to_string())) {
            Ok(command) => Some(command),
            Err(why) => {
                self.applier.bury_unreadable(self.reference(stored), &stored.payload, &why).await;
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

    fn change(&self, change: impl FnOnce(&mut Parked)) {
        let mut parked = self.lock();
        let before = parked.len() as i64;
        change(&mut parked);
        self.applier.metrics.parked.inc_by(parked.len() as i64 - before);
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
