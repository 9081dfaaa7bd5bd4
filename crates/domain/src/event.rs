//! A CloudEvent 1.0.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;
use signalbox_proto::{
    names::{extension::HOPS, header},
    v1::EventRef,
};

use crate::{EventId, EventKey, EventSubject, ReplyTo, Source, TraceContext};

/// What is percent-encoded in a header, besides all that is not ASCII (HTTP Protocol Binding for CloudEvents,
/// 3.1.3.2, which that for NATS follows).
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The `datacontenttype` of JSON.
pub(crate) const JSON: &str = "application/json";

/// An event: a CloudEvent 1.0 with the NATS subject that it travels on.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `id` (CloudEvents 1.0, 3.1.1).
    pub id: EventId,
    /// `source`.
    pub source: Source,
    /// `type`.
    pub kind: String,
    /// The NATS subject, `events.…`.
    pub nats_subject: EventSubject,
    /// `time`: when it happened, or when it was stored, if its publisher did not say.
    pub time: DateTime<Utc>,
    /// `datacontenttype`, where the data are not [`Data::Json`].
    pub data_content_type: Option<String>,
    /// `dataschema`.
    pub data_schema: Option<String>,
    /// CloudEvents' own `subject`.
    pub subject: Option<String>,
    /// Extension attributes.
    pub extensions: BTreeMap<String, String>,
    /// The payload.
    pub data: Data,
    /// The trace that its publisher is in.
    pub trace: TraceContext,
    /// Who waits for its outcomes.
    pub reply_to: Option<ReplyTo>,
    /// Its sequence in the stream EVENTS; 0 before it is stored.
    pub stream_sequence: u64,
}

/// What an event carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// Anything else, described by `datacontenttype`; or JSON of which nothing is to be known here.
    Bytes(Bytes),
}

impl Event {
    /// An event with what every one has, and nothing else.
    pub fn new(
        id: EventId,
        source: Source,
        kind: String,
        nats_subject: EventSubject,
        time: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            source,
            kind,
            nats_subject,
            time,
            data_content_type: None,
            data_schema: None,
            subject: None,
            extensions: BTreeMap::new(),
            data: Data::Empty,
            trace: TraceContext::default(),
            reply_to: None,
            stream_sequence: 0,
        }
    }

    /// Where the ledger keeps this event.
    pub fn key(&self) -> EventKey {
        EventKey::derive(self.source.as_str(), self.id.as_str())
    }

    /// How many events routes have published one for the other before this one.
    pub fn hops(&self) -> u32 {
        self.extensions.get(HOPS).and_then(|hops| hops.parse().ok()).unwrap_or(0)
    }

    /// What other messages say of this event.
    pub fn reference(&self) -> EventRef {
        EventRef {
            id: self.id.as_str().to_owned(),
            source: self.source.as_str().to_owned(),
            r#type: self.kind.clone(),
            nats_subject: self.nats_subject.as_str().to_owned(),
            stream_sequence: self.stream_sequence,
        }
    }

    /// This event's headers in binary mode (NATS Protocol Binding for CloudEvents, 3.1), with the trace and
    /// the inbox that waits.
    pub fn headers(&self) -> Vec<(Cow<'static, str>, String)> {
        let attribute = |name: &'static str, value: &str| (Cow::Borrowed(name), in_header(value));
        let mut headers = Vec::with_capacity(11 + self.extensions.len());
        headers.extend([
            attribute("ce-specversion", "1.0"),
            attribute("ce-id", self.id.as_str()),
            attribute("ce-source", self.source.as_str()),
            attribute("ce-type", &self.kind),
            attribute("ce-time", &self.time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        ]);
        let content_type = match (&self.data, &self.data_content_type) {
            (_, Some(given)) => Some(given.as_str()),
            (Data::Json(_), None) => Some(JSON),
            _ => None,
        };
        headers.extend(content_type.map(|value| attribute("ce-datacontenttype", value)));
        headers.extend(self.subject.iter().map(|value| attribute("ce-subject", value)));
        headers.extend(self.data_schema.iter().map(|value| attribute("ce-dataschema", value)));
        headers.extend(
            self.extensions.iter().map(|(name, value)| {
                (format!("{}{name}", header::CLOUDEVENT_PREFIX).into(), in_header(value))
            }),
        );
        let plain = |name: &'static str, value: &str| (Cow::Borrowed(name), value.to_owned());
        headers.extend(self.trace.traceparent().map(|value| plain(header::TRACEPARENT, value)));
        headers.extend(self.trace.tracestate().map(|value| plain(header::TRACESTATE, value)));
        headers.extend(self.reply_to.iter().map(|value| plain(header::REPLY_TO, value.as_str())));
        headers
    }

    /// The body in binary mode.
    pub fn body(&self) -> Bytes {
        match &self.data {
            Data::Empty => Bytes::new(),
            Data::Json(value) => value.to_string().into(),
            Data::Bytes(bytes) => bytes.clone(),
        }
    }
}

/// The value of an attribute, as a header has it.
fn in_header(value: &str) -> String {
    Cow::from(utf8_percent_encode(value, NOT_IN_HEADERS)).into_owned()
}
