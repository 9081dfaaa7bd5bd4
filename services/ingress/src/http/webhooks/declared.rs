//! From the call of a declared source to an event.

use std::{collections::BTreeMap, time::Duration};

use axum::http::HeaderMap;
use bytes::Bytes;
use chrono::Utc;
use serde_json::Value;
use signalbox_domain::{Data, Event, Source, TraceContext};
use signalbox_webhooks::{Call, Delivery, Taken};

use super::rejected::rejected;
use crate::{
    extract::{fresh_id, idempotency_key},
    problem::Problem,
    sources::{Declared, Unverified},
};

/// What a call means.
pub enum Meaning {
    /// Something has happened.
    Event(Box<Event>),
    /// Somebody asks whether this is a webhook, and wants this text back.
    Challenge(String),
}

/// What the call of a declared source means.
///
/// # Errors
/// 401 when it is not known to be genuine, 503 when it may be and a secret is missing here, another 4xx when it is no
/// delivery.
pub fn meaning(
    source: &Declared,
    headers: &HeaderMap,
    body: &Bytes,
    trace: TraceContext,
) -> Result<Meaning, Problem> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let call = Call { header: &header, body, now: Utc::now() };
    match source.verify(&call) {
        Ok(Taken::Delivery(delivery)) => {
            event(source, delivery, headers, trace).map(|event| Meaning::Event(Box::new(event)))
        }
        Ok(Taken::Challenge(text)) => Ok(Meaning::Challenge(text)),
        Err(Unverified::Rejected(why)) => Err(rejected(&why)),
        Err(Unverified::Missing(what)) => {
            let detail =
                format!("the source `{}` lacks a secret here: {what}. Nothing was stored", source.name);
            Err(Problem::unavailable("secret-missing", detail))
        }
    }
}

fn event(
    source: &Declared,
    delivery: Delivery,
    headers: &HeaderMap,
    trace: TraceContext,
) -> Result<Event, Problem> {
    let Delivery { event_name, delivery_id, body, .. } = delivery;
    let id = match delivery_id {
        Some(id) => id.parse()?,
        None => idempotency_key(headers)?.map_or_else(fresh_id, Ok)?,
    };
    Ok(Event {
        id,
        source: url(source, &body).map_or_else(|| format!("webhook:{}", source.name).parse(), Ok)?,
        kind: format!("com.{}.{event_name}", source.provider.company().unwrap_or(&source.name)),
        nats_subject: format!("events.{}.{event_name}", source.name).parse()?,
        time: Utc::now(),
        data_content_type: None,
        data_schema: None,
        subject: None,
        extensions: BTreeMap::new(),
        data: Data::Json(body),
        trace,
        reply_to: None,
        stream_sequence: 0,
    })
}

/// Where it happened, if the provider says so.
fn url(source: &Declared, body: &Value) -> Option<Source> {
    body.pointer(source.provider.url_pointer()?)?.as_str()?.parse().ok()
}

/// How long the caller wants to wait for what comes of it, at most: `Prefer: wait=<seconds>` (RFC 7240).
pub fn patience(headers: &HeaderMap) -> Duration {
    let texts = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    let preferences = texts.flat_map(|text| text.split(','));
    let wait = preferences.filter_map(|one| one.split(';').next()?.trim().strip_prefix("wait="));
    let seconds = wait.filter_map(|text| text.trim_matches('"').parse::<u32>().ok()).next();
    Duration::from_secs(seconds.unwrap_or(0).into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn nobody_waits_unless_told_to() {
        let wait = |text: &'static str| {
            patience(&HeaderMap::from_iter([(
                axum::http::header::HeaderName::from_static("prefer"),
                HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(patience(&HeaderMap::new()), Duration::ZERO);
        for (text, seconds) in [
            ("wait=5", 5),
            ("respond-async, wait=10", 10),
            ("wait=\"3\"; x=y", 3),
            ("wait=-1", 0),
            ("wait", 0),
            ("", 0),
        ] {
            assert_eq!(wait(text), Duration::from_secs(seconds), "{text}");
        }
    }
}
