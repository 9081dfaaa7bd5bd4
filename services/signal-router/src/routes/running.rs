//! Which set each event is matched with: the matcher's own.
//!
//! An event's sequence decides it, by the timeline. The matcher alone writes the timeline, and it writes before it
//! matches by what it wrote; so whoever matches the event again, after a crash or as another replica, finds the same
//! set. A new period begins after every event that anybody may have matched.

use std::sync::Arc;

use chrono::Utc;
use signalbox_bus::at_last;
use signalbox_domain::{TimelineExt, wire_time};
use signalbox_proto::v1::{RoutePeriod, RoutesAnswer, routes_answer::What};
use signalbox_service::Condition;
use tokio::sync::watch;

use super::{
    claim::{Claim, State},
    sets::{Loaded, Sets},
    wanted::{Change, Offer},
};
use crate::metrics::RouterMetrics;

/// More than this of what is wrong with a set is not told.
const LONGEST_REFUSAL: usize = 8 * 1024;

/// What runs, and what ran.
pub(crate) struct Running {
    sets: Arc<Sets>,
    offered: watch::Receiver<Offer>,
    metrics: RouterMetrics,
    ready: Condition,
    claim: Claim,
    current: Option<Current>,
    /// Events up to this sequence are matched.
    matched: u64,
    /// That of the last event.
    opening: Option<u64>,
}

/// The set of the last period.
struct Current {
    from: u64,
    set: Arc<Loaded>,
}

/// Why an event has no set, though events after it have one.
#[derive(Debug)]
pub(crate) struct Unroutable {
    pub(crate) version: String,
    pub(crate) why: String,
}

impl Running {
    pub(super) fn new(
        sets: Arc<Sets>,
        offered: watch::Receiver<Offer>,
        metrics: RouterMetrics,
        ready: Condition,
    ) -> Self {
        let claim = Claim::new(Arc::clone(&sets));
        Self { sets, offered, metrics, ready, claim, current: None, matched: 0, opening: None }
    }

    /// Comes back when events can be matched: the timeline is claimed, and the set that is to run is loaded. To be
    /// called before anything is taken from the stream.
    pub(crate) async fn begin(&mut self) {
        // What is new at the start holds for all that waits.
        let looked = self.offered.wait_for(|offer| !matches!(offer, Offer::Unknown)).await.is_ok();
        if looked {
            self.offered.mark_changed();
        }
        self.prepare().await;
    }

    async fn prepare(&mut self) {
        loop {
            if self.claim.state != State::Mine {
                self.claim().await;
            }
            self.take_up().await;
            if self.claim.state == State::Mine && self.load().await {
                return;
            }
        }
    }

    /// Comes back when something new is wanted.
    pub(crate) async fn news(&mut self) {
        // Who lost the timeline to another matcher has no say in it, until it is given events again.
        if self.claim.state == State::Lost || self.offered.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.offered.mark_changed();
    }

    /// Takes up what is new while no event is there.
    pub(crate) async fn take_news(&mut self) {
        self.take_up().await;
        while self.claim.state == State::Unclaimed {
            self.claim().await;
            self.take_up().await;
        }
    }

    /// Takes up what is new before an event. `opening` is that of the event.
    pub(crate) async fn before(&mut self, opening: u64) {
        if self.opening.replace(opening).is_some_and(|last| last != opening) {
            self.claim.state = State::Unclaimed;
        }
        if self.claim.state != State::Mine || self.offered.has_changed().unwrap_or(false) {
            self.prepare().await;
        }
    }

    /// The set that the event of this sequence is matched with.
    ///
    /// # Errors
    /// When its set is gone, or cannot be loaded by this build. That is never so of the set that runs.
    pub(crate) async fn at(&self, sequence: u64) -> Result<Arc<Loaded>, Unroutable> {
        match &self.current {
            Some(Current { from, set }) if sequence >= *from => Ok(Arc::clone(set)),
            _ => self.earlier(sequence).await,
        }
    }

    /// All that the event of this sequence leads to is stored.
    pub(crate) fn matched(&mut self, sequence: u64) {
        self.matched = self.matched.max(sequence);
    }

    async fn earlier(&self, sequence: u64) -> Result<Arc<Loaded>, Unroutable> {
        let period = self.claim.timeline().at(sequence);
        let version = period.map(|period| period.version.clone()).unwrap_or_default();
        self.sets.get(&version).await.map_err(|why| Unroutable { version, why })
    }

    async fn claim(&mut self) {
        let current = self.current.as_ref().map(|current| &*current.set);
        if self.claim.claim(current).await {
            self.matched = 0;
        }
    }

    /// Whether the set of the last period is loaded. If it cannot be, waits until another one is wanted.
    async fn load(&mut self) -> bool {
        let Some(period) = self.claim.timeline().running().cloned() else {
            self.ready.unmet("no routes are applied yet");
            self.news().await;
            return false;
        };
        let at_hand = self.current.as_ref().filter(|current| current.set.version == period.version);
        let loaded = match at_hand {
            Some(current) => Ok(Arc::clone(&current.set)),
            None => self.sets.get(&period.version).await,
        };
        match loaded {
            Ok(set) => {
                self.run(&period, set);
                true
            }
            Err(why) => {
                self.ready.unmet(format!("the routes {} cannot be used: {why}", period.version));
                self.news().await;
                false
            }
        }
    }

    /// Takes up what is wanted, if that is new.
    async fn take_up(&mut self) {
        if !self.offered.has_changed().unwrap_or(false) {
            return;
        }
        let offer = self.offered.borrow_and_update().clone();
        let Offer::Change(change) = offer else {
            // What runs was applied once: NATS has lost it, and gets it back.
            if self.current.is_some() {
                self.claim.state = State::Unclaimed;
            }
            return;
        };
        let what = match &change.set {
            Ok(set) => match self.swap(&change, set).await {
                Some(from) => What::FromSequence(from),
                None => return self.offered.mark_changed(),
            },
            Err(why) => {
                self.metrics.refused.inc();
                tracing::warn!(version = change.wanted.version, error = why, "wanted routes are refused");
                What::Refused(why.chars().take(LONGEST_REFUSAL).collect())
            }
        };
        let answer = RoutesAnswer {
            change: change.number,
            version: change.wanted.version,
            at: Some(wire_time(Utc::now())),
            what: Some(what),
        };
        let bucket = self.sets.bucket().await;
        at_last(|| bucket.say(&answer)).await;
    }

    /// From which event on it holds; `None` if that is not known yet.
    async fn swap(&mut self, change: &Change, set: &Arc<Loaded>) -> Option<u64> {
        let running = self.claim.timeline().running();
        if let Some(period) = running.filter(|period| period.version == set.version) {
            return Some(period.from_sequence);
        }
        let period = self.claim.begin(change, self.matched).await?;
        self.run(&period, Arc::clone(set));
        Some(period.from_sequence)
    }

    fn run(&mut self, period: &RoutePeriod, set: Arc<Loaded>) {
        let RoutePeriod { version, from_sequence: from, applied_by, .. } = period;
        let before = self.current.replace(Current { from: *from, set });
        let routes = self.current.as_ref().map_or(0, |current| current.set.set.len());
        if before.is_none_or(|before| before.set.version != *version) {
            tracing::info!(version, routes, from, applied_by, "routes run");
        }
        self.metrics.runs(version);
        self.ready.met();
    }
}
