//! Reading along: what a stream has from some time on, in its order. Nothing is acknowledged and nobody else's place
//! moves.

use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use prost::{DecodeError, Message};
use signalbox_domain::RawMessage;
use signalbox_proto::{
    names::{stream, subject},
    v1::Outcome,
};
use tokio::time::timeout;

use crate::{Bus, Error, consume::raw};

/// A message that was there and does not come within this is gone by now.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stream, message by message. A connection that is lost is made again, and the feed goes on where it was.
pub struct Feed {
    messages: pull::Ordered,
    behind: u64,
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what was stored then or later.
    At(DateTime<Utc>),
    /// After the message with this sequence.
    After(u64),
}

/// A message as its stream keeps it.
pub struct Entry {
    message: async_nats::Message,
    /// Its sequence in the stream.
    pub stream_sequence: u64,
    /// When the stream stored it.
    pub stored_at: DateTime<Utc>,
}

impl Feed {
    /// How many of the messages that were there when the feed was opened are still to come.
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// The next of the messages that were there when the feed was opened; `None` after the last of them.
    ///
    /// # Errors
    /// As [`Feed::next`].
    pub async fn next_there(&mut self) -> Result<Option<Entry>, Error> {
        if self.behind == 0 {
            return Ok(None);
        }
        timeout(PATIENCE, self.next()).await.unwrap_or(Ok(None))
    }

    /// The next message; pending while there is none, `None` when the connection is closed. May be dropped without
    /// loss.
    ///
    /// # Errors
    /// When the stream cannot be read on: it is gone, or nobody may read it.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        let of = Error::when("read on in the stream");
        let Some(message) = self.messages.next().await else { return Ok(None) };
        let message = message.map_err(|e| of(e.into()))?;
        self.behind = self.behind.saturating_sub(1);
        let info = message.info().map_err(&of)?;
        let (stream_sequence, stored_at) = (info.stream_sequence, info.published);
        Ok(Some(Entry { message: message.message, stream_sequence, stored_at }))
    }
}

impl Entry {
    pub(crate) fn new(message: async_nats::Message, stream_sequence: u64, stored_at: DateTime<Utc>) -> Self {
        Self { message, stream_sequence, stored_at }
    }

    /// The message as the domain reads it.
    pub fn raw(&self) -> RawMessage<'_> {
        raw(&self.message, self.stream_sequence, self.stored_at)
    }

    /// What a message of the ledger says.
    ///
    /// # Errors
    /// When it is none.
    pub fn outcome(&self) -> Result<Outcome, DecodeError> {
        Outcome::decode(self.message.payload.clone())
    }
}

impl Bus {
    /// Events on subjects that match `filter`, from `since` on; without it, those that come from now on.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn read_events(&self, filter: &str, since: Option<DateTime<Utc>>) -> Result<Feed, Error> {
        self.read(stream::EVENTS, filter, from(since), false).await
    }

    /// Events on subjects that match `filter`, from a place on; without it, those that come from now on.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn follow_events(&self, filter: &str, from: Option<Start>) -> Result<Feed, Error> {
        self.read(stream::EVENTS, filter, from.map_or(DeliverPolicy::New, DeliverPolicy::from), false).await
    }

    /// Outcomes of all events, in the same way.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn follow_outcomes(&self, from: Option<Start>) -> Result<Feed, Error> {
        let from = from.map_or(DeliverPolicy::New, DeliverPolicy::from);
        self.read(stream::OUTCOMES, subject::OUTCOMES, from, false).await
    }

    /// Which events there are on subjects that match `filter`, without what is in them.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn list_events(&self, filter: &str, start: Start) -> Result<Feed, Error> {
        self.read(stream::EVENTS, filter, start.into(), true).await
    }

    /// The event with this sequence in the stream; `None` if it is not there, or no more.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn event_at(&self, stream_sequence: u64) -> Result<Option<Entry>, Error> {
        let from = DeliverPolicy::ByStartSequence { start_sequence: stream_sequence.max(1) };
        let mut feed = self.read(stream::EVENTS, subject::EVENTS, from, false).await?;
        // Where it is no more, the next one comes.
        Ok(feed.next_there().await?.filter(|entry| entry.stream_sequence == stream_sequence))
    }

    /// Outcomes of all events, from `since` on; without it, those that come from now on. The ledger keeps the last
    /// outcome of each effect.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn read_outcomes(&self, since: Option<DateTime<Utc>>) -> Result<Feed, Error> {
        self.read(stream::OUTCOMES, subject::OUTCOMES, from(since), false).await
    }

    async fn read(
        &self,
        stream: &str,
        filter: &str,
        from: DeliverPolicy,
        headers_only: bool,
    ) -> Result<Feed, Error> {
        let of = Error::when("read the stream");
        let stream = self.jetstream.get_stream_no_info(stream).await.map_err(|e| of(e.into()))?;
        let config = pull::OrderedConfig {
            filter_subject: filter.to_owned(),
            deliver_policy: from,
            headers_only,
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|e| of(e.into()))?;
        let behind = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(|e| of(e.into()))?;
        Ok(Feed { messages, behind })
    }
}

impl From<Start> for DeliverPolicy {
    fn from(start: Start) -> Self {
        match start {
            Start::At(start_time) => Self::ByStartTime { start_time },
            Start::After(last) => Self::ByStartSequence { start_sequence: last.saturating_add(1) },
        }
    }
}

fn from(since: Option<DateTime<Utc>>) -> DeliverPolicy {
    since.map_or(DeliverPolicy::New, |start_time| DeliverPolicy::ByStartTime { start_time })
}
