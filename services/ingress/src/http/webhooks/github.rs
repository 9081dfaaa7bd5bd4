//! From GitHub's call to an event.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use chrono::Utc;
use serde_json::Value;
use signalbox_domain::{Data, Event, EventId, Source, TraceContext};

use crate::{
    Secrets,
    extract::{fresh_id, idempotency_key},
    problem::{Problem, Repeat},
};

/// The `source` of an event whose payload names no repository.
const GITHUB: &str = "github";

/// The event that a call of GitHub's webhook means.
///
/// # Errors
/// 401 when its signature does not match one of `secrets`, 422 when it is no webhook's call.
pub fn event(
    headers: &HeaderMap,
    body: &Bytes,
    secrets: &Secrets,
    trace: TraceContext,
) -> Result<Event, Problem> {
    let delivery = delivery(headers, body, secrets)?;
    let (payload, name) = (delivery.payload, delivery.event);
    Ok(Event {
        id: delivery.id.map_or_else(|| id(headers), Ok)?,
        source: source(&payload)?,
        kind: format!("com.github.{name}"),
        nats_subject: format!("events.github.{name}").parse()?,
        time: Utc::now(),
        data_content_type: None,
        data_schema: None,
        subject: None,
        extensions: BTreeMap::new(),
        data: Data::Json(payload),
        trace,
        reply_to: None,
        stream_sequence: 0,
    })
}

fn id(headers: &HeaderMap) -> Result<EventId, Problem> {
    idempotency_key(headers)?.map_or_else(fresh_id, Ok)
}

fn source(payload: &Value) -> Result<Source, Problem> {
    let url = payload.pointer("/repository/html_url").and_then(Value::as_str);
    Ok(url.and_then(|url| url.parse().ok()).map_or_else(|| GITHUB.parse(), Ok)?)
}

/// A call that is what it says.
struct Delivery {
    event: String,
    id: Option<EventId>,
    payload: Value,
}

/// Checks and reads a call: the event's name is in a header, or, as the lab writes it, the body's `action`.
fn delivery(headers: &HeaderMap, body: &Bytes, secrets: &Secrets) -> Result<Delivery, Problem> {
    if !secrets.is_empty() {
        let detail = "signatures cannot be checked yet, so no call is taken while secrets are configured";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "bad-signature", Repeat::Never, detail));
    }
    let payload: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let named = text(headers, "x-github-event")?;
    let event = named.or_else(|| payload.get("action").and_then(Value::as_str)).map(str::to_owned);
    let event = event.filter(|name| is_event_name(name)).ok_or_else(|| {
        Problem::malformed("X-GitHub-Event names the event in lower-case letters, digits and `_`")
    })?;
    let id = text(headers, "x-github-delivery")?.map(str::parse).transpose()?;
    Ok(Delivery { event, id, payload })
}

fn is_event_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| Problem::malformed(format!("{name} is visible ASCII text")))
}
