//! From GitHub's call to an event.

use axum::http::HeaderMap;
use bytes::Bytes;
use chrono::Utc;
use serde_json::Value;
use signalbox_domain::{Data, Event, EventId, Source, TraceContext};
use signalbox_webhooks::{Delivery, github};

use super::rejected::rejected;
use crate::{
    Secrets,
    extract::{fresh_id, idempotency_key},
    problem::Problem,
};

/// The `source` of an event whose payload names no repository.
const GITHUB: &str = "github";

/// The event that a call of GitHub's webhook means.
///
/// # Errors
/// 401 when its signature does not match one of `secrets`, another 4xx when it is no webhook's call.
pub fn event(
    headers: &HeaderMap,
    body: &Bytes,
    secrets: &Secrets,
    trace: TraceContext,
) -> Result<Event, Problem> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let secrets: Vec<&[u8]> = secrets.exposed().map(str::as_bytes).collect();
    let Delivery { event_name, delivery_id, body: payload, .. } =
        github::verify(header, body, &secrets).map_err(|why| rejected(&why))?;
    let id = delivery_id.map_or_else(|| id(headers), |id| Ok(id.parse()?))?;
    let (kind, subject) =
        (format!("com.github.{event_name}"), format!("events.github.{event_name}").parse()?);
    let event = Event::new(id, source(&payload)?, kind, subject, Utc::now());
    Ok(Event { data: Data::Json(payload), trace, ..event })
}

fn id(headers: &HeaderMap) -> Result<EventId, Problem> {
    idempotency_key(headers)?.map_or_else(fresh_id, Ok)
}

fn source(payload: &Value) -> Result<Source, Problem> {
    let url = payload.pointer("/repository/html_url").and_then(Value::as_str);
    Ok(url.and_then(|url| url.parse().ok()).map_or_else(|| GITHUB.parse(), Ok)?)
}
