//! Events: stored with the patience of their sender, and followed for as long as it wants.

use std::time::Duration;

use futures::{FutureExt, future::join_all};
use signalbox_bus::{Stored, Waiting};
use signalbox_domain::{Event, EventRef};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Accepted, Acceptor, Answer, Progress};
use crate::problem::Problem;

/// Pause before an event is sent to JetStream again.
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// An event that JetStream has, and the place where its outcomes arrive.
struct Followed {
    accepted: Accepted,
    event: EventRef,
    stored: Stored,
    waiting: Waiting,
}

/// Some events of a batch that are not stored, and why.
#[derive(Debug)]
pub struct HalfStored {
    /// Those before this are stored.
    pub stored: usize,
    /// Why this one is not, or may not be. Those behind it were not sent.
    pub problem: Problem,
}

impl Acceptor {
    /// Stores an event, and waits for the verdict of its matching and the outcomes of all its effects.
    ///
    /// # Errors
    /// A [`Problem`] when it was not stored, or when nobody knows whether it was.
    pub async fn event(&self, event: Event) -> Result<Answer, Problem> {
        self.event_until(event, Instant::now() + self.wait).await
    }

    /// The same, for a sender that waits until then. While JetStream is away, that is what it waits for.
    ///
    /// # Errors
    /// As [`Acceptor::event`].
    pub async fn event_until(&self, event: Event, until: Instant) -> Result<Answer, Problem> {
        let followed = self.store_followed(event, until).await?;
        Ok(self.follow_event(followed, until).await)
    }

    /// Stores an event for a sender that does not want to know what comes of it.
    ///
    /// # Errors
    /// As [`Acceptor::event`].
    pub async fn event_only(&self, event: Event) -> Result<Answer, Problem> {
        self.stored_only(event, Instant::now() + self.wait).await
    }

    async fn stored_only(&self, event: Event, until: Instant) -> Result<Answer, Problem> {
        let mut accepted = accepted(&event);
        let stored = self.store_patiently(&accepted, &event, until).await?;
        accepted.stream_sequence = Some(stored.stream_sequence);
        Ok(Answer { accepted, progress: Progress::of(&event.reference()), settled: false })
    }

    /// Stores events in their order, up to the first that cannot be stored.
    ///
    /// # Errors
    /// [`HalfStored`] says which are stored.
    pub async fn events_only(&self, events: Vec<Event>, until: Instant) -> Result<Vec<Answer>, HalfStored> {
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            match self.stored_only(event, until).await {
                Ok(answer) => answers.push(answer),
                Err(problem) => return Err(HalfStored { stored: answers.len(), problem }),
            }
        }
        Ok(answers)
    }

    /// The same, and waits for what comes of all of them.
    ///
    /// # Errors
    /// As [`Acceptor::events_only`].
    pub async fn events_until(&self, events: Vec<Event>, until: Instant) -> Result<Vec<Answer>, HalfStored> {
        let mut stored = Vec::with_capacity(events.len());
        for event in events {
            match self.store_followed(event, until).await {
                Ok(followed) => stored.push(followed),
                Err(problem) => return Err(HalfStored { stored: stored.len(), problem }),
            }
        }
        Ok(join_all(stored.into_iter().map(|followed| self.follow_event(followed, until))).await)
    }

    async fn store_followed(&self, mut event: Event, until: Instant) -> Result<Followed, Problem> {
        let waiting = self.waiters.expect()?;
        event.reply_to = Some(waiting.reply_to());
        let mut accepted = accepted(&event);
        let stored = self.store_patiently(&accepted, &event, until).await?;
        accepted.stream_sequence = Some(stored.stream_sequence);
        Ok(Followed { accepted, event: event.reference(), stored, waiting })
    }

    async fn follow_event(&self, followed: Followed, until: Instant) -> Answer {
        let Followed { accepted, event, stored, mut waiting } = followed;
        self.follow(accepted, &event, stored, &mut waiting, until, Progress::is_complete).await
    }

    async fn store_patiently(
        &self,
        accepted: &Accepted,
        event: &Event,
        until: Instant,
    ) -> Result<Stored, Problem> {
        match self.store("event", accepted, self.bus.publish_event(event)).await {
            Err(problem) if problem.is_transient() => {
                self.store_again(accepted, event, until, problem).boxed().await
            }
            settled => settled,
        }
    }

    /// Sends the event again, under its own message id, until JetStream has it or its sender has waited long enough.
    async fn store_again(
        &self,
        accepted: &Accepted,
        event: &Event,
        until: Instant,
        mut problem: Problem,
    ) -> Result<Stored, Problem> {
        let Ok(_place) = self.patient.try_acquire() else { return Err(problem) };
        let _counted = self.meters.waiting();
        loop {
            let paused = timeout_at(until, self.stop.run_until_cancelled(sleep(SEND_AGAIN_AFTER))).await;
            let Ok(Some(())) = paused else { return Err(problem) };
            match self.store("event", accepted, self.bus.publish_event(event)).await {
                // What may have been stored once stays so.
                Err(next) if next.is_transient() && problem.is_uncertain() => drop(next),
                Err(next) if next.is_transient() => problem = next,
                settled => return settled,
            }
        }
    }
}

fn accepted(event: &Event) -> Accepted {
    Accepted { event_id: event.id.clone(), workflow_id: None, stream_sequence: None }
}
