//! Reading events again: by their sequences, and how far they were matched.

use async_nats::{
    Message,
    jetstream::{
        message::StreamMessage,
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use signalbox_proto::names::{consumer, stream::EVENTS};

use crate::{Bus, Entry, Error};

/// Events that are asked for at once.
const AT_ONCE: usize = 64;

impl Bus {
    /// The events with these sequences, in this order; `None` for one that the stream has no more.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn events_at(&self, stream_sequences: &[u64]) -> Result<Vec<Option<Entry>>, Error> {
        let of = Error::when("read events again");
        let events = self.jetstream.get_stream_no_info(EVENTS).await.map_err(|e| of(e.into()))?;
        let read: Vec<_> = stream_sequences.iter().map(|sequence| event_at(&events, *sequence)).collect();
        stream::iter(read).buffered(AT_ONCE).try_collect().await
    }

    /// Up to which sequence of the stream all events are matched.
    ///
    /// # Errors
    /// When JetStream is away.
    pub async fn matched_up_to(&self) -> Result<u64, Error> {
        let Some(state) = self.consumer_state(EVENTS, consumer::MATCH).await? else { return Ok(0) };
        // Where nothing is left to be given out, the end of the stream may be past the last acknowledgement.
        Ok(if state.lag == 0 && state.unacknowledged == 0 { u64::MAX } else { state.ack_floor })
    }
}

/// From whichever server has it at hand. One that has not may be behind: then the stream's leader is asked.
async fn event_at<I>(events: &Stream<I>, sequence: u64) -> Result<Option<Entry>, Error> {
    if let Ok(message) = events.direct_get(sequence).await {
        return Ok(Some(entry(message)));
    }
    match events.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(entry(message))),
        Err(error) => match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(cause) if cause.code() == 404 => Ok(None),
            _ => Err(Error::when("read an event again")(error.into())),
        },
    }
}

fn entry(message: StreamMessage) -> Entry {
    let StreamMessage { subject, sequence, headers, payload, time } = message;
    let length = payload.len();
    let (reply, status, description) = (None, None, None);
    let message = Message { subject, reply, payload, headers: Some(headers), status, description, length };
    Entry::new(message, sequence, time)
}
