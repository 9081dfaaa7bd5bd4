//! Reading messages from a stream without a consumer (ADR-31 of NATS, "Batched requests").

use std::time::Duration;

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use crate::{Bus, Error};

const PATIENCE: Duration = Duration::from_secs(5);
/// Statuses of a direct get.
const END: u16 = 204;
const NONE: u16 = 404;

/// A message as its stream keeps it.
pub(crate) struct Taken {
    pub(crate) sequence: u64,
    pub(crate) stored_at: DateTime<Utc>,
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

/// What a question found.
pub(crate) enum Found {
    Some(Vec<Taken>),
    Nothing,
}

impl Bus {
    /// What a question for many messages finds.
    pub(crate) async fn direct_get(&self, stream: &str, question: &Value) -> Result<Found, Error> {
        let of = Error::when("read messages of the stream");
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| of(e.into()))?;
        let to = format!("$JS.API.DIRECT.GET.{stream}");
        let question = question.to_string().into();
        self.client.publish_with_reply(to, inbox, question).await.map_err(|e| of(e.into()))?;
        let mut found = Vec::new();
        loop {
            let answer = timeout(PATIENCE, answers.next()).await.map_err(|e| of(e.into()))?;
            let answer = answer.ok_or_else(|| of("the connection is closed".into()))?;
            match answer.status.map(|status| status.as_u16()) {
                None => {
                    let headers = answer.headers.unwrap_or_default();
                    let taken = taken(&headers, answer.payload);
                    found.push(taken.ok_or_else(|| of("a message without its place".into()))?);
                }
                Some(END) if !found.is_empty() => return Ok(Found::Some(found)),
                Some(END | NONE) => return Ok(Found::Nothing),
                Some(status) => {
                    let why = answer.description.unwrap_or_default();
                    return Err(of(format!("status {status} {why}").into()));
                }
            }
        }
    }
}

fn taken(headers: &HeaderMap, payload: Bytes) -> Option<Taken> {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_str);
    let stored_at = DateTime::parse_from_rfc3339(text("Nats-Time-Stamp")?).ok()?;
    Some(Taken {
        sequence: text("Nats-Sequence")?.parse().ok()?,
        stored_at: stored_at.to_utc(),
        subject: text("Nats-Subject")?.to_owned(),
        payload,
    })
}
