//! From the call of a declared source to an event.

use axum::http::HeaderMap;
use bytes::Bytes;
use chrono::Utc;
use serde_json::Value;
use signalbox_domain::{Data, Event, Source, TraceContext};
use signalbox_webhooks::{Call, Delivery, Taken};

use super::rejected::rejected;
use crate::{
    extract::{fresh_id, idempotency_key},
    problem::{Code, Problem},
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
            Err(Problem::new(Code::SecretMissing, detail))
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
    let at = url(source, &body).map_or_else(|| format!("webhook:{}", source.name).parse(), Ok)?;
    let kind = format!("com.{}.{event_name}", source.provider.company().unwrap_or(&source.name));
    let subject = format!("events.{}.{event_name}", source.name).parse()?;
    Ok(Event { data: Data::Json(body), trace, ..Event::new(id, at, kind, subject, Utc::now()) })
}

/// Where it happened, if the provider says so.
fn url(source: &Declared, body: &Value) -> Option<Source> {
    body.pointer(source.provider.url_pointer()?)?.as_str()?.parse().ok()
}
