//! Taking up a pin: from then on, what is delivered is worked on here, and nowhere else.

use std::time::Duration;

use async_nats::jetstream::{consumer, stream};
use chrono::{DateTime, Utc};
use signalbox_proto::names::stream as names;
use signalbox_telemetry::Chain;
use tokio::time::{Instant, sleep};

use super::{Deliveries, Offered, Open, Seen, Taken};
use crate::{
    Error,
    lease::{self, Pinned, RENEWED_EVERY, ask, pin_of},
    pause::LONGEST_PAUSE,
    turn::Turns,
};

/// Between tries.
const TRIES_EVERY: Duration = Duration::from_millis(250);

impl Deliveries {
    /// Takes up the pin under which messages have come, if there is a new one; or tries to. However long JetStream is
    /// away, it is to be called again as long as there is one.
    pub(super) async fn take_up(&mut self) {
        let Some(Open { offered: Some(offered), .. }) = &self.open else { return };
        if offered.pin.is_empty() {
            // Somebody has made it in another way; it is put right when it is opened.
            tracing::warn!(stream = self.stream, consumer = self.durable, "the consumer pins nobody");
            sleep(LONGEST_PAUSE).await;
            self.open = None;
            return;
        }
        match self.try_to_take_up(offered.clone()).await {
            Ok(()) => {}
            // Its server may have lost it, once more.
            Err(_) if self.consumer_is_gone().await => self.open = None,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), consumer = self.durable, "not taken up yet");
                sleep(TRIES_EVERY).await;
            }
        }
    }

    /// Once, if the pin holds. While a lease under an earlier one may hold, it only keeps the pin.
    async fn try_to_take_up(&mut self, offered: Offered) -> Result<(), Error> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let of = Error::when("open the consumer");
        let asked = Instant::now();
        ask(&self.bus, self.stream, &self.durable, &offered.pin).await?;
        let before = open.stream.consumer_info(&self.durable).await.map_err(|e| of(e.into()))?;
        let info = open.stream.get_info().await.map_err(|e| of(e.into()))?;
        if pin_of(&before).as_deref() != Some(&offered.pin) {
            open.offered = None;
            return Ok(());
        }
        if let Some(rest) = open.seen.rest_of_earlier_lease(info.created, before.created) {
            sleep(rest.min(RENEWED_EVERY)).await;
            return Ok(());
        }
        let stream = open.stream.clone();
        let taken = self.reset(stream, &before, &info, &offered, asked).await?;
        if let Some(open) = &mut self.open {
            self.openings = taken.number;
            (open.offered, open.taken) = (None, Some(taken));
            if self.began.replace(info.created) != Some(info.created) {
                self.given = 0;
            }
        }
        Ok(())
    }

    /// Has the consumer go on where the acknowledgements end. Without the reset, what a dead process had in its hands
    /// would come after newer messages, and only when its acknowledgement is overdue.
    async fn reset(
        &self,
        stream: stream::Stream<()>,
        before: &consumer::Info,
        info: &stream::Info,
        offered: &Offered,
        asked: Instant,
    ) -> Result<Taken, Error> {
        let given = if self.began == Some(info.created) { self.given } else { 0 };
        // What came after the first message came here, and was not worked on.
        let delivered = match offered.redelivered {
            true => before.delivered.stream_sequence,
            false => offered.stream_sequence.saturating_sub(1),
        };
        let seen = self.keep_in_mind(info, delivered.max(given)).await?;
        let reset = stream.reset_consumer(&self.durable, None).await;
        reset.map_err(|e| Error::when("open the consumer")(e.into()))?;
        let pin = offered.pin.clone();
        Ok(Taken {
            pinned: Pinned::since(asked, &self.bus, (self.stream, &stream), &self.durable, pin),
            number: self.openings + 1,
            seen,
            turns: Turns::reset(offered.consumer_sequence, Instant::now()),
        })
    }

    /// What a dead process had in its hands comes to somebody only when a message comes, and otherwise when its
    /// acknowledgement is overdue. Whoever waits sees to it that it comes now.
    pub(super) async fn look_after_the_dead(&self) {
        let Some(Open { stream, .. }) = &self.open else { return };
        let look = async {
            let of = Error::when("look after a consumer");
            let info = stream.consumer_info(&self.durable).await.map_err(|e| of(e.into()))?;
            if pin_of(&info).is_none() && info.num_ack_pending > 0 {
                let there = stream.get_info().await.map_err(|e| of(e.into()))?;
                self.keep_in_mind(&there, info.delivered.stream_sequence).await?;
                stream.reset_consumer(&self.durable, None).await.map_err(|e| of(e.into()))?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = look.await {
            tracing::trace!(error = %Chain(&error), consumer = self.durable, "not looked after");
        }
    }

    /// Up to where of the stream somebody may have worked on it: a reset consumer no longer knows.
    async fn keep_in_mind(&self, stream: &stream::Info, delivered: u64) -> Result<u64, Error> {
        match self.stream {
            names::EVENTS => self.bus.keep_in_mind(stream.created, delivered).await,
            // Consumers of work queues are kept in memory, and forget it with their server, too: all that is there.
            _ => Ok(stream.state.last_sequence),
        }
    }
}

impl Seen {
    /// How long an earlier lease may hold yet: a consumer that was made anew, because its server had lost it, pins
    /// whoever asks first, and knows of nobody who had the one before it.
    fn rest_of_earlier_lease(&mut self, began: DateTime<Utc>, made: DateTime<Utc>) -> Option<Duration> {
        if self.made != made {
            *self = Self { made, since: Instant::now() };
        }
        lease::rest_of_earlier(began, made, Utc::now(), self.since.elapsed())
    }
}
