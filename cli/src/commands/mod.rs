//! What a user can have done: one file for each family of commands.

pub mod dead;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod keys;
pub mod learn;
pub mod lint;
pub mod lookups;
mod outcome;
pub mod publish;
pub mod ready;
pub mod replay;
pub mod routes;
mod running;
pub mod schedule;
pub mod send;
pub mod test;
pub mod workflows;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use reqwest::RequestBuilder;
use serde_json::Value;
use signalbox_domain::EventId;

use crate::api::{Answer, Api, ApiArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::Details;

/// A command of a user.
pub trait Run {
    /// In which form it tells what it found.
    fn output(&self) -> Output;

    /// Does what was asked.
    ///
    /// # Errors
    /// When it is not done.
    async fn run(self) -> Result<Exit, Failure>;
}

/// What every command takes that asks the API.
#[derive(Clone, Debug, Args)]
pub struct LookArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub api: ApiArgs,
    /// How to tell.
    #[command(flatten)]
    pub output: Output,
}

/// What every command takes that has the API do something.
#[derive(Clone, Debug, Args)]
pub struct CallArgs {
    /// Id of the call: the same call with the same id again has no second effect
    #[arg(long, value_name = "ID", value_hint = clap::ValueHint::Other)]
    idempotency_key: Option<EventId>,
    /// Whom to ask, and how to tell.
    #[command(flatten)]
    pub look: LookArgs,
}

impl CallArgs {
    /// Sends a call that changes something.
    async fn send(&self, api: &Api, call: RequestBuilder) -> Result<Answer, Failure> {
        let call = match &self.idempotency_key {
            Some(key) => call.header("Idempotency-Key", key.as_str()),
            None => call,
        };
        Ok(api.send(call).await?)
    }
}

/// So long before `now`; further back than time goes is as far as it goes.
fn before(now: DateTime<Utc>, back: Duration) -> DateTime<Utc> {
    let back = TimeDelta::from_std(back).ok();
    back.and_then(|back| now.checked_sub_signed(back)).unwrap_or(DateTime::UNIX_EPOCH)
}

/// What was accepted, but is not at its end: tells where to look.
fn pending(output: Output, name: &str, answer: &Answer) -> Result<Exit, Failure> {
    output.show(&answer.body, || {
        let event_id = answer.text("event_id");
        Details::of("accepted", name)
            .with("why", answer.text("detail"))
            .with("event", event_id)
            .with("look", format!("signalbox events show {event_id}"))
            .to_string()
    })?;
    Ok(Exit::Pending)
}

/// The body of an answer, with the trace that the call is in.
fn traced(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    if let (Some(fields), Some(trace_id)) = (body.as_object_mut(), answer.trace_id()) {
        fields.insert("trace_id".to_owned(), trace_id.into());
    }
    body
}
