//! Dead letters as they are told, by the API and by the command line.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use signalbox_bus::{Bus, Entry, Error, Letter};
use signalbox_domain::{Command, EventRef, Outcome, TraceContext, read_event};
use signalbox_proto::v1;
use signalbox_routing::brief;
use utoipa::ToSchema;

/// A dead letter, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterInShort {
    /// Its place in the stream DEADLETTERS.
    #[schema(example = 17)]
    pub sequence: u64,
    /// When it was stored.
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub at: String,
    /// A stable code.
    #[schema(example = "workflow-not-found")]
    pub reason: String,
    /// The reason in words.
    #[schema(example = "no workflow with the id 'order-7' is running")]
    pub detail: String,
    /// The route that asked for it; of a call that named its workflow, and of an event that no route got, none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "order-paid")]
    pub route: String,
    /// What was to be done; of an event that died itself, nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "signal")]
    pub action: String,
    /// The workflow that it was about, if it was one.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "order-7")]
    pub workflow_id: String,
    /// What it was about, where that is no single workflow.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub target: String,
    /// How often it was tried.
    #[schema(example = 1)]
    pub attempts: u32,
    /// How often it was taken out of the dead letters before.
    #[schema(example = 0)]
    pub redriven: u32,
    /// The event that it is about.
    pub event: LetterEvent,
    /// The trace that it was worked on under.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    pub trace_id: Option<String>,
}

/// The event that a dead letter is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterEvent {
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    pub id: String,
    #[schema(example = "/shop")]
    pub source: String,
    #[schema(example = "shop.order.paid")]
    pub r#type: String,
    /// The NATS subject; of a call that named its workflow, none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "events.shop.order.paid")]
    pub subject: String,
    /// Its place in the stream EVENTS; of a call that named its workflow, none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 42)]
    pub stream_sequence: Option<u64>,
}

/// A dead letter, with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterInFull {
    /// In short.
    #[serde(flatten)]
    pub letter: LetterInShort,
    /// The effect that is tried again when the letter is taken out.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "93b885adfe0da089cdf634904fd59f71")]
    pub effect_key: String,
    /// Version of the route set.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub route_set: String,
    /// What was to be done, written as in a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>, example = json!({"signal": {"workflow_id": "order-7", "name": "payment"}}))]
    pub command: Option<Value>,
    /// The message that the event came as, while the stream EVENTS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<LetterMessage>,
    /// What the letter has of a message that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Body>,
}

/// A message, as it was published.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LetterMessage {
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub stored_at: String,
    #[schema(example = "events.shop.order.paid")]
    pub subject: String,
    pub headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub body: Body,
}

/// What a message carries: JSON, another text, or bytes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// JSON.
    #[schema(value_type = Object)]
    Data(Value),
    /// Another text.
    Text(String),
    /// In base 64.
    DataBase64(String),
}

/// What became of a letter that was to be taken out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TakenOut {
    /// Its place in the stream DEADLETTERS.
    #[schema(example = 17)]
    pub sequence: u64,
    /// `redriven`: what it asks for is tried again; `happened`: that had happened since; `left`: it is still there.
    #[schema(value_type = String, example = "redriven")]
    pub status: &'static str,
    /// Id of its event.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "0198c0de-0000-7000-8000-000000000000")]
    pub event_id: String,
    /// The effect that is tried again; where the event is matched again, none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "93b885adfe0da089cdf634904fd59f71")]
    pub effect_key: String,
    /// Why it is still there: a stable code.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub code: String,
    /// The same in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    pub detail: String,
}

/// What became of letters that were to be taken out.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct AllTakenOut {
    /// So many are tried again.
    #[schema(example = 1)]
    pub redriven: usize,
    /// Of so many the effect had happened since.
    #[schema(example = 0)]
    pub happened: usize,
    /// So many are still there.
    #[schema(example = 0)]
    pub left: usize,
    /// Each of them.
    pub letters: Vec<TakenOut>,
    /// There may be more: `after` of the next call.
    pub next: Option<u64>,
}

impl From<v1::Redriven> for TakenOut {
    fn from(redriven: v1::Redriven) -> Self {
        let v1::Problem { code, detail } = redriven.problem.clone().unwrap_or_default();
        Self {
            sequence: redriven.sequence,
            status: match (&redriven.problem, redriven.happened) {
                (Some(_), _) => "left",
                (None, true) => "happened",
                (None, false) => "redriven",
            },
            event_id: redriven.event.unwrap_or_default().id,
            effect_key: redriven.effect_key,
            code,
            detail,
        }
    }
}

impl AllTakenOut {
    /// Of what the router told.
    pub fn of(redriven: Vec<v1::Redriven>, next: Option<u64>) -> Self {
        let letters: Vec<_> = redriven.into_iter().map(TakenOut::from).collect();
        let count = |status: &str| letters.iter().filter(|letter| letter.status == status).count();
        let (redriven, happened, left) = (count("redriven"), count("happened"), count("left"));
        Self { redriven, happened, left, letters, next }
    }
}

impl LetterInShort {
    /// Of a letter. The rest is not kept.
    pub fn of(found: Letter) -> Self {
        let Letter { sequence, stored_at, letter: v1::DeadLetter { event, command, outcome, .. } } = found;
        let outcome = outcome.unwrap_or_default();
        let (action, redriven) = match command {
            Some(command) => {
                let redriven = command.terms.as_ref().map_or(0, |terms| terms.redriven);
                (Command::try_from(command).map(|command| command.action.kind()).ok(), redriven)
            }
            None => (None, 0),
        };
        Self {
            sequence,
            at: rfc3339(stored_at),
            action: action.unwrap_or(&outcome.action).to_owned(),
            redriven,
            event: LetterEvent::of(event.unwrap_or_default()),
            trace_id: trace_id(&outcome),
            reason: outcome.reason,
            detail: outcome.detail,
            route: outcome.route,
            workflow_id: outcome.workflow_id,
            target: outcome.target,
            attempts: outcome.attempts,
        }
    }
}

impl LetterEvent {
    fn of(event: EventRef) -> Self {
        Self {
            id: event.id,
            source: event.source,
            r#type: event.r#type,
            subject: event.nats_subject,
            stream_sequence: (event.stream_sequence > 0).then_some(event.stream_sequence),
        }
    }
}

impl LetterInFull {
    /// Reads the event, too, where the stream EVENTS has it still.
    ///
    /// # Errors
    /// When that stream cannot be read.
    pub async fn read(bus: &Bus, found: Letter) -> Result<Self, Error> {
        let event = found.letter.event.clone().unwrap_or_default();
        let entry = match event.stream_sequence {
            0 => None,
            sequence => bus.event_at(sequence).await?,
        };
        let message = entry.filter(|entry| is_of(entry, &event)).map(|entry| LetterMessage::of(&entry));
        Ok(Self { message, ..Self::of(found) })
    }

    fn of(found: Letter) -> Self {
        let outcome = found.letter.outcome.clone().unwrap_or_default();
        let command = found.letter.command.clone().and_then(|command| Command::try_from(command).ok());
        let raw = Some(found.letter.raw.clone()).filter(|raw| !raw.is_empty());
        Self {
            letter: LetterInShort::of(found),
            effect_key: outcome.effect_key,
            route_set: outcome.route_set,
            command: command.as_ref().map(brief),
            message: None,
            raw: raw.map(|raw| Body::of(&raw)),
        }
    }
}

impl LetterMessage {
    fn of(entry: &Entry) -> Self {
        let raw = entry.raw();
        Self {
            stored_at: rfc3339(entry.stored_at),
            subject: raw.subject.to_owned(),
            headers: raw
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Body::of(&raw.body),
        }
    }
}

impl Body {
    fn of(bytes: &Bytes) -> Self {
        match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
            (Ok(json), _) => Self::Data(json),
            (Err(_), Ok(text)) => Self::Text(text.to_owned()),
            (Err(_), Err(_)) => Self::DataBase64(BASE64_STANDARD.encode(bytes)),
        }
    }
}

/// A stream that was made anew has other messages at the same places.
fn is_of(entry: &Entry, event: &EventRef) -> bool {
    let raw = entry.raw();
    match read_event(&raw) {
        Ok(read) => read.id.as_str() == event.id && read.source.as_str() == event.source,
        Err(_) => raw.reference() == *event,
    }
}

fn trace_id(outcome: &Outcome) -> Option<String> {
    TraceContext::from_wire(outcome.trace.as_ref()).trace_id().map(str::to_owned)
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_told_as_what_it_is() {
        let of = |bytes: &'static [u8]| serde_json::to_value(Body::of(&bytes.into())).unwrap();
        assert_eq!(of(br#"{"a":1}"#), json!({"data": {"a": 1}}));
        assert_eq!(of(b"not json"), json!({"text": "not json"}));
        assert_eq!(of(b"\xff"), json!({"data_base64": "/w=="}));
    }

    #[test]
    fn a_letter_without_anything_is_told() {
        let letter = Letter { sequence: 7, stored_at: DateTime::UNIX_EPOCH, letter: Default::default() };
        let told = serde_json::to_value(LetterInFull::of(letter)).unwrap();
        assert_eq!(told["sequence"], 7);
        assert_eq!(told["at"], "1970-01-01T00:00:00Z");
    }
}
