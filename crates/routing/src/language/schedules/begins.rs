//! What each run of a schedule begins: a workflow, or an event.

use chrono::DateTime;
use serde_json::{Map, Value};
use signalbox_domain::{BadId, ConflictPolicy, Event, EventSubject, JsonText, ScheduleId, Start, WorkflowId};

use super::super::{
    actions::{
        DEFAULT_TASK_QUEUE, Defaults, NewRun,
        of_start::{
            ARGS, EXECUTION_TIMEOUT, MEMO, PRIORITY, RETRY, RUN_TIMEOUT, SEARCH_ATTRIBUTES, TASK_QUEUE,
            TASK_TIMEOUT, WORKFLOW,
        },
    },
    fields::{Entries, Field, Section, Shape, optional, required},
    prospects::Prospects,
    reader::Reader,
};
use crate::{
    cel::scope::Scope,
    fault::Span,
    rules,
    yaml::{Kind, Node},
};

/// The workflow that publishes an event, on the task queue of Signalbox's own worker.
const EMIT_EVENT: &str = "EmitEvent";

/// What Temporal appends to the id: `-2026-01-01T00:00:00Z`.
const SUFFIX: usize = 21;

pub(super) const START: Field =
    optional("start", Shape::Section(&STARTED), "The workflow that each run starts; this or `emit`.");

pub(super) const EMIT: Field = optional(
    "emit",
    Shape::TextOr(&EMITTED),
    "The event that each run emits, for routes to act on: its subject, or a map that says more; this or `start`.",
);

static STARTED: Section = Section {
    what: "a start of a schedule",
    doc: "The workflow that each run starts.",
    fields: &[
        WORKFLOW,
        optional(
            "workflow_id",
            Shape::Name,
            "Id of the workflow, to which the time of the run is appended; the schedule's id if nobody says.",
        ),
        TASK_QUEUE,
        ARGS,
        EXECUTION_TIMEOUT,
        RUN_TIMEOUT,
        TASK_TIMEOUT,
        RETRY,
        MEMO,
        SEARCH_ATTRIBUTES,
        PRIORITY,
    ],
};

static EMITTED: Section = Section {
    what: "an emit of a schedule",
    doc: "The event that each run emits.",
    fields: &[
        required("subject", Shape::Name, "The NATS subject that it is published to, `events.…`."),
        optional("type", Shape::Name, "Its CloudEvents type; the subject without `events.` if nobody says."),
        optional("data", Shape::Value, "Its data."),
    ],
};

/// Whether a schedule's start has such a field.
pub(super) fn takes(name: &str) -> bool {
    STARTED.fields.iter().any(|field| field.name == name)
}

/// What each run begins.
pub(super) struct Begins {
    pub(super) start: Start,
    pub(super) emits: Option<EventSubject>,
    pub(super) workflow_id: String,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    id: Option<&ScheduleId>,
    defaults: &Defaults<'_>,
) -> Option<Begins> {
    match (entries.get("start"), entries.get("emit")) {
        (Some(node), None) => start(reader, node, id, defaults),
        (None, Some(node)) => emit(reader, node, id),
        (Some(_), Some(node)) => {
            let message = "a schedule has one of `start` and `emit`";
            reader.fault(reader.span(node), rules::VALUE, message);
            None
        }
        (None, None) => {
            let span = Span { at: entries.node.at.position, length: 1 };
            let help = "`emit: events.…` for routes to act on, or `start: { workflow: … }`".to_owned();
            let message = "a schedule begins something: `start` or `emit`";
            reader.fault_with_help(span, rules::MISSING_FIELD, message, Some(help));
            None
        }
    }
}

fn start(
    reader: &mut Reader<'_>,
    node: &Node,
    id: Option<&ScheduleId>,
    defaults: &Defaults<'_>,
) -> Option<Begins> {
    let entries = reader.section(node, &STARTED)?;
    reader.prospects = Prospects::nothing();
    let run = NewRun::read(reader, &entries, defaults);
    let own = reader.optional(&entries, "workflow_id", Reader::name);
    let workflow_id = own?.or_else(|| id.map(ToString::to_string));
    let at = entries.get("workflow_id").unwrap_or(node);
    fits(reader, at, workflow_id.as_deref().unwrap_or_default());
    let rendered = run?.render(&Scope::new(&nothing()?, DateTime::UNIX_EPOCH));
    let start = rendered.map_err(|why| reader.fault(reader.span(node), rules::VALUE, why)).ok()?;
    Some(Begins { start, emits: None, workflow_id: workflow_id? })
}

/// Notes an id that has no room for the time of the run.
fn fits(reader: &mut Reader<'_>, node: &Node, id: &str) {
    let most = WorkflowId::LIMIT - SUFFIX;
    if id.len() > most {
        let message = format!(
            "the id of the workflow has {} bytes; with the time of the run that is appended, at most {most} are allowed",
            id.len()
        );
        reader.fault(reader.span(node), rules::VALUE, message);
    }
}

fn emit(reader: &mut Reader<'_>, node: &Node, id: Option<&ScheduleId>) -> Option<Begins> {
    let (subject, input) = match &node.kind {
        Kind::Text(_) => (subject(reader, node, "emit")?, Map::new()),
        _ => emitted(reader, node)?,
    };
    let mut input = input;
    input.insert("subject".to_owned(), subject.as_str().into());
    let start = Start {
        workflow_type: EMIT_EVENT.to_owned(),
        task_queue: DEFAULT_TASK_QUEUE.to_owned(),
        args: vec![JsonText::from_value(&Value::Object(input))],
        conflict_policy: ConflictPolicy::Fail,
        options: signalbox_domain::StartOptions::default(),
    };
    Some(Begins { start, emits: Some(subject), workflow_id: id?.to_string() })
}

/// The subject, and what the event has besides.
fn emitted(reader: &mut Reader<'_>, node: &Node) -> Option<(EventSubject, Map<String, Value>)> {
    let entries = reader.section(node, &EMITTED)?;
    let subject = reader.required(&entries, "subject", subject);
    let kind = reader.optional(&entries, "type", Reader::name);
    let mut input = Map::new();
    input.extend(kind?.map(|kind| ("type".to_owned(), kind.into())));
    input.extend(entries.get("data").map(|data| ("data".to_owned(), data.to_json())));
    Some((subject?, input))
}

fn subject(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<EventSubject> {
    let text = reader.name(node, name)?;
    let parsed = text.parse().map_err(|why: BadId| {
        let help = Some("such as `events.reports.due`".to_owned());
        reader.fault_with_help(reader.span(node), rules::VALUE, format!("`{name}`: {why}"), help);
    });
    parsed.ok()
}

/// What the texts of a start are rendered for that have no expressions.
fn nothing() -> Option<Event> {
    let (id, source, subject) = ("none".parse().ok()?, "/none".parse().ok()?, "events.none".parse().ok()?);
    Some(Event::new(id, source, String::new(), subject, DateTime::UNIX_EPOCH))
}
