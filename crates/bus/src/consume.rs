//! Consuming: deliveries in the order of the stream, each settled once, in one place.

use std::time::Duration;

use async_nats::jetstream::{self, AckKind, consumer::pull, message::Acker};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use signalbox_domain::RawMessage;
use signalbox_proto::names::{consumer, stream};

use crate::{Bus, Error, streams::ACK_WAIT};

/// One message, delivered to be settled.
pub struct Delivery {
    message: async_nats::Message,
    acker: Acker,
    /// Its sequence in its stream.
    pub stream_sequence: u64,
    /// When the stream stored it.
    pub stored_at: DateTime<Utc>,
    /// Whether it may have been worked on before, by this process or by one that died.
    pub repeated: bool,
}

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Everything that it asked for has happened and is recorded, or it lies in the dead letters.
    Done,
    /// Nothing has happened yet: deliver it again, after this time.
    Again(Duration),
    /// It is still worked on: do not deliver it again yet.
    Working,
}

impl Delivery {
    /// How often a delivery that is held must be settled with [`Settlement::Working`].
    pub const WORKING_EVERY: Duration = Duration::from_secs(ACK_WAIT.as_secs() / 3);

    /// The only place that acknowledges a message.
    pub async fn settle(&self, settlement: Settlement) {
        let kind = match settlement {
            Settlement::Done => AckKind::Ack,
            Settlement::Again(after) => AckKind::Nak(Some(after)),
            Settlement::Working => AckKind::Progress,
        };
        if let Err(error) = self.acker.ack_with(kind).await {
            // It will be delivered again, and then be resolved.
            tracing::warn!(error = %error, stream.sequence = self.stream_sequence, "acknowledgement not sent");
        }
    }

    /// The payload.
    pub fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    /// The message as the domain reads it.
    pub fn raw(&self) -> RawMessage<'_> {
        let headers = self.message.headers.iter().flat_map(|map| map.iter());
        RawMessage {
            subject: self.message.subject.as_str(),
            headers: headers
                .filter_map(|(name, values)| Some((name.as_ref(), values.first()?.as_str())))
                .collect(),
            body: self.message.payload.clone(),
            stream_sequence: self.stream_sequence,
            stored_at: self.stored_at,
        }
    }
}

/// The deliveries of one durable consumer. It never ends by itself: while JetStream is away it waits.
pub struct Deliveries {
    messages: pull::Stream,
    /// Up to here an earlier process may have worked.
    seen: u64,
}

impl Deliveries {
    /// The next delivery.
    ///
    /// # Errors
    /// When the consumer is gone and cannot come back by itself.
    pub async fn next(&mut self) -> Result<Delivery, Error> {
        loop {
            match self.messages.next().await {
                Some(Ok(message)) => match self.delivery(message) {
                    Some(delivery) => return Ok(delivery),
                    None => tracing::warn!("a message without JetStream's reply subject was left alone"),
                },
                Some(Err(error)) => {
                    use pull::MessagesErrorKind::{ConsumerDeleted, PushBasedConsumer, RequestLimitExceeded};
                    if matches!(error.kind(), ConsumerDeleted | PushBasedConsumer | RequestLimitExceeded) {
                        return Err(Error::when("go on with the consumer")(error.into()));
                    }
                    tracing::debug!(%error, "no deliveries for now");
                }
                None => return Err(Error::when("go on with the consumer")("its deliveries ended".into())),
            }
        }
    }

    fn delivery(&self, message: jetstream::Message) -> Option<Delivery> {
        let info = message.info().ok()?;
        let (sequence, delivered, stored_at) = (info.stream_sequence, info.delivered, info.published);
        let (message, acker) = message.split();
        Some(Delivery {
            message,
            acker,
            stream_sequence: sequence,
            stored_at,
            repeated: delivered > 1 || sequence <= self.seen,
        })
    }
}

impl Bus {
    /// Events, to be matched in the order of the stream.
    ///
    /// # Errors
    /// When the consumer cannot be had now.
    pub async fn events(&self) -> Result<Deliveries, Error> {
        self.deliveries(stream::EVENTS, consumer::MATCH).await
    }

    /// Commands of one partition, in the order of the stream.
    ///
    /// # Errors
    /// When the consumer cannot be had now.
    pub async fn commands(&self, partition: u16) -> Result<Deliveries, Error> {
        self.deliveries(stream::COMMANDS, &consumer::apply(partition)).await
    }

    /// Goes on where the acknowledgements end. Without the reset, what a killed process had in its hands would
    /// come after newer messages, and only when its acknowledgement is overdue.
    async fn deliveries(&self, stream: &'static str, durable: &str) -> Result<Deliveries, Error> {
        let of = Error::when("open the consumer");
        let stream = self.jetstream.get_stream(stream).await.map_err(|e| of(e.into()))?;
        let before = stream.consumer_info(durable).await.map_err(|e| of(e.into()))?;
        stream.reset_consumer(durable, None).await.map_err(|e| of(e.into()))?;
        let consumer: jetstream::consumer::PullConsumer = stream.get_consumer(durable).await.map_err(&of)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(512)
            .expires(Duration::from_secs(30))
            .heartbeat(Duration::from_secs(5))
            .messages()
            .await
            .map_err(|e| of(e.into()))?;
        Ok(Deliveries { messages, seen: before.delivered.stream_sequence })
    }
}
