//! Consuming: deliveries in the order of the stream, each settled once, in one place.

use std::time::Duration;

use async_nats::{
    HeaderValue,
    jetstream::{AckKind, message::Acker},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use signalbox_domain::{RawMessage, TraceContext};
use signalbox_proto::names::{consumer, header, stream, subject};
use signalbox_telemetry::Span;

use crate::{
    Bus, Deliveries, Lease,
    spans::{self, About},
    streams::ACK_WAIT,
};

/// Events that are asked for beforehand.
const EVENTS_AHEAD: usize = 512;
/// Messages with commands, each of which may have many.
const BATCHES_AHEAD: usize = 16;

/// One message, delivered to be settled.
pub struct Delivery {
    pub(crate) message: async_nats::Message,
    pub(crate) acker: Acker,
    /// Its sequence in its stream.
    pub stream_sequence: u64,
    /// When the stream stored it.
    pub stored_at: DateTime<Utc>,
    /// Whether it may have been worked on before, by this process or by one that died.
    pub repeated: bool,
    /// How often the consumer had come to this process when it came. Between two openings another process may have had
    /// it, and the stream may have been made anew.
    pub opening: u64,
    /// Up to this sequence of the stream, it may have been worked on before this opening.
    pub given_before: u64,
    /// Whether it may still be worked on here.
    pub lease: Lease,
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
