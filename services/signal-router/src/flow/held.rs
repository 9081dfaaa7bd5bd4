//! All that a partition holds back. Pure.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use signalbox_domain::Command;

use super::stages::{Item, Release, Stages};

/// Keys of which nothing waits, but of which is known when the last went on. Past this many, that is forgotten.
const MOST_IDLE: usize = 10_000;

/// What has a flow of its own.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct FlowKey {
    route: Box<str>,
    action: u32,
    key: Box<str>,
}

impl FlowKey {
    fn of(command: &Command) -> Self {
        Self {
            route: command.origin.route.as_deref().unwrap_or_default().into(),
            action: command.terms.flow.as_deref().map_or(0, |flow| flow.action),
            key: command.key().into(),
        }
    }
}

/// All that a partition holds back, by route, action and key.
pub(super) struct Flows {
    keys: HashMap<Arc<FlowKey>, Kept>,
    due: BTreeSet<(DateTime<Utc>, Arc<FlowKey>)>,
    /// How many keys are kept of which nothing waits.
    idle: usize,
    /// What went on before this is not known, so that a throttle starts with nothing to give.
    since: DateTime<Utc>,
}

struct Kept {
    due: DateTime<Utc>,
    stages: Stages,
}

impl Flows {
    /// Nothing, and nothing is known of what was before `since`.
    pub(super) fn new(since: DateTime<Utc>) -> Self {
        Self { keys: HashMap::new(), due: BTreeSet::new(), idle: 0, since }
    }

    /// Takes a command in; they come in the order of the stream. Gives the one whose place it takes.
    pub(super) fn take(&mut self, item: Item, now: DateTime<Utc>) -> Option<Item> {
        let key = Arc::new(FlowKey::of(&item.command));
        let mut stages = self.remove(&key).unwrap_or_else(|| Stages::new(self.since));
        let superseded = stages.take(item);
        self.keep(key, stages, now);
        superseded
    }

    /// What may go on now; of one key in the order in which it may.
    pub(super) fn advance(&mut self, now: DateTime<Utc>) -> Vec<Release> {
        let mut released = Vec::new();
        while let Some((_, key)) = self.due.first().filter(|(at, _)| *at <= now).cloned() {
            let Some(mut stages) = self.remove(&key) else { break };
            released.extend(stages.advance(now));
            self.keep(key, stages, now);
        }
        self.forget_idle();
        released
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.due.first().map(|(at, _)| *at)
    }

    fn remove(&mut self, key: &Arc<FlowKey>) -> Option<Stages> {
        let Kept { due, stages } = self.keys.remove(key)?;
        self.due.remove(&(due, Arc::clone(key)));
        self.idle -= usize::from(stages.is_idle());
        Some(stages)
    }

    fn keep(&mut self, key: Arc<FlowKey>, stages: Stages, now: DateTime<Utc>) {
        let Some(due) = stages.due(now) else { return };
        self.idle += usize::from(stages.is_idle());
        self.due.insert((due, Arc::clone(&key)));
        self.keys.insert(key, Kept { due, stages });
    }

    /// Of these it is no longer known when the last went on, so nothing is known of any before that.
    fn forget_idle(&mut self) {
        if self.idle <= MOST_IDLE {
            return;
        }
        let idle = self.keys.extract_if(|_, kept| kept.stages.is_idle());
        let last = idle.filter_map(|(_, kept)| kept.stages.last_passed()).max();
        self.since = last.map_or(self.since, |last| last.max(self.since));
        self.due.retain(|(_, key)| self.keys.contains_key(key));
        self.idle = 0;
    }
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
