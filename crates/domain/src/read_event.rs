//! From a NATS message to an event: binary mode, structured mode or bare JSON.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use signalbox_proto::{
    names::{header, stream},
    v1::EventRef,
};

use crate::{BadId, Data, Event, EventSubject, ReplyTo, TraceContext, json::Json};

/// A message of the stream EVENTS.
#[derive(Clone, Debug)]
pub struct RawMessage<'a> {
    /// Its NATS subject.
    pub subject: &'a str,
    /// Its headers.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its payload.
    pub body: Bytes,
    /// Its sequence in the stream.
    pub stream_sequence: u64,
    /// When the stream stored it.
    pub stored_at: DateTime<Utc>,
}

/// Why a message is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEvent {
    /// Its subject or one of its attributes cannot be an identifier.
    #[error(transparent)]
    Id(#[from] BadId),
    /// An attribute that CloudEvents requires is missing.
    #[error("CloudEvent without the required attribute `{0}`")]
    Missing(&'static str),
    /// Not the version of CloudEvents that this reads.
    #[error("CloudEvents version {0:?}; only 1.0 is understood")]
    Version(String),
    /// An attribute is not of its type.
    #[error("CloudEvent attribute `{name}`: {why}")]
    Attribute {
        /// The attribute.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The body is not what its headers say.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A structured event is a JSON object.
    #[error("a structured CloudEvent is a JSON object")]
    NotAnObject,
    /// `data_base64` does not decode.
    #[error("`data_base64` is not base64")]
    NotBase64,
}

/// Reads a message as an event. What a bare message lacks is filled from its subject (`source`, `type`), its
/// `Nats-Msg-Id` or stream sequence (`id`) and the time that it was stored (`time`).
///
/// # Errors
/// [`BadEvent`] says what is missing or malformed.
pub fn read_event(message: &RawMessage<'_>) -> Result<Event, BadEvent> {
    let subject: EventSubject = message.subject.parse()?;
    let content_type = message.header(header::CONTENT_TYPE).unwrap_or_default();
    let mut event = if message.header("ce-specversion").is_some() {
        binary(message, subject, content_type)?
    } else if is_structured(content_type) {
        match parse(&message.body)? {
            Value::Object(object) => from_object(message, subject, object)?,
            _ => return Err(BadEvent::NotAnObject),
        }
    } else {
        bare(message, subject, content_type)?
    };
    let inside = |name: &str| event.extensions.get(name).map(String::as_str);
    event.trace = match message.trace() {
        // CloudEvents' Distributed Tracing extension: what it carries is the trace of the event's making.
        none if none == TraceContext::default() => {
            TraceContext::from_headers(inside("traceparent"), inside("tracestate"))
        }
        trace => trace,
    };
    event.reply_to = message.header(header::REPLY_TO).map(str::parse).transpose()?;
    Ok(event)
}

impl RawMessage<'_> {
    /// Header names are compared without regard to case: clients differ in how they write them.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The trace of the message itself, by its headers.
    pub fn trace(&self) -> TraceContext {
        TraceContext::from_headers(self.header(header::TRACEPARENT), self.header(header::TRACESTATE))
    }

    /// Who waits for the outcome, even if this is no event.
    pub fn reply_to(&self) -> Option<ReplyTo> {
        self.header(header::REPLY_TO)?.parse().ok()
    }

    /// What can be said of this message if it is no event.
    pub fn reference(&self) -> EventRef {
        EventRef {
            id: self.fallback_id(),
            source: format!("nats:{}", self.subject),
            nats_subject: self.subject.to_owned(),
            stream_sequence: self.stream_sequence,
            ..Default::default()
        }
    }

    fn fallback_id(&self) -> String {
        self.header(header::MESSAGE_ID)
            .map_or_else(|| format!("{}-{}", stream::EVENTS, self.stream_sequence), str::to_owned)
    }
}

pub(crate) fn parse(body: &Bytes) -> Result<Value, BadEvent> {
    serde_json::from_slice(body).map_err(|error| BadEvent::NotJson(error.to_string()))
}

/// The same, where nothing is made of it.
pub(crate) fn look_at(body: &Bytes) -> Result<(), BadEvent> {
    serde_json::from_slice(body).map(|Json| ()).map_err(|error| BadEvent::NotJson(error.to_string()))
}

/// What is not said is JSON.
pub(crate) fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.is_empty() || media_type.ends_with("/json") || media_type.ends_with("+json")
}

/// The content type, where it is not that of JSON.
pub(crate) fn not_json(content_type: &str) -> Option<String> {
    (!is_json(content_type)).then(|| content_type.to_owned())
}

fn data(body: &Bytes, content_type: &str) -> Result<Data, BadEvent> {
    match body {
        empty if empty.is_empty() => Ok(Data::Empty),
        json if is_json(content_type) => parse(json).map(Data::Json),
        other => Ok(Data::Bytes(other.clone())),
    }
}

fn bare(message: &RawMessage<'_>, subject: EventSubject, content_type: &str) -> Result<Event, BadEvent> {
    let data = match data(&message.body, content_type)? {
        // A structured event whose publisher set no header.
        Data::Json(Value::Object(object)) if object.get("specversion").is_some_and(Value::is_string) => {
            return from_object(message, subject, object);
        }
        data => data,
    };
    let (id, source) = (message.fallback_id().parse()?, format!("nats:{}", subject.as_str()).parse()?);
    let kind = subject.without_prefix().to_owned();
    Ok(Event {
        data_content_type: not_json(content_type),
        data,
        stream_sequence: message.stream_sequence,
        ..Event::new(id, source, kind, subject, message.stored_at)
    })
}

fn binary(message: &RawMessage<'_>, subject: EventSubject, content_type: &str) -> Result<Event, BadEvent> {
    let mut attributes = BTreeMap::new();
    for (name, value) in &message.headers {
        let prefix = name.get(..3).filter(|p| p.eq_ignore_ascii_case(header::CLOUDEVENT_PREFIX));
        if let Some(name) = prefix.and_then(|prefix| name.get(prefix.len()..)) {
            let name = name.to_ascii_lowercase();
            let decoded = percent_decode_str(value).decode_utf8().map_err(|_| BadEvent::Attribute {
                name: name.clone(),
                why: "its percent-decoded bytes are not UTF-8",
            })?;
            attributes.insert(name, decoded.into_owned());
        }
    }
    let content_type = attributes.remove("datacontenttype").unwrap_or_else(|| content_type.to_owned());
    let mut event = from_attributes(message, subject, attributes)?;
    event.data = data(&message.body, &content_type)?;
    event.data_content_type = not_json(&content_type);
    Ok(event)
}

/// Structured mode is marked by its media type, with the event format behind a `+`; JSON is the one that is read.
fn is_structured(content_type: &str) -> bool {
    matches!(media_type(content_type).as_str(), "application/cloudevents" | "application/cloudevents+json")
}

/// The media type alone, in lower case.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A structured event.
pub(crate) fn from_object(
    message: &RawMessage<'_>,
    subject: EventSubject,
    mut object: Map<String, Value>,
) -> Result<Event, BadEvent> {
    let json = object.remove("data");
    let base64 = object.remove("data_base64");
    let content_type = object.remove("datacontenttype").and_then(|value| value.as_str().map(str::to_owned));
    let mut attributes = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(BadEvent::Attribute {
                    name,
                    why: "an attribute is a text, a number or a boolean",
                });
            }
        };
        attributes.insert(name, text);
    }
    let mut event = from_attributes(message, subject, attributes)?;
    event.data = match (json, base64) {
        (Some(value), _) => Data::Json(value),
        (None, Some(Value::String(text))) => Data::Bytes(decode_base64(&text)?),
        (None, Some(_)) => return Err(BadEvent::NotBase64),
        (None, None) => Data::Empty,
    };
    event.data_content_type = content_type.filter(|given| !is_json(given));
    Ok(event)
}

fn decode_base64(text: &str) -> Result<Bytes, BadEvent> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).map(Bytes::from).map_err(|_| BadEvent::NotBase64)
}

fn from_attributes(
    message: &RawMessage<'_>,
    nats_subject: EventSubject,
    mut attributes: BTreeMap<String, String>,
) -> Result<Event, BadEvent> {
    let mut required = |name: &'static str| {
        attributes.remove(name).filter(|value| !value.is_empty()).ok_or(BadEvent::Missing(name))
    };
    let version = required("specversion")?;
    if version != "1.0" {
        return Err(BadEvent::Version(version.chars().take(20).collect()));
    }
    let (id, source, kind) = (required("id")?.parse()?, required("source")?.parse()?, required("type")?);
    let time = match attributes.remove("time") {
        None => message.stored_at,
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map_err(|_| BadEvent::Attribute { name: "time".into(), why: "not a timestamp of RFC 3339" })?
            .to_utc(),
    };
    Ok(Event {
        data_schema: attributes.remove("dataschema"),
        subject: attributes.remove("subject"),
        extensions: attributes,
        stream_sequence: message.stream_sequence,
        ..Event::new(id, source, kind, nats_subject, time)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(subject: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Event, BadEvent> {
        read_event(&RawMessage {
            subject,
            headers: headers.to_vec(),
            body: Bytes::copy_from_slice(body),
            stream_sequence: 42,
            stored_at: DateTime::UNIX_EPOCH,
        })
    }

    #[test]
    fn a_bare_message_is_filled_from_what_is_known() {
        let event = read("events.shop.paid", &[("traceparent", PARENT)], br#"{"order":7}"#).unwrap();
        assert_eq!((event.id.as_str(), event.source.as_str()), ("EVENTS-42", "nats:events.shop.paid"));
        assert_eq!((event.kind.as_str(), event.time), ("shop.paid", DateTime::UNIX_EPOCH));
        assert_eq!(event.data, Data::Json(json!({"order": 7})));
        assert_eq!(event.trace.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let named = read("events.shop.paid", &[("Nats-Msg-Id", "m-1")], b"").unwrap();
        assert_eq!((named.id.as_str(), named.data), ("m-1", Data::Empty));
    }

    #[test]
    fn three_modes_say_the_same() {
        let binary = read(
            "events.shop.paid",
            &[
                ("Ce-SpecVersion", "1.0"),
                ("ce-id", "e-1"),
                ("ce-source", "/shop"),
                ("ce-type", "paid"),
                ("ce-tenant", "a"),
                ("ce-time", "2026-01-01T00:00:00Z"),
                ("content-type", "application/json; charset=utf-8"),
            ],
            br#"{"order":7}"#,
        )
        .unwrap();
        let body =
            json!({"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "paid", "tenant": "a",
            "time": "2026-01-01T00:00:00Z", "data": {"order": 7}})
            .to_string();
        let marked =
            read("events.shop.paid", &[("Content-Type", "application/cloudevents+json")], body.as_bytes())
                .unwrap();
        let unmarked = read("events.shop.paid", &[], body.as_bytes()).unwrap();
        assert_eq!(binary, marked);
        assert_eq!(binary, unmarked);
    }

    #[test]
    fn what_we_publish_reads_back_the_same() {
        let event = read(
            "events.shop.paid",
            &[
                ("Nats-Msg-Id", "a b \"ü\" 100%"),
                ("traceparent", PARENT),
                ("signalbox-reply-to", "_INBOX.a.b"),
            ],
            b"[1]",
        )
        .unwrap();
        let headers = event.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(read("events.shop.paid", &headers, &event.body()).unwrap(), event);
    }

    #[test]
    fn what_the_sdks_write_is_read() {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "100%25 %C3%BC"),
            ("ce-source", "/shop"),
            ("ce-type", "note"),
            ("ce-datacontenttype", "text/plain"),
        ];
        let event = read("events.note", &headers, b"hi").unwrap();
        assert_eq!((event.id.as_str(), event.data), ("100% ü", Data::Bytes(Bytes::from_static(b"hi"))));
        assert_eq!((event.data_content_type.as_deref(), event.extensions.len()), (Some("text/plain"), 0));
        let body = br#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
        for media_type in ["application/cloudevents", "Application/CloudEvents+JSON; charset=utf-8"] {
            assert_eq!(read("events.a", &[("content-type", media_type)], body).unwrap().id.as_str(), "1");
        }
        let not_utf8 = [("ce-specversion", "1.0"), ("ce-id", "%FF"), ("ce-source", "/s"), ("ce-type", "t")];
        assert!(matches!(read("events.a", &not_utf8, b""), Err(BadEvent::Attribute { .. })));
    }

    #[test]
    fn data_that_are_not_json_stay_bytes() {
        let event = read("events.image", &[("content-type", "image/png")], &[0xff, 0]).unwrap();
        assert_eq!(event.data, Data::Bytes(Bytes::from_static(&[0xff, 0])));
        assert_eq!(event.data_content_type.as_deref(), Some("image/png"));
    }

    #[test]
    fn odd_messages_are_refused_with_the_reason() {
        let why = |headers: &[(&str, &str)], body: &[u8]| read("events.a", headers, body).unwrap_err();
        assert!(matches!(why(&[], b"{"), BadEvent::NotJson(_)));
        assert!(matches!(why(&[], &[0xff, 0xfe]), BadEvent::NotJson(_)));
        assert_eq!(why(&[("ce-specversion", "1.0")], b"{}"), BadEvent::Missing("id"));
        assert_eq!(why(&[("ce-specversion", "0.3")], b"{}"), BadEvent::Version("0.3".into()));
        assert_eq!(why(&[("content-type", "application/cloudevents+json")], b"[]"), BadEvent::NotAnObject);
        let nested = br#"{"specversion":"1.0","id":{},"source":"a","type":"b"}"#;
        assert!(matches!(why(&[], nested), BadEvent::Attribute { .. }));
        assert!(matches!(why(&[("signalbox-reply-to", "events.a")], b"{}"), BadEvent::Id(BadId::Inbox(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(why(&[], deep.as_bytes()), BadEvent::NotJson(_)));
    }
}
