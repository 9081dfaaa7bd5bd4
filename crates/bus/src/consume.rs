//! Consuming: deliveries in the order of the stream, each settled once, in one place.

use std::time::Duration;

use async_nats::{
    HeaderValue,
    jetstream::{self, AckKind, consumer::pull, context::ConsumerInfoErrorKind, message::Acker},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt};
use signalbox_domain::{RawMessage, TraceContext};
use signalbox_proto::names::{consumer, header, stream, subject};
use signalbox_telemetry::{Chain, Span};

use crate::{
    Bus, Error,
    pause::{LONGEST_PAUSE, patient},
    spans::{self, About},
    streams::ACK_WAIT,
};

/// Twice this without a word, and whether the consumer is still there is asked: callers wait for what it has.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Events that are asked for beforehand.
const EVENTS_AHEAD: usize = 512;
/// Messages with commands, each of which may have many.
const BATCHES_AHEAD: usize = 16;

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
    /// How often the consumer had been opened when it came. Between two openings the stream may have been made anew.
    pub opening: u64,
}

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Everything that it asked for has happened and is recorded, or it lies in the dead letters.
    Done,
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

    /// The span of the work for it; `operation` is the word for that work. `trace` is what the message carries.
    pub fn span(&self, operation: &'static str, trace: &TraceContext) -> Span {
        let headers = self.message.headers.as_ref();
        let id = headers.and_then(|headers| headers.get(header::MESSAGE_ID)).map(HeaderValue::as_str);
        let (subject, size) = (self.message.subject.as_str(), Some(self.message.payload.len()));
        let template =
            if subject.starts_with(subject::EVENTS_PREFIX) { subject::EVENTS } else { subject::COMMANDS };
        let mut span = spans::process(trace, operation, &About { subject, template, id, size });
        span.set("messaging.nats.stream.sequence", || {
            i64::try_from(self.stream_sequence).unwrap_or(i64::MAX)
        });
        if self.repeated {
            span.set("signalbox.repeated", || true);
        }
        span
    }

    /// The message as the domain reads it.
    pub fn raw(&self) -> RawMessage<'_> {
        raw(&self.message, self.stream_sequence, self.stored_at)
    }
}

/// The deliveries of one durable consumer. While JetStream is away it waits; should the consumer be gone, with a
/// stream that was deleted or a server that lost its data, it is made again.
pub struct Deliveries {
    bus: Bus,
    stream: &'static str,
    durable: String,
    /// Messages that are asked for beforehand.
    ahead: usize,
    open: Option<Open>,
    openings: u64,
}

struct Open {
    messages: pull::Stream,
    number: u64,
    /// Up to here of the stream it may have been worked on before.
    seen: u64,
    /// The last that was given, as the stream and as the consumer count.
    last: (u64, u64),
}

impl Deliveries {
    fn new(bus: &Bus, stream: &'static str, durable: String, ahead: usize) -> Self {
        Self { bus: bus.clone(), stream, durable, ahead, open: None, openings: 0 }
    }

    /// The next delivery; pending while there is none. May be dropped without loss.
    pub async fn next(&mut self) -> Delivery {
        loop {
            let open = self.open().await;
            match open.messages.next().await {
                Some(Ok(message)) => match open.delivery(message) {
                    Some(delivery) => return delivery,
                    None => tracing::warn!("a message without JetStream's reply subject was left alone"),
                },
                Some(Err(error)) => {
                    tracing::trace!(%error, consumer = self.durable, "no deliveries for now");
                    if self.consumer_is_gone().await {
                        tracing::warn!(stream = self.stream, consumer = self.durable, "the consumer is gone");
                        self.open = None;
                    }
                }
                None => self.open = None,
            }
        }
    }

    /// The next delivery and those that are already there behind it, `most` together, and no more when they have
    /// `bytes`.
    pub async fn next_ready(&mut self, most: usize, bytes: usize) -> Vec<Delivery> {
        let first = self.next().await;
        let mut taken = first.payload().len();
        let mut deliveries = vec![first];
        while deliveries.len() < most
            && taken < bytes
            && let Some(delivery) = self.next().now_or_never()
        {
            taken += delivery.payload().len();
            deliveries.push(delivery);
        }
        deliveries
    }

    async fn open(&mut self) -> &mut Open {
        let opened = match self.open.take() {
            Some(open) => open,
            None => {
                self.openings += 1;
                self.open_when_there().await
            }
        };
        self.open.insert(opened)
    }

    async fn open_when_there(&self) -> Open {
        let mut pauses = patient();
        loop {
            match self.open_consumer().await {
                Ok(open) => return open,
                Err(error) => {
                    let Self { stream, durable, .. } = self;
                    tracing::debug!(error = %Chain(&error), stream, consumer = durable, "not open yet")
                }
            }
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    /// Goes on where the acknowledgements end. Without the reset, what a killed process had in its hands would
    /// come after newer messages, and only when its acknowledgement is overdue.
    async fn open_consumer(&self) -> Result<Open, Error> {
        let of = Error::when("open the consumer");
        let Self { bus, durable, .. } = self;
        bus.ensure_streams().await.map_err(|e| of(e.into()))?;
        let stream = bus.jetstream.get_stream_no_info(self.stream).await.map_err(|e| of(e.into()))?;
        let before = stream.consumer_info(durable).await.map_err(|e| of(e.into()))?;
        stream.reset_consumer(durable, None).await.map_err(|e| of(e.into()))?;
        let consumer: jetstream::consumer::PullConsumer = stream.get_consumer(durable).await.map_err(&of)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(self.ahead)
            .expires(Duration::from_secs(30))
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|e| of(e.into()))?;
        // A consumer that is kept in memory forgets, with its server, what it has delivered.
        let seen = match before.config.memory_storage {
            true => stream.get_info().await.map_err(|e| of(e.into()))?.state.last_sequence,
            false => before.delivered.stream_sequence,
        };
        Ok(Open { messages, number: self.openings, seen, last: (0, 0) })
    }

    async fn consumer_is_gone(&self) -> bool {
        let Ok(stream) = self.bus.jetstream.get_stream_no_info(self.stream).await else { return false };
        match stream.consumer_info(&self.durable).await {
            Ok(_) => false,
            Err(error) => match error.kind() {
                ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => true,
                ConsumerInfoErrorKind::JetStream(cause) => cause.code() == 404,
                _ => false,
            },
        }
    }
}

impl Open {
    fn delivery(&mut self, message: jetstream::Message) -> Option<Delivery> {
        let info = message.info().ok()?;
        if info.consumer_sequence <= self.last.1 {
            // It counts from the beginning: somebody has made it again, and what it gave before it may give again.
            self.seen = self.seen.max(self.last.0);
        }
        self.last = (self.last.0.max(info.stream_sequence), info.consumer_sequence);
        let (sequence, delivered, stored_at) = (info.stream_sequence, info.delivered, info.published);
        let (message, acker) = message.split();
        Some(Delivery {
            message,
            acker,
            stream_sequence: sequence,
            stored_at,
            repeated: delivered > 1 || sequence <= self.seen,
            opening: self.number,
        })
    }
}

/// A message of a stream as the domain reads it.
pub(crate) fn raw(
    message: &async_nats::Message,
    stream_sequence: u64,
    stored_at: DateTime<Utc>,
) -> RawMessage<'_> {
    let headers = message.headers.iter().flat_map(|map| map.iter());
    RawMessage {
        subject: message.subject.as_str(),
        headers: headers
            .filter_map(|(name, values)| Some((name.as_ref(), values.first()?.as_str())))
            .collect(),
        body: message.payload.clone(),
        stream_sequence,
        stored_at,
    }
}

impl Bus {
    /// Events, to be matched in the order of the stream.
    pub fn events(&self) -> Deliveries {
        Deliveries::new(self, stream::EVENTS, consumer::MATCH.to_owned(), EVENTS_AHEAD)
    }

    /// Commands of one partition that wait, in the order of the stream.
    pub fn held_commands(&self, partition: u16) -> Deliveries {
        Deliveries::new(self, stream::FLOW, consumer::flow(partition), BATCHES_AHEAD)
    }

    /// Commands of one partition, in the order of the stream.
    pub fn commands(&self, partition: u16) -> Deliveries {
        Deliveries::new(self, stream::COMMANDS, consumer::apply(partition), BATCHES_AHEAD)
    }
}
