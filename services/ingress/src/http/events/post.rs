//! Events by HTTP: CloudEvents, or data of a type that the path names.

use std::{mem, sync::Arc};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use futures::FutureExt;
use serde::Serialize;
use signalbox_domain::{
    BadEvent, BadId, Event, EventId, HttpMessage, Posted, Source, TraceContext, read_http_body,
    read_http_events,
};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::done::{EventDone, Told, with_results};
use crate::{
    accept::{HalfStored, Pending},
    app::App,
    body,
    extract::{Caller, Path},
    http::refusals::{Away, BadBody, BadInput},
    prefer::Preference,
    problem::Problem,
};

/// The `source` of events whose sender names none.
const SOURCE: &str = "/signalbox/events";

/// What was taken of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchTold {
    /// `processed`, if all that all of them led to has happened; or `accepted`.
    #[schema(value_type = String, example = "accepted")]
    status: &'static str,
    /// The events, in their order.
    events: Vec<Told>,
}

/// One event, or a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, dead_code, reason = "it documents what the handler writes")]
pub enum Happened {
    /// One.
    One(EventDone),
    /// A batch.
    Batch(BatchTold),
}

/// One event, or a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it documents what the handler writes")]
pub enum Taken {
    /// One.
    One(Pending),
    /// A batch.
    Batch(BatchTold),
}

/// A CloudEvent 1.0 in its JSON format; other attributes are extensions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "specversion": "1.0", "id": "order-7-paid", "source": "/shop", "type": "lab.trigger.hello",
    "data": {"name": "From HTTP"}
}))]
#[allow(dead_code, reason = "it documents what `read_http_events` reads")]
pub struct CloudEvent {
    #[schema(value_type = String, pattern = "^1\\.0$")]
    specversion: String,
    /// Missing, `Idempotency-Key` takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 512)]
    id: Option<String>,
    #[schema(max_length = 1024)]
    source: String,
    /// The event travels on the NATS subject `events.` and this.
    r#type: String,
    /// When it happened; missing, when it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datacontenttype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataschema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

/// Publish CloudEvents
///
/// Takes CloudEvents 1.0 by their HTTP binding: one, structured (`application/cloudevents+json`) or binary (`ce-…`
/// headers, and a body of any type), or a batch of at most 100 (`application/cloudevents-batch+json`). Routes decide
/// what comes of them. The answer comes when they are stored, or, with `Prefer: wait=…`, when all that they lead to has
/// happened. Events of a batch are stored in their order, up to the first that cannot be.
#[utoipa::path(
    post, path = "/events", tag = "events",
    params(super::super::Prefer, super::super::IdempotencyKey),
    request_body(description = "At most 768 KiB", content(
        (CloudEvent = "application/cloudevents+json"),
        (Vec<CloudEvent> = "application/cloudevents-batch+json"),
    )),
    responses(
        (status = 200, description = "All that it leads to has happened", body = Happened,
         headers(("Preference-Applied" = String, description = "What was granted"))),
        (status = 202, description = "Stored; what comes of it is not known yet", body = Taken,
         headers(("Location" = String, description = "Where to look, of one event"),
                 ("Preference-Applied" = String, description = "What was granted"))),
        BadBody, BadInput, Away,
    )
)]
pub async fn publish(
    State(app): State<Arc<App>>,
    preference: Preference,
    caller: Caller,
    mut request: Request,
) -> Result<Response, Problem> {
    let headers = mem::take(request.headers_mut());
    let body = body::read(request).await?;
    let message = HttpMessage {
        headers: texts(&headers)?,
        body,
        received_at: Utc::now(),
        id: caller.keyed.then_some(&caller.call),
    };
    match read_http_events(&message).map_err(|why| Problem::malformed(why.to_string()))? {
        Posted::One(event) => {
            caller.principal.may_publish(event.source.as_str(), &event.nats_subject)?;
            one(&app, preference, traced(*event, &caller.trace)).await
        }
        Posted::Batch(events) => {
            for event in &events {
                caller.principal.may_publish(event.source.as_str(), &event.nats_subject)?;
            }
            let events = events.into_iter().map(|event| traced(event, &caller.trace)).collect();
            batch(&app, preference, events).await
        }
    }
}

/// Publish data as an event
///
/// The body is the data of an event of this type, as JSON or of the type that `Content-Type` says. Its other attributes
/// are filled up: `id` is the `Idempotency-Key`, or new; `source` is `/signalbox/events`; `time` is now.
#[utoipa::path(
    post, path = "/events/{event}", tag = "events",
    params(("event" = String, Path, description = "Type of the event: it travels on the NATS subject `events.` and this",
            max_length = 500, example = "lab.trigger.hello"),
           super::super::Prefer, super::super::IdempotencyKey),
    request_body(content = serde_json::Value, description = "The data, at most 768 KiB", example = json!({"name": "From HTTP"})),
    responses(
        (status = 200, description = "All that it leads to has happened", body = EventDone,
         headers(("Preference-Applied" = String, description = "What was granted"))),
        (status = 202, description = "Stored; what comes of it is not known yet", body = Pending,
         headers(("Location" = String, description = "Where to look"),
                 ("Preference-Applied" = String, description = "What was granted"))),
        BadBody, BadInput, Away,
    )
)]
pub async fn publish_data(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
    preference: Preference,
    caller: Caller,
    mut request: Request,
) -> Result<Response, Problem> {
    let headers = mem::take(request.headers_mut());
    let body = body::read(request).await?;
    let message = HttpMessage { headers: texts(&headers)?, body, received_at: Utc::now(), id: None };
    let event = data(&message, caller.call, &kind).map_err(|why| Problem::malformed(why.to_string()))?;
    caller.principal.may_publish(event.source.as_str(), &event.nats_subject)?;
    one(&app, preference, traced(event, &caller.trace)).await
}

fn data(message: &HttpMessage<'_>, id: EventId, kind: &str) -> Result<Event, BadEvent> {
    let source: Source = SOURCE.parse::<Source>().map_err(|bad: BadId| BadEvent::from(bad))?;
    read_http_body(message, id, source, kind)
}

/// The headers that are text. An attribute that is not is refused: CloudEvents has them percent-encoded.
fn texts(headers: &HeaderMap) -> Result<Vec<(&str, &str)>, Problem> {
    let text = |(name, value): (&'_ header::HeaderName, &'_ header::HeaderValue)| match value.to_str() {
        Ok(_) => None,
        Err(_) if name.as_str().starts_with("ce-") => Some(name.to_string()),
        Err(_) => None,
    };
    if let Some(name) = headers.iter().find_map(text) {
        return Err(Problem::malformed(format!("{name}: what is not ASCII is percent-encoded in a header")));
    }
    Ok(headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect())
}

/// The event, in the trace of the request; without one, in the trace that it names itself.
fn traced(event: Event, trace: &TraceContext) -> Event {
    if trace.traceparent().is_none() { event } else { Event { trace: trace.clone(), ..event } }
}

async fn one(app: &App, preference: Preference, event: Event) -> Result<Response, Problem> {
    let Some(wait) = preference.wait else {
        return Ok(app.accept.event_only(event).await?.respond(|_, _| ()));
    };
    waited_for(app, preference, event, Instant::now() + wait).boxed().await
}

async fn waited_for(
    app: &App,
    preference: Preference,
    event: Event,
    until: Instant,
) -> Result<Response, Problem> {
    let answer = app.accept.event_until(event, until).await?;
    let mut told = Told::of(&answer, &app.elsewhere);
    if preference.result {
        told = with_results(told, &answer, app, until).await;
    }
    let accepted = Extension(answer.accepted().clone());
    Ok(match told {
        Told::Done(done) => (preference, accepted, Json(done)).into_response(),
        Told::Pending(_) => (preference, answer.respond(|_, _| ())).into_response(),
    })
}

async fn batch(app: &App, preference: Preference, events: Vec<Event>) -> Result<Response, Problem> {
    let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
    let until = Instant::now() + preference.wait.unwrap_or(app.wait);
    let stored = match preference.wait {
        None => app.accept.events_only(events, until).await,
        Some(_) => app.accept.events_until(events, until).await,
    };
    let answers = stored
        .map_err(|HalfStored { stored, problem }| problem.behind(ids.into_iter().take(stored).collect()))?;
    let told = answers.iter().map(async |answer| {
        let told = Told::of(answer, &app.elsewhere);
        if preference.result { with_results(told, answer, app, until).await } else { told }
    });
    let events = futures::future::join_all(told).await;
    let done = preference.wait.is_some() && events.iter().all(Told::is_done);
    let (status, word) =
        if done { (StatusCode::OK, "processed") } else { (StatusCode::ACCEPTED, "accepted") };
    Ok((status, preference, Json(BatchTold { status: word, events })).into_response())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_trace_of_a_request_goes_before_that_of_its_event() {
        let parent = |id: char| format!("00-{}-00f067aa0ba902b7-01", id.to_string().repeat(32));
        let message = HttpMessage {
            headers: vec![("content-type", "application/cloudevents+json")],
            body: Bytes::from(
                json!({"specversion": "1.0", "id": "e", "source": "/s", "type": "t", "traceparent": parent('a')})
                    .to_string(),
            ),
            received_at: Utc::now(),
            id: None,
        };
        let Posted::One(event) = read_http_events(&message).unwrap() else { panic!("it is one") };
        let own = traced((*event).clone(), &TraceContext::default());
        assert_eq!(own.trace.traceparent(), Some(parent('a').as_str()));
        let request = TraceContext::from_headers(Some(&parent('b')), None);
        assert_eq!(traced(*event, &request).trace, request);
    }
}
