//! Commands of a partition that wait for a run of their workflow: in which order they and the others go. Pure.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use signalbox_domain::{Action, Command, EffectKey, IfMissing, WorkflowAction};

/// So many are held; the commands themselves stay in their stream.
pub(super) const MOST: usize = 10_000;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What waits, by key and in the order of the stream.
#[derive(Default)]
pub(super) struct Parked {
    lines: HashMap<Box<str>, Line>,
    effects: HashSet<EffectKey>,
    count: usize,
}

struct Line {
    entries: BTreeMap<u64, Entry>,
    /// How long nobody asks whether a run is open, unless a command comes by.
    pause: Duration,
    due: DateTime<Utc>,
    /// Whether the line waits to be tried, or is.
    called: bool,
}

/// A command that waits.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) effect: EffectKey,
    pub(super) until: DateTime<Utc>,
    /// Whether it may have been tried since Temporal last said that no run is open.
    pub(super) repeated: bool,
}

impl Entry {
    /// The command as it waits; at once if its terms know of no waiting.
    pub(super) fn of(command: &Command, repeated: bool) -> Self {
        let until = match command.terms.if_missing {
            IfMissing::Park { until } => until,
            IfMissing::Dead | IfMissing::Drop => command.accepted_at,
        };
        Self { effect: command.effect_key.clone(), until, repeated }
    }
}

/// An entry with its key and its sequence in the stream.
pub(super) type Found = (Box<str>, u64, Entry);

/// A part of what is done when a command has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// What is parked of its key is tried, one after the other, until no run is open or none is left.
    Line,
    /// The command itself is carried out.
    Itself,
    /// It is parked behind what is parked.
    Behind,
}

impl Parked {
    /// What is done about a command that has its turn. Nothing may come before what was parked earlier; but what may
    /// start the workflow has to.
    pub(super) fn tasks(&self, command: &Command) -> &'static [Task] {
        use WorkflowAction::{SignalWithStart, Start, UpdateWithStart};
        let Action::Workflow(_, action) = &command.action else { return &[Task::Itself] };
        match (action, command.terms.if_missing) {
            (Start(_) | SignalWithStart(..) | UpdateWithStart(..), _) => &[Task::Itself, Task::Line],
            _ if !self.lines.contains_key(command.key()) => &[Task::Itself],
            (_, IfMissing::Park { .. }) => &[Task::Behind],
            (_, IfMissing::Dead | IfMissing::Drop) => &[Task::Line, Task::Itself],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn has_room(&self) -> bool {
        self.count < MOST
    }

    pub(super) fn knows(&self, effect: &EffectKey) -> bool {
        self.effects.contains(effect)
    }

    /// Takes in what the stream has at `sequence`. The line of its key is tried soon.
    pub(super) fn insert(&mut self, key: &str, sequence: u64, entry: Entry, now: DateTime<Utc>) {
        let line = self.lines.entry(key.into()).or_insert_with(|| Line {
            entries: BTreeMap::new(),
            pause: FIRST_PAUSE,
            due: now + FIRST_PAUSE,
            called: false,
        });
        line.pause = FIRST_PAUSE;
        line.due = line.due.min(now + FIRST_PAUSE).min(entry.until);
        self.effects.insert(entry.effect.clone());
        if line.entries.insert(sequence, entry).is_none() {
            self.count += 1;
        }
    }

    /// Forgets what has come to its end.
    pub(super) fn remove(&mut self, key: &str, sequence: u64) {
        let Some(line) = self.lines.get_mut(key) else { return };
        if let Some(entry) = line.entries.remove(&sequence) {
            self.effects.remove(&entry.effect);
            self.count -= 1;
        }
        if line.entries.is_empty() {
            self.lines.remove(key);
        }
    }

    /// Forgets all, to take in what the stream has now.
    pub(super) fn replace(&mut self, all: Vec<Found>, now: DateTime<Utc>) {
        *self = Self::default();
        for (key, sequence, mut entry) in all {
            // Only the first of a line was ever tried, and what is there twice has perhaps happened once.
            entry.repeated |= !self.lines.contains_key(&key) || self.knows(&entry.effect);
            self.insert(&key, sequence, entry, now);
            if let Some(line) = self.lines.get_mut(&key) {
                line.due = now;
            }
        }
    }

    /// The first of a line, and whether it may have been tried.
    pub(super) fn head(&self, key: &str) -> Option<(u64, bool)> {
        let (sequence, entry) = self.lines.get(key)?.entries.first_key_value()?;
        Some((*sequence, entry.repeated))
    }

    /// Temporal has said that no run is open: the first of the line was not carried out, and the pause grows. Tells
    /// which have waited for as long as they may.
    pub(super) fn missing(&mut self, key: &str, now: DateTime<Utc>) -> Vec<u64> {
        let Some(line) = self.lines.get_mut(key) else { return Vec::new() };
        if let Some(mut first) = line.entries.first_entry() {
            first.get_mut().repeated = false;
        }
        let (over, left): (Vec<_>, Vec<_>) = line.entries.iter().partition(|(_, entry)| entry.until <= now);
        let first_end = left.into_iter().map(|(_, entry)| entry.until).min();
        line.due = first_end.into_iter().fold(now + line.pause, DateTime::min);
        // Commands that come by ask, too; that is no reason to ask less often.
        if line.called {
            line.pause = (line.pause * 2).min(LONGEST_PAUSE);
        }
        over.into_iter().map(|(sequence, _)| *sequence).collect()
    }

    /// The keys whose lines are to be tried now, each told once until [`Self::tried`].
    pub(super) fn call(&mut self, now: DateTime<Utc>) -> Vec<Box<str>> {
        let due = self.lines.iter_mut().filter(|(_, line)| !line.called && line.due <= now);
        due.map(|(key, line)| {
            line.called = true;
            key.clone()
        })
        .collect()
    }

    /// Says that a line that was called has been tried.
    pub(super) fn tried(&mut self, key: &str) {
        if let Some(line) = self.lines.get_mut(key) {
            line.called = false;
        }
    }
}

#[cfg(test)]
#[path = "parked_tests.rs"]
mod tests;
