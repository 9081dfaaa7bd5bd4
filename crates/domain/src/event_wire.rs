//! An event inside another message.

use serde_json::Value;
use signalbox_proto::v1;

use crate::{
    BadId, Data, Event, TraceContext,
    command::{time, wire_time},
    event::JSON,
};

/// Why a message has no event in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWireEvent {
    /// An attribute cannot be an identifier.
    #[error(transparent)]
    Id(#[from] BadId),
    /// It has no time, or one that is none.
    #[error("an event without a time")]
    Time,
    /// Its data are not what `datacontenttype` says.
    #[error("the data of an event are not JSON")]
    Data,
}

impl From<Event> for v1::Event {
    fn from(event: Event) -> Self {
        let (content_type, data) = match event.data {
            Data::Empty => (event.data_content_type, Default::default()),
            Data::Json(json) => (Some(JSON.to_owned()), json.to_string().into()),
            Data::Bytes(bytes) => (event.data_content_type, bytes),
        };
        Self {
            id: event.id.to_string(),
            source: event.source.to_string(),
            r#type: event.kind,
            nats_subject: event.nats_subject.to_string(),
            time: Some(wire_time(event.time)),
            data_content_type: content_type.unwrap_or_default(),
            data_schema: event.data_schema.unwrap_or_default(),
            subject: event.subject.unwrap_or_default(),
            extensions: event.extensions,
            data,
            trace: event.trace.to_wire(),
        }
    }
}

impl TryFrom<v1::Event> for Event {
    type Error = BadWireEvent;

    fn try_from(wire: v1::Event) -> Result<Self, BadWireEvent> {
        let given = |text: String| (!text.is_empty()).then_some(text);
        let (data_content_type, data) = match (wire.data_content_type.as_str(), wire.data) {
            (JSON, data) => {
                let json: Value = serde_json::from_slice(&data).map_err(|_| BadWireEvent::Data)?;
                (None, Data::Json(json))
            }
            (_, data) if data.is_empty() => (given(wire.data_content_type), Data::Empty),
            (_, data) => (given(wire.data_content_type), Data::Bytes(data)),
        };
        Ok(Self {
            id: wire.id.parse()?,
            source: wire.source.parse()?,
            kind: wire.r#type,
            nats_subject: wire.nats_subject.parse()?,
            time: wire.time.and_then(time).ok_or(BadWireEvent::Time)?,
            data_content_type,
            data_schema: given(wire.data_schema),
            subject: given(wire.subject),
            extensions: wire.extensions,
            data,
            trace: TraceContext::from_wire(wire.trace.as_ref()),
            reply_to: None,
            stream_sequence: 0,
        })
    }
}
