//! Reading messages from a stream without a consumer (ADR-31 of NATS, "Batched requests").

use std::time::Duration;

use async_nats::{HeaderValue, Message};
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
const TOO_MANY: u16 = 413;

/// A message as its stream keeps it.
pub(crate) struct Taken {
    pub(crate) sequence: u64,
    pub(crate) stored_at: DateTime<Utc>,
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

/// What a question found.
pub(crate) enum Found<T> {
    All(Vec<T>),
    /// More than the server gives in answer to one question.
    TooMany,
}

impl Bus {
    /// Whether a question finds nothing, which one answer says. To be told what there is takes an inbox of its own.
    pub(crate) async fn direct_get_is_empty(
        &self,
        doing: &'static str,
        stream: &str,
        question: &Value,
    ) -> Result<bool, Error> {
        let of = Error::when(doing);
        let answer = self.client.request(subject(stream), asked(question)).await.map_err(|e| of(e.into()))?;
        Ok(status(&answer) == Some(NONE))
    }

    /// What a question for many messages finds, each as it is read.
    pub(crate) async fn direct_get<T>(
        &self,
        doing: &'static str,
        stream: &str,
        question: &Value,
        read: impl Fn(Message) -> Result<T, async_nats::Error>,
    ) -> Result<Found<T>, Error> {
        let of = Error::when(doing);
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| of(e.into()))?;
        let asking = self.client.publish_with_reply(subject(stream), inbox, asked(question));
        asking.await.map_err(|e| of(e.into()))?;
        let mut found = Vec::new();
        loop {
            let answer = timeout(PATIENCE, answers.next()).await.map_err(|e| of(e.into()))?;
            let answer = answer.ok_or_else(|| of("the connection is closed".into()))?;
            match status(&answer) {
                None => found.push(read(answer).map_err(&of)?),
                Some(END | NONE) => return Ok(Found::All(found)),
                Some(TOO_MANY) => return Ok(Found::TooMany),
                Some(status) => {
                    let why = answer.description.unwrap_or_default();
                    return Err(of(format!("status {status} {why}").into()));
                }
            }
        }
    }
}

fn subject(stream: &str) -> String {
    format!("$JS.API.DIRECT.GET.{stream}")
}

fn asked(question: &Value) -> Bytes {
    question.to_string().into()
}

fn status(answer: &Message) -> Option<u16> {
    answer.status.map(|status| status.as_u16())
}

impl Taken {
    /// The message of an answer, which says where it is in its stream.
    pub(crate) fn of(answer: Message) -> Result<Self, async_nats::Error> {
        let headers = answer.headers.unwrap_or_default();
        let text =
            |name: &str| headers.get(name).map(HeaderValue::as_str).ok_or("a message without its place");
        Ok(Self {
            sequence: text("Nats-Sequence")?.parse()?,
            stored_at: DateTime::parse_from_rfc3339(text("Nats-Time-Stamp")?)?.to_utc(),
            subject: text("Nats-Subject")?.to_owned(),
            payload: answer.payload,
        })
    }
}
