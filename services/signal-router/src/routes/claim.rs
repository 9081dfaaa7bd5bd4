//! The timeline, as one matcher writes it.
//!
//! Whoever is given events claims it first: the claim notes how far events were given out until then. From then on a
//! matcher that was thought dead can no longer begin a period, because each write names the revision that it replaces.
//! While nobody is given events, any router may claim it, to take up what is new.

use std::sync::Arc;

use signalbox_bus::{Error, Revised, StoreError, at_last};
use signalbox_domain::TimelineExt;
use signalbox_proto::v1::{RoutePeriod, RouteTimeline};
use signalbox_telemetry::Chain;
use uuid::Uuid;

use super::{
    sets::{Loaded, Sets},
    wanted::Change,
};

/// The timeline, and whether this process may write it.
pub(super) struct Claim {
    sets: Arc<Sets>,
    /// This matcher's name.
    me: String,
    pub(super) state: State,
    timeline: Revised<RouteTimeline>,
}

/// Whose the timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Mine,
    /// Not claimed yet, or not known after a write whose end was not told.
    Unclaimed,
    /// Another matcher has claimed it since, or is given events.
    Others,
}

/// What came of an attempt to claim it.
enum Attempt {
    Claimed(Revised<RouteTimeline>),
    /// Another router is given events.
    Others(Revised<RouteTimeline>),
    /// Somebody has written it meanwhile.
    TooLate,
}

/// Why it is claimed.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// This process is given events. Up to `given`, somebody may have been given them before.
    Events { given: u64 },
    /// Something new is to be taken up, if nobody is given events.
    News,
}

impl Claim {
    pub(super) fn new(sets: Arc<Sets>) -> Self {
        let (me, timeline) = (Uuid::now_v7().to_string(), Revised::default());
        Self { sets, me, state: State::Unclaimed, timeline }
    }

    pub(super) fn timeline(&self) -> &RouteTimeline {
        &self.timeline.value
    }

    /// Claims it, however long JetStream is away, unless it is another's. Tells whether the stream of events is another
    /// one than before.
    pub(super) async fn claim(&mut self, current: Option<&Loaded>, by: By) -> bool {
        loop {
            let (timeline, state) = match at_last(|| self.attempt(current, by)).await {
                Attempt::Claimed(timeline) => (timeline, State::Mine),
                Attempt::Others(timeline) => (timeline, State::Others),
                Attempt::TooLate => continue,
            };
            let anew = self.timeline.value.log_began != timeline.value.log_began;
            (self.timeline, self.state) = (timeline, state);
            return anew;
        }
    }

    async fn attempt(&self, current: Option<&Loaded>, by: By) -> Result<Attempt, Error> {
        let bucket = self.sets.bucket().await;
        let Revised { revision, value: mut timeline } = match bucket.timeline().await? {
            Some(kept) => kept,
            // NATS has lost it, or there never was one. What this process knows of it is true still.
            None => {
                if let Some(current) = current
                    && let Err(StoreError::Bus(error)) = bucket.store(&current.version, &current.files).await
                {
                    return Err(error);
                }
                Revised { revision: 0, value: self.timeline.value.clone() }
            }
        };
        // Who is given events after this claims it after this.
        let mut log = self.sets.bus.log().await?;
        match by {
            By::News if log.taken => return Ok(Attempt::Others(Revised { revision, value: timeline })),
            By::News => {}
            By::Events { given } => log.delivered = log.delivered.max(given),
        }
        timeline.claim(&self.me, log);
        let written = bucket.replace_timeline(revision, &timeline).await?;
        Ok(match written {
            Some(revision) => Attempt::Claimed(Revised { revision, value: timeline }),
            None => Attempt::TooLate,
        })
    }

    /// Begins a period with what was applied, after `matched`. If it does not, the state says why.
    pub(super) async fn begin(&mut self, change: &Change, matched: u64) -> Option<RoutePeriod> {
        let mut timeline = self.timeline.value.clone();
        timeline.begin(change.number, &change.wanted, matched);
        let bucket = self.sets.bucket().await;
        match bucket.replace_timeline(self.timeline.revision, &timeline).await {
            Ok(Some(revision)) => {
                self.timeline = Revised { revision, value: timeline };
                return self.timeline.value.running().cloned();
            }
            Ok(None) => {
                tracing::warn!("another router matches events now");
                self.state = State::Others;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "not known whether the routes have changed, will look");
                self.state = State::Unclaimed;
            }
        }
        None
    }
}
