//! Which set each event is matched with: the matcher's own.
//!
//! An event's sequence decides it, by the timeline. The matcher alone writes the timeline, and it writes before it
//! matches by what it wrote; so whoever matches the event again, after a crash or as another replica, finds the same
//! set. A new period begins after every event that anybody may have matched.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use signalbox_bus::{Delivery, Lease, at_last};
use signalbox_domain::{TimelineExt, wire_time};
use signalbox_proto::v1::{RoutePeriod, RoutesAnswer, routes_answer::What};
use signalbox_service::Condition;
use tokio::{sync::watch, time::sleep};

use super::{
    claim::{By, Claim, State},
    sets::{Loaded, Sets},
    wanted::{Change, Offer},
};
use crate::metrics::RouterMetrics;

/// More than this of what is wrong with a set is not told.
const LONGEST_REFUSAL: usize = 8 * 1024;

/// How often somebody who has no part in it looks whether the news were taken up.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

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
    last: Option<Opening>,
}

/// That of the consumer, of the last event.
struct Opening {
    opening: u64,
    given_before: u64,
    lease: Lease,
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
        Self { sets, offered, metrics, ready, claim, current: None, matched: 0, last: None }
    }

    /// Comes back when it is known what is wanted, which then holds for all that waits. Until there are events, it is
    /// taken up by any router, if none is given events.
    pub(crate) async fn begin(&mut self) {
        let looked = self.offered.wait_for(|offer| !matches!(offer, Offer::Unknown)).await.is_ok();
        if looked {
            self.offered.mark_changed();
        }
        self.take_news().await;
    }

    /// Claims the timeline, takes up what is new and loads what runs, for whoever is given events.
    async fn prepare(&mut self, given: u64) {
        loop {
            if self.claim.state != State::Mine {
                self.claim(By::Events { given }).await;
            }
            self.take_up().await;
            if self.claim.state == State::Mine {
                if self.load().await {
                    return;
                }
                self.news().await;
            }
        }
    }

    /// Comes back when something new is wanted.
    pub(crate) async fn news(&mut self) {
        // Whoever is given events takes it up; it may have died.
        if self.claim.state == State::Others && self.offered.has_changed().unwrap_or(false) {
            return sleep(BETWEEN_LOOKS).await;
        }
        if self.offered.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.offered.mark_changed();
    }

    /// Takes up what is new while no event is there, unless another router is given events: it does so.
    pub(crate) async fn take_news(&mut self) {
        loop {
            self.take_up().await;
            if self.claim.state == State::Mine {
                if self.current.is_none() {
                    self.load().await;
                }
                return;
            }
            let ours = self.last.as_ref().filter(|last| last.lease.holds());
            self.claim(ours.map_or(By::News, |last| By::Events { given: last.given_before })).await;
            if self.claim.state == State::Others {
                return self.stand_by();
            }
        }
    }

    /// Another router is given events, and may have taken up already what is new.
    fn stand_by(&mut self) {
        let running = self.claim.timeline().running().map(|period| &period.version);
        let taken_up = match &*self.offered.borrow() {
            Offer::Change(change) => running == Some(&change.wanted.version),
            Offer::Unknown | Offer::Nothing => true,
        };
        if taken_up {
            self.offered.mark_unchanged();
        }
        self.ready.met();
    }

    /// Takes up what is new before an event.
    pub(crate) async fn before(&mut self, first: &Delivery) {
        let Delivery { opening, given_before, lease, .. } = first;
        if self.last.as_ref().is_none_or(|last| last.opening != *opening) {
            self.claim.state = State::Unclaimed;
            self.last =
                Some(Opening { opening: *opening, given_before: *given_before, lease: lease.clone() });
        }
        if self.claim.state != State::Mine || self.offered.has_changed().unwrap_or(false) {
            self.prepare(*given_before).await;
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

    async fn claim(&mut self, by: By) {
        let current = self.current.as_ref().map(|current| &*current.set);
        if self.claim.claim(current, by).await {
            self.matched = 0;
        }
    }

    /// Whether the set of the last period is loaded. If it cannot be, it takes another one.
    async fn load(&mut self) -> bool {
        let Some(period) = self.claim.timeline().running().cloned() else {
            self.ready.unmet("no routes are applied yet");
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
