//! What holds the commands of one route, action and key back: debounce, then batch, then throttle. Pure.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use signalbox_domain::{Batch, Command, Debounce, Flow, Throttle, fit_together};

/// A batch has no more bytes than this, if it has more than one member: Temporal warns of arguments that are larger.
const FULL: usize = 256 * 1024;

/// A command that waits.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The sequence of its message in FLOW.
    pub(super) sequence: u64,
    /// When the stream stored it.
    pub(super) stored_at: DateTime<Utc>,
    /// So large it is.
    pub(super) bytes: usize,
    /// Nobody else keeps it: who waits to tell of it, learns here that it is gone.
    pub(super) command: Arc<Command>,
}

impl Item {
    fn flow(&self) -> Flow {
        self.command.terms.flow.as_deref().cloned().unwrap_or_default()
    }

    fn debounce(&self) -> Option<Debounce> {
        self.flow().debounce
    }

    /// `None` too if it is no signal and no update: lint lets no route make many of those one.
    fn batch(&self) -> Option<Batch> {
        self.flow().batch.filter(|_| fit_together(&self.command, &self.command))
    }

    fn throttle(&self) -> Option<Throttle> {
        self.flow().throttle
    }
}

/// What may go on.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// In their order; never none.
    pub(super) items: Vec<Item>,
    /// Whether they are one command, also if there is but one of them.
    pub(super) batch: bool,
}

/// The stages of one route, action and key. Windows are measured by when the stream stored a command, so that they are
/// the same when it is delivered again; what a throttle lets go on is measured by a clock.
pub(super) struct Stages {
    burst: Option<Burst>,
    open: Option<Open>,
    waiting: VecDeque<Release>,
    /// When the last were let go on.
    passed: VecDeque<DateTime<Utc>>,
    /// What was let go on before this is not known.
    since: DateTime<Utc>,
    /// Until then `passed` counts.
    counts_until: DateTime<Utc>,
}

/// Only the last one is left.
struct Burst {
    began: DateTime<Utc>,
    due: DateTime<Utc>,
    last: Item,
}

/// A batch that is being filled.
struct Open {
    closes: DateTime<Utc>,
    bytes: usize,
    items: Vec<Item>,
}

impl Stages {
    pub(super) fn new(since: DateTime<Utc>) -> Self {
        Self {
            burst: None,
            open: None,
            waiting: VecDeque::new(),
            passed: VecDeque::new(),
            since,
            counts_until: since,
        }
    }

    /// Takes a command in, and gives the one whose place it takes.
    pub(super) fn take(&mut self, item: Item) -> Option<Item> {
        let at = item.stored_at;
        self.let_time_pass(at);
        let Some(Debounce { quiet, at_most }) = item.debounce() else {
            // Its route debounced the one before, and does so no more.
            if let Some(burst) = self.burst.take() {
                self.collect(burst.last, at);
            }
            self.collect(item, at);
            return None;
        };
        let before = self.burst.take();
        let began = before.as_ref().map_or(at, |burst| burst.began);
        let due = match at_most {
            Some(at_most) => after(at, quiet).min(after(began, at_most)),
            None => after(at, quiet),
        };
        self.burst = Some(Burst { began, due, last: item });
        before.map(|burst| burst.last)
    }

    /// What may go on now.
    pub(super) fn advance(&mut self, now: DateTime<Utc>) -> Vec<Release> {
        self.let_time_pass(now);
        let mut released = Vec::new();
        while let Some(release) = self.waiting.pop_front() {
            if self.may_pass_at(&release).is_some_and(|at| at > now) {
                self.waiting.push_front(release);
                break;
            }
            if let Some(Throttle { limit, per }) = release.throttle() {
                self.passed.push_back(now);
                let too_many = self.passed.len().saturating_sub(limit as usize);
                self.passed.drain(..too_many);
                self.counts_until = self.counts_until.max(after(now, per));
            }
            released.push(release);
        }
        released
    }

    /// When to look again; `None`: nothing waits, and nothing has to be known any more. After [`Self::advance`] it is
    /// later than that.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let burst = self.burst.as_ref().map(|burst| burst.due);
        let open = self.open.as_ref().map(|open| open.closes);
        let waiting = self.waiting.front().map(|release| self.may_pass_at(release).unwrap_or(now));
        let counts = Some(self.counts_until).filter(|until| *until > now);
        let next = [burst, open, waiting].into_iter().flatten().min();
        next.or(counts)
    }

    /// Whether it is only kept because it counts.
    pub(super) fn is_idle(&self) -> bool {
        self.burst.is_none() && self.open.is_none() && self.waiting.is_empty()
    }

    /// When the last was let go on.
    pub(super) fn last_passed(&self) -> Option<DateTime<Utc>> {
        self.passed.back().copied()
    }

    /// What is over at that time goes a stage on.
    fn let_time_pass(&mut self, now: DateTime<Utc>) {
        if let Some(burst) = self.burst.take_if(|burst| burst.due <= now) {
            self.collect(burst.last, burst.due);
        }
        if self.open.as_ref().is_some_and(|open| open.closes <= now) {
            self.close();
        }
    }

    /// Into the batch, if there is to be one.
    fn collect(&mut self, item: Item, at: DateTime<Utc>) {
        let Some(Batch { size, within }) = item.batch() else {
            self.close();
            self.waiting.push_back(Release { items: vec![item], batch: false });
            return;
        };
        if self.open.as_ref().is_some_and(|open| !open.takes(&item, at)) {
            self.close();
        }
        let open =
            self.open.get_or_insert_with(|| Open { closes: after(at, within), bytes: 0, items: Vec::new() });
        open.bytes += item.bytes;
        open.items.push(item);
        if open.items.len() >= size as usize {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.waiting.push_back(Release { items: open.items, batch: true });
        }
    }

    /// `None`: nothing holds it back.
    fn may_pass_at(&self, release: &Release) -> Option<DateTime<Utc>> {
        let Throttle { limit, per } = release.throttle()?;
        let known = after(self.since, per);
        let before = self.passed.len().checked_sub(limit as usize).and_then(|index| self.passed.get(index));
        Some(before.map_or(known, |passed| after(*passed, per).max(known)))
    }
}

impl Open {
    fn takes(&self, item: &Item, at: DateTime<Utc>) -> bool {
        let alike = |first: &Item| fit_together(&first.command, &item.command);
        self.closes > at && self.bytes + item.bytes <= FULL && self.items.first().is_some_and(alike)
    }
}

impl Release {
    /// As the last of them says.
    fn throttle(&self) -> Option<Throttle> {
        self.items.last().and_then(Item::throttle)
    }
}

fn after(at: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    at.checked_add_signed(chrono::TimeDelta::from_std(span).unwrap_or(chrono::TimeDelta::MAX))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
