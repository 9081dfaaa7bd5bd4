//! From an HTTP request to events: the HTTP Protocol Binding for CloudEvents 1.0, or a body whose type is known.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox_proto::names::{header, subject::EVENTS_PREFIX};

use crate::{
    BadEvent, BadId, Data, Event, EventId, EventSubject, RawMessage, Source, TraceContext,
    event::JSON,
    read_event,
    read_event::{from_object, is_json, look_at, media_type, not_json, parse},
};

/// A request that brings events.
#[derive(Clone, Debug)]
pub struct HttpMessage<'a> {
    /// Its headers. Only `content-type` and those of CloudEvents are looked at.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Its body.
    pub body: Bytes,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The id of an event that has none of its own.
    pub id: Option<&'a EventId>,
}

/// What a request brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Posted {
    /// One event, in binary or structured mode.
    One(Box<Event>),
    /// A batch, in its order.
    Batch(Vec<Event>),
}

/// Why a request brings no events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPost {
    /// Its one event is none.
    #[error(transparent)]
    Event(#[from] BadEvent),
    /// One of its events is none.
    #[error("event {index} of the batch: {why}")]
    InBatch {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        why: BadEvent,
    },
    /// It is in none of the three modes.
    #[error(
        "no CloudEvent: it has neither the header `ce-specversion` nor the content type `application/cloudevents+json` \
         or `application/cloudevents-batch+json`; POST /events/{{type}} takes other bodies"
    )]
    NoCloudEvent,
    /// A batch is a list.
    #[error("a batch of CloudEvents is a JSON array")]
    NotAList,
    /// It has more events than are taken at once.
    #[error("the batch has {count} events; at most {most} are taken at once")]
    TooMany {
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
}

/// The most events of a batch.
pub const MOST_IN_BATCH: usize = 100;

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// Reads CloudEvents in binary, structured or batch mode. The NATS subject of each is `events.` and its type.
///
/// # Errors
/// [`BadPost`] says what is missing or malformed, and in which event.
pub fn read_http_events(message: &HttpMessage<'_>) -> Result<Posted, BadPost> {
    let one = |event: Result<Event, BadEvent>| Ok(Posted::One(Box::new(event?)));
    match media_type(message.header(header::CONTENT_TYPE).unwrap_or_default()).as_str() {
        BATCH => batch(message),
        STRUCTURED => match parse(&message.body)? {
            Value::Object(object) => one(structured(message, object, message.id)),
            _ => Err(BadEvent::NotAnObject.into()),
        },
        _ if message.header("ce-specversion").is_some() => one(binary(message)),
        _ => Err(BadPost::NoCloudEvent),
    }
}

/// Reads a body that is the data of an event of this type, from this source. JSON is looked at, and goes on as it came.
///
/// # Errors
/// When the type makes no subject, or the body is not what its content type says.
pub fn read_http_body(
    message: &HttpMessage<'_>,
    id: EventId,
    source: Source,
    kind: &str,
) -> Result<Event, BadEvent> {
    let content_type = message.header(header::CONTENT_TYPE).unwrap_or_default();
    let (content_type, data) = match &message.body {
        empty if empty.is_empty() => (not_json(content_type), Data::Empty),
        body if is_json(content_type) => {
            look_at(body)?;
            (Some(JSON.to_owned()), Data::Bytes(body.clone()))
        }
        body => (not_json(content_type), Data::Bytes(body.clone())),
    };
    let subject = EventSubject::of_type(kind)?;
    let event = Event::new(id, source, kind.to_owned(), subject, message.received_at);
    Ok(Event { data_content_type: content_type, data, ..event })
}

impl HttpMessage<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    fn raw<'a>(&self, subject: &'a EventSubject, headers: Vec<(&'a str, &'a str)>) -> RawMessage<'a> {
        RawMessage {
            subject: subject.as_str(),
            headers,
            body: self.body.clone(),
            stream_sequence: 0,
            stored_at: self.received_at,
        }
    }
}

/// What belongs to CloudEvents: no publisher by HTTP names an inbox or a message id of NATS.
fn belongs(name: &str) -> bool {
    let prefix = name.get(..header::CLOUDEVENT_PREFIX.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(header::CLOUDEVENT_PREFIX))
        || name.eq_ignore_ascii_case(header::CONTENT_TYPE)
}

fn binary(message: &HttpMessage<'_>) -> Result<Event, BadEvent> {
    // The subject follows from the type, which is known once the event is read.
    let nowhere = EventSubject::of_type("-")?;
    let mut headers: Vec<_> = message.headers.iter().copied().filter(|(name, _)| belongs(name)).collect();
    if message.header("ce-id").is_none() {
        headers.extend(message.id.map(|id| ("ce-id", id.as_str())));
    }
    tidy(read_event(&message.raw(&nowhere, headers))?)
}

fn structured(
    message: &HttpMessage<'_>,
    mut object: Map<String, Value>,
    id: Option<&EventId>,
) -> Result<Event, BadEvent> {
    if let (None, Some(id)) = (object.get("id"), id) {
        object.insert("id".to_owned(), id.as_str().into());
    }
    let declared = object.get("datacontenttype").is_some_and(Value::is_string);
    let nowhere = EventSubject::of_type("-")?;
    let raw = message.raw(&nowhere, Vec::new());
    let mut event = tidy(from_object(&raw, nowhere.clone(), object)?)?;
    match (&event.data, &event.data_content_type) {
        // CloudEvents' JSON Format, 3.1: where the data are not JSON, a text is the data and not a JSON text of them.
        (Data::Json(Value::String(text)), Some(_)) => {
            event.data = Data::Bytes(Bytes::copy_from_slice(text.as_bytes()));
        }
        (Data::Bytes(json), None) if declared => event.data = Data::Json(parse(json)?),
        // On NATS, bytes of no type would be taken for JSON.
        (Data::Bytes(_), None) => event.data_content_type = Some("application/octet-stream".to_owned()),
        _ => {}
    }
    Ok(event)
}

fn batch(message: &HttpMessage<'_>) -> Result<Posted, BadPost> {
    let Value::Array(items) = parse(&message.body)? else { return Err(BadPost::NotAList) };
    if items.len() > MOST_IN_BATCH {
        return Err(BadPost::TooMany { count: items.len(), most: MOST_IN_BATCH });
    }
    let events = items.into_iter().enumerate().map(|(index, item)| {
        let event = match item {
            // One key cannot name several events.
            Value::Object(object) => structured(message, object, None),
            _ => Err(BadEvent::NotAnObject),
        };
        event.map_err(|why| BadPost::InBatch { index, why })
    });
    Ok(Posted::Batch(events.collect::<Result<_, _>>()?))
}

/// The event on its subject; what could not travel on is refused here, where somebody hears of it.
fn tidy(event: Event) -> Result<Event, BadEvent> {
    let odd = |name: &&String| {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        name.is_empty() || !name.bytes().all(letter)
    };
    if let Some(name) = event.extensions.keys().find(odd) {
        let why = "a name has lower-case letters and digits alone";
        return Err(BadEvent::Attribute { name: name.chars().take(80).collect(), why });
    }
    let nats_subject = EventSubject::of_type(&event.kind)?;
    let inside = |name: &str| event.extensions.get(name).map(String::as_str);
    let trace = TraceContext::from_headers(inside(header::TRACEPARENT), inside(header::TRACESTATE));
    Ok(Event { nats_subject, trace, ..event })
}

impl EventSubject {
    /// The subject of events of this type: `events.` and the type, with `_` for what a subject cannot have, and without
    /// tokens that are empty.
    ///
    /// # Errors
    /// When nothing is left of it, or too much.
    pub fn of_type(kind: &str) -> Result<Self, BadId> {
        let fit =
            |c: char| if c.is_control() || c.is_whitespace() || matches!(c, '*' | '>') { '_' } else { c };
        let mut subject = String::with_capacity(EVENTS_PREFIX.len() + kind.len());
        subject.push_str(EVENTS_PREFIX);
        for (place, token) in kind.split('.').filter(|token| !token.is_empty()).enumerate() {
            if place > 0 {
                subject.push('.');
            }
            subject.extend(token.chars().map(fit));
        }
        subject.parse()
    }
}

#[cfg(test)]
#[path = "http_event_tests.rs"]
mod tests;
