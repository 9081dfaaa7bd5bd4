use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use signalbox_bus::Entry;
use signalbox_domain::{Data, Event, Outcome, OutcomeExt, OutcomeKind, read_event};

use crate::commands::outcome;
use crate::text::{BOLD, Cell, Table, line, time};

const HEADINGS: [&str; 5] = ["TIME", "SUBJECT", "TYPE", "ID", "SOURCE"];

/// The widths of columns whose contents are not known yet: of the time, a subject, a type and a UUID.
const WIDTHS: [usize; 5] = [12, 30, 24, 36, 0];

/// What can be told of one message.
pub enum Row {
    /// An event.
    Event { stored_at: DateTime<Utc>, event: Box<Event> },
    /// A message in the stream of events that is none.
    NoEvent { stored_at: DateTime<Utc>, subject: String, stream_sequence: u64, why: String },
    /// An outcome.
    Outcome { stored_at: DateTime<Utc>, outcome: Box<Outcome> },
}

impl Row {
    /// A message of the stream EVENTS.
    pub fn event(entry: &Entry) -> Self {
        let (raw, stored_at) = (entry.raw(), entry.stored_at);
        match read_event(&raw) {
            Ok(event) => Self::Event { stored_at, event: Box::new(event) },
            Err(why) => Self::NoEvent {
                stored_at,
                subject: raw.subject.to_owned(),
                stream_sequence: entry.stream_sequence,
                why: why.to_string(),
            },
        }
    }

    /// Whether it lies in the stream EVENTS.
    pub fn is_event(&self) -> bool {
        !matches!(self, Self::Outcome { .. })
    }

    /// Whether people want to be told: that an event matched shows in what comes of it.
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::Outcome { outcome, .. } if outcome.kind() == OutcomeKind::Matched)
    }

    /// When it was stored.
    pub fn stored_at(&self) -> DateTime<Utc> {
        match self {
            Self::Event { stored_at, .. }
            | Self::NoEvent { stored_at, .. }
            | Self::Outcome { stored_at, .. } => *stored_at,
        }
    }

    /// For scripts: `kind` is `event` or `outcome`.
    pub fn value(&self) -> Value {
        match self {
            Self::Event { event, .. } => self.event_value(event),
            Self::NoEvent { subject, stream_sequence, why, .. } => json!({
                "kind": "event", "stored_at": rfc3339(self.stored_at()), "subject": subject,
                "stream_sequence": stream_sequence, "fault": why,
            }),
            Self::Outcome { outcome, .. } => {
                let mut value = outcome::value(outcome);
                value["kind"] = "outcome".into();
                value
            }
        }
    }

    fn event_value(&self, event: &Event) -> Value {
        let mut value = json!({
            "kind": "event", "stored_at": rfc3339(self.stored_at()), "subject": event.nats_subject.as_str(),
            "type": event.kind, "id": event.id.as_str(), "source": event.source.as_str(),
            "time": rfc3339(event.time), "stream_sequence": event.stream_sequence,
        });
        if let Some(trace_id) = event.trace.trace_id() {
            value["trace_id"] = trace_id.into();
        }
        match &event.data {
            Data::Empty => {}
            Data::Json(data) => value["data"] = data.clone(),
            Data::Bytes(bytes) => value["data_bytes"] = bytes.len().into(),
        }
        value
    }

    fn cells(&self, now: DateTime<Utc>) -> [Cell; 5] {
        let at = time::precise(self.stored_at(), now);
        match self {
            Self::Event { event, .. } => [
                at.into(),
                event.nats_subject.as_str().into(),
                event.kind.as_str().into(),
                event.id.as_str().into(),
                event.source.as_str().into(),
            ],
            Self::NoEvent { subject, why, .. } => {
                [at.into(), subject.into(), Cell::status("no event"), "".into(), why.into()]
            }
            Self::Outcome { outcome, .. } => {
                let event_id = outcome.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default();
                let detail = outcome::detail(&outcome::value(outcome));
                let why = [outcome.route.as_str(), &detail];
                [
                    at.into(),
                    Cell::status(outcome::result(outcome)).indented(),
                    [outcome.workflow_id.as_str(), &outcome.target].concat().into(),
                    event_id.into(),
                    why.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ").into(),
                ]
            }
        }
    }

    /// What a message of the ledger tells: of an effect, and of the matching of its event if that lies with it. Nothing,
    /// if it is none.
    pub fn outcomes(entry: &Entry) -> Vec<Self> {
        let Ok(mut outcome) = entry.outcome() else { return Vec::new() };
        let stored_at = outcome.time().unwrap_or(entry.stored_at);
        let matching = outcome.take_matching();
        let rows = matching.into_iter().chain([outcome]);
        rows.map(|outcome| Self::Outcome { stored_at, outcome: Box::new(outcome) }).collect()
    }

    /// For people, among others that come and go.
    pub fn line(&self, now: DateTime<Utc>) -> String {
        line(&self.cells(now), &WIDTHS)
    }
}

/// What stands above the lines.
pub fn headings() -> String {
    line(&HEADINGS.map(|heading| Cell::new(BOLD, heading)), &WIDTHS)
}

/// All rows, for people.
pub fn table(rows: &[Row], now: DateTime<Utc>) -> String {
    let mut table = Table::new(HEADINGS);
    rows.iter().filter(|row| row.is_news()).for_each(|row| table.row(row.cells(now)));
    table.to_string()
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
