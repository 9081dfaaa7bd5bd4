//! The feed of events.

use std::sync::Arc;

use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use signalbox_bus::{Entry, Feed, Start};
use signalbox_domain::{Data, Event, read_event};
use signalbox_routing::{BadFilter, SubjectFilter};
use tokio::time::timeout;
use tracing::warn;
use utoipa::IntoParams;

use super::{Source, last_event_id, message, streamed, wants_stream};
use crate::{
    app::App,
    extract::Query,
    http::refusals::{Away, BadInput, NoStream},
    problem::{Code, Problem},
};
use signalbox_telemetry::Chain;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FeedParameters {
    /// Only events on subjects that match this NATS filter.
    #[serde(default = "all")]
    #[param(required = false, default = "events.>", max_length = 512)]
    subject: String,
}

fn all() -> String {
    "events.>".to_owned()
}

/// Follow events
///
/// Server-sent events (`Accept: text/event-stream`): each CloudEvent that is stored from now on, in CloudEvents' JSON
/// format, in the order of the stream. The `id` of each is its sequence in the stream; `Last-Event-ID` goes on behind it.
/// A comment comes every 15 s when nothing else does.
#[utoipa::path(
    get, path = "/events", operation_id = "follow_events", tag = "events",
    params(FeedParameters, super::super::LastEventId),
    responses(
        (status = 200, description = "CloudEvents, as they come", body = String, content_type = "text/event-stream",
         example = "id: 42\ndata: {\"specversion\":\"1.0\",\"id\":\"e-1\",\"source\":\"/shop\",\"type\":\"shop.paid\"}\n\n"),
        NoStream, BadInput, Away,
    )
)]
pub async fn follow(
    State(app): State<Arc<App>>,
    Query(FeedParameters { subject }): Query<FeedParameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let filter: SubjectFilter =
        subject.parse().map_err(|rule: BadFilter| Problem::malformed(format!("subject: {rule}")))?;
    let after = last_event_id(&headers).map(str::parse).transpose();
    let after =
        after.map_err(|_| Problem::malformed("Last-Event-ID is the id of a message of this stream"))?;
    wants_stream(&headers)?;
    let place = app.streams.take()?;
    let feed = timeout(app.wait, app.follow_events(&filter, after.map(Start::After))).await;
    let feed = feed.map_err(|_| away())?.map_err(|error| {
        warn!(error = %Chain(&error), "events not read");
        away()
    })?;
    Ok(streamed(Events { feed }, place, app.stop.clone()))
}

fn away() -> Problem {
    Problem::new(Code::FeedAway, "the events cannot be read now; connect again")
}

struct Events {
    feed: Feed,
}

impl Source for Events {
    async fn next(&mut self) -> Option<sse::Event> {
        match self.feed.next().await {
            Ok(entry) => entry.as_ref().map(told),
            Err(error) => {
                // The client connects again, and goes on behind what it has.
                warn!(error = %Chain(&error), "events not read on");
                None
            }
        }
    }
}

/// What cannot be read as an event is told under a name of its own.
fn told(entry: &Entry) -> sse::Event {
    let raw = entry.raw();
    let told = match read_event(&raw) {
        Ok(event) => message("", &in_json(&event)),
        Err(why) => message("unreadable", &json!({"natssubject": raw.subject, "detail": why.to_string()})),
    };
    told.id(entry.stream_sequence.to_string())
}

/// CloudEvents' JSON format.
fn in_json(event: &Event) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("specversion", "1.0".into());
    put("id", event.id.as_str().into());
    put("source", event.source.as_str().into());
    put("type", event.kind.as_str().into());
    put("time", event.time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into());
    for (name, value) in [
        ("subject", &event.subject),
        ("dataschema", &event.data_schema),
        ("datacontenttype", &event.data_content_type),
    ] {
        value.iter().for_each(|value| drop(put(name, value.as_str().into())));
    }
    event.extensions.iter().for_each(|(name, value)| drop(put(name, value.as_str().into())));
    put("natssubject", event.nats_subject.as_str().into());
    match &event.data {
        Data::Empty => {}
        Data::Json(value) => drop(put("data", value.clone())),
        Data::Bytes(bytes) => drop(put("data_base64", STANDARD.encode(bytes).into())),
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use signalbox_domain::{HttpMessage, Posted, read_http_events};

    use super::*;

    #[test]
    fn what_is_told_reads_as_the_same_event() {
        for body in [
            json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "a.b", "time": "2026-01-01T00:00:00Z",
                   "subject": "order/7", "tenant": "a", "data": {"n": 1}}),
            json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "a.b", "time": "2026-01-01T00:00:00Z",
                   "datacontenttype": "image/png", "data_base64": "/wA="}),
            json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "a.b", "time": "2026-01-01T00:00:00Z"}),
        ] {
            let read = |body: &Value| {
                let message = HttpMessage {
                    headers: vec![("content-type", "application/cloudevents+json")],
                    body: Bytes::from(body.to_string()),
                    received_at: chrono::DateTime::UNIX_EPOCH,
                    id: None,
                };
                match read_http_events(&message).unwrap() {
                    Posted::One(event) => *event,
                    Posted::Batch(events) => panic!("{events:?}"),
                }
            };
            let event = read(&body);
            let mut again = read(&in_json(&event));
            assert_eq!(again.extensions.remove("natssubject").as_deref(), Some("events.a.b"));
            assert_eq!(again, event);
        }
    }
}
