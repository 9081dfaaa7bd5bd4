use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use signalbox_domain::{Data, Event, EventRef, EventSubject, ReplyTo};
use signalbox_proto::names::header;
use uuid::Uuid;

use super::Publish;
use crate::exit::Exit;
use crate::failure::Failure;

/// A message, ready to be published.
pub struct Message {
    /// Where to.
    pub subject: EventSubject,
    /// Its `Nats-Msg-Id`.
    pub message_id: String,
    /// Its other headers.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Its payload.
    pub body: Bytes,
    /// The event that the router will read in it.
    pub event: EventRef,
}

impl Message {
    /// The same, whose outcomes go to an inbox.
    pub fn replied_to(mut self, inbox: &ReplyTo) -> Self {
        self.headers.push((header::REPLY_TO.into(), inbox.as_str().to_owned()));
        self
    }
}

/// What the arguments mean, in the form that they ask for.
///
/// # Errors
/// When the data are not of the type that they are said to be.
pub fn write(args: &Publish, data: Vec<u8>, now: DateTime<Utc>) -> Result<Message, Failure> {
    let event = event(args, data, now)?;
    let mut message = match (args.bare, args.structured) {
        (true, _) => bare(&event),
        (_, true) => structured(&event),
        _ => binary(&event),
    };
    message.headers.extend(args.header.iter().cloned().map(|(name, value)| (name.into(), value)));
    Ok(message)
}

fn event(args: &Publish, data: Vec<u8>, now: DateTime<Utc>) -> Result<Event, Failure> {
    let fresh = || Uuid::now_v7().to_string().parse();
    let id = args.id.clone().map_or_else(fresh, Ok);
    let is_json = is_json(&args.content_type);
    let kind = args.r#type.clone().unwrap_or_else(|| args.subject.without_prefix().to_owned());
    let id = id.map_err(|error| Failure::other(Exit::Failed, error.to_string()))?;
    Ok(Event {
        data_content_type: (!is_json).then(|| args.content_type.clone()),
        data: match data {
            none if none.is_empty() => Data::Empty,
            json if is_json => Data::Json(serde_json::from_slice(&json).map_err(not_json)?),
            other => Data::Bytes(other.into()),
        },
        trace: args.traceparent.clone().unwrap_or_default(),
        ..Event::new(id, args.source.clone(), kind, args.subject.clone(), now)
    })
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

fn not_json(error: serde_json::Error) -> Failure {
    Failure::other(Exit::Usage, format!("the data are not JSON: {error}"))
        .with_tip("quote them, as in '{\"name\": \"Ada\"}', or tell what they are: --content-type text/plain")
}

/// Attributes in headers, data in the body.
fn binary(event: &Event) -> Message {
    message(event, event.key().message_id(), event.headers(), event.body())
}

/// All in the body (JSON Event Format for CloudEvents, 3).
fn structured(event: &Event) -> Message {
    let mut fields = Map::new();
    let mut set = |name: &str, value: &str| fields.insert(name.to_owned(), value.into());
    set("specversion", "1.0");
    set("id", event.id.as_str());
    set("source", event.source.as_str());
    set("type", &event.kind);
    set("time", &event.time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    if event.data != Data::Empty {
        set("datacontenttype", event.data_content_type.as_deref().unwrap_or("application/json"));
    }
    match &event.data {
        Data::Empty => None,
        Data::Json(value) => fields.insert("data".to_owned(), value.clone()),
        Data::Bytes(bytes) => fields.insert("data_base64".to_owned(), STANDARD.encode(bytes).into()),
    };
    let mut headers = trace(event);
    headers.push((header::CONTENT_TYPE.into(), "application/cloudevents+json".to_owned()));
    message(event, event.key().message_id(), headers, Value::Object(fields).to_string().into())
}

/// Data in the body, and no attributes.
fn bare(event: &Event) -> Message {
    let content_type =
        event.data_content_type.iter().map(|value| (header::CONTENT_TYPE.into(), value.clone()));
    let headers = trace(event).into_iter().chain(content_type).collect();
    let mut message = message(event, event.id.to_string(), headers, event.body());
    // This is what the router says of who gives no source.
    message.event.source = format!("nats:{}", event.nats_subject);
    message
}

fn message(
    event: &Event,
    message_id: String,
    headers: Vec<(Cow<'static, str>, String)>,
    body: Bytes,
) -> Message {
    Message { subject: event.nats_subject.clone(), message_id, headers, body, event: event.reference() }
}

fn trace(event: &Event) -> Vec<(Cow<'static, str>, String)> {
    event
        .trace
        .traceparent()
        .map(|parent| (header::TRACEPARENT.into(), parent.to_owned()))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use signalbox_domain::{RawMessage, read_event};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        publish: Publish,
    }

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn written(flags: &[&str], data: &[u8]) -> Result<Message, Failure> {
        let line = ["publish", "events.shop.paid", "--id", "e 1", "--traceparent", TRACE];
        let args = Line::parse_from(line.iter().chain(flags)).publish;
        write(&args, data.to_vec(), DateTime::UNIX_EPOCH)
    }

    /// What the router reads in it.
    fn read(message: &Message) -> Event {
        let headers: Vec<_> = [(header::MESSAGE_ID, message.message_id.as_str())]
            .into_iter()
            .chain(message.headers.iter().map(|(name, value)| (&**name, value.as_str())))
            .collect();
        read_event(&RawMessage {
            subject: message.subject.as_str(),
            headers,
            body: message.body.clone(),
            stream_sequence: 7,
            stored_at: DateTime::UNIX_EPOCH,
        })
        .unwrap()
    }

    #[test]
    fn every_form_is_read_as_the_same_event() {
        for data in [&b"{\"order\":7}"[..], b""] {
            let binary = read(&written(&[], data).unwrap());
            let structured = read(&written(&["--structured"], data).unwrap());
            let bare = read(&written(&["--bare"], data).unwrap());
            assert_eq!(binary, structured);
            assert_eq!((binary.kind.as_str(), binary.source.as_str()), ("shop.paid", "/signalbox/cli"));
            let given = Event { source: bare.source.clone(), ..binary };
            assert_eq!(given, bare);
            assert_eq!(bare.trace.traceparent(), Some(TRACE));
        }
    }

    #[test]
    fn it_is_known_which_event_the_router_will_read() {
        for form in [&[][..], &["--structured"], &["--bare"]] {
            let message = written(form, b"[]").unwrap();
            let (event, read) = (message.event.clone(), read(&message).reference());
            assert_eq!((event.id, event.source), (read.id, read.source), "{form:?}");
        }
    }

    #[test]
    fn data_are_what_they_are_said_to_be() {
        let text = ["--content-type", "text/plain"];
        for form in [&[][..], &["--structured"], &["--bare"]] {
            let event = read(&written(&[&text, form].concat(), b"\xffhi").unwrap());
            assert_eq!(event.data, Data::Bytes(Bytes::from_static(b"\xffhi")), "{form:?}");
        }
        assert_eq!(written(&[], b"hi").err().unwrap().exit(), Exit::Usage);
    }

    #[test]
    fn more_headers_are_more_attributes() {
        let event = read(&written(&["--header", "ce-tenant:shop"], b"").unwrap());
        assert_eq!(event.extensions["tenant"], "shop");
    }
}
