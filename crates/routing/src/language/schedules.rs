//! Declared schedules.

mod begins;
mod times;

use std::time::Duration;

use serde_json::{Map, Value};
use signalbox_domain::ScheduleId;
use signalbox_schedules::{Overlap, Policies, Timing};

use super::{
    actions::{Defaults, OPTIONS},
    document::Parsed,
    fields::{Entries, Section, Shape, optional, required},
    reader::Reader,
};
use crate::{
    cel::scan::{Piece, split},
    fault::{Faults, Span},
    rules,
    schedule::DeclaredSchedule,
    yaml::{Kind, Node},
};

/// Temporal's longest.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Temporal's shortest.
const SHORTEST_CATCH_UP: Duration = Duration::from_secs(10);

pub(crate) static SCHEDULE: Section = Section {
    what: "a schedule",
    doc: "What time triggers: the start of a workflow, or an event that routes act on.",
    fields: &[
        required("id", Shape::Name, "Id of the schedule, of its own in the whole set and in Temporal."),
        optional("description", Shape::Name, "What it is for, for people."),
        times::CRON,
        times::EVERY,
        times::CALENDARS,
        times::AT,
        times::EXCEPT,
        times::TIME_ZONE,
        times::FROM,
        times::UNTIL,
        times::RUNS,
        times::JITTER,
        optional(
            "overlap",
            Shape::OneOf(Overlap::NAMES),
            "What happens when a run is due and the last one has not ended; if nobody says, `skip`, and `allow-all` of an `emit`.",
        ),
        optional(
            "catch_up",
            Shape::Span(LONGEST_CATCH_UP),
            "How late a run may be that was missed while Temporal was away, at least `10s`; `1m` if nobody says.",
        ),
        optional("pause_on_failure", Shape::Boolean, "Whether the schedule pauses when a run fails."),
        optional(
            "paused",
            Shape::Boolean,
            "Whether it is paused; if it is not said, that is left to whoever pauses and resumes it.",
        ),
        optional("note", Shape::Name, "Shown with the schedule in Temporal."),
        begins::START,
        begins::EMIT,
    ],
};

/// The times of a schedule alone.
pub(crate) static TIMES: Section = Section {
    what: "times",
    doc: "When a schedule fires.",
    fields: &[
        times::CRON,
        times::EVERY,
        times::CALENDARS,
        times::AT,
        times::EXCEPT,
        times::TIME_ZONE,
        times::FROM,
        times::UNTIL,
        times::RUNS,
        times::JITTER,
    ],
};

/// A schedule, and where its id stands.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) schedule: DeclaredSchedule,
    pub(crate) file: Box<str>,
    pub(crate) span: Span,
}

/// Reads an entry that stands in no file.
pub(crate) fn read_alone(name: &str, text: &str, parsed: &Parsed) -> Result<DeclaredSchedule, Faults> {
    alone(name, text, parsed, |reader, node| {
        read(reader, node, &Defaults(None)).map(|placed| placed.schedule)
    })
}

/// Reads times that stand in no file.
pub(crate) fn read_times(name: &str, text: &str, parsed: &Parsed) -> Result<Timing, Faults> {
    alone(name, text, parsed, |reader, node| {
        let entries = reader.section(node, &TIMES)?;
        times::read(reader, &entries)
    })
}

fn alone<T>(
    name: &str,
    text: &str,
    parsed: &Parsed,
    read: impl FnOnce(&mut Reader<'_>, &Node) -> Option<T>,
) -> Result<T, Faults> {
    let mut reader = Reader::new(name, text);
    let read = match parsed {
        Ok(node) => read(&mut reader, node),
        Err((at, message)) => {
            reader.fault(Span { at: *at, length: 1 }, rules::YAML, message);
            None
        }
    };
    let faults = Faults(reader.into_faults());
    read.filter(|_| !faults.refuse()).ok_or(faults)
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node, defaults: &Defaults<'_>) -> Option<Placed> {
    let computed = computed(reader, node);
    let entries = reader.section(node, &SCHEDULE)?;
    let id = reader.required(&entries, "id", id);
    let span = entries.get("id").map(|node| reader.span(node));
    let description = reader.optional(&entries, "description", Reader::name);
    let timing = times::read(reader, &entries);
    let policies = policies(reader, &entries);
    let paused = reader.optional(&entries, "paused", Reader::boolean);
    let note = reader.optional(&entries, "note", Reader::name);
    if let (Some(Some(false)), Some(node)) = (paused, entries.get("pause_on_failure"))
        && matches!(node.kind, Kind::Bool(true))
    {
        let help = Some("leave out `paused`, which leaves it to whoever resumes it".to_owned());
        let message = "`paused: false` would resume at once what `pause_on_failure` has paused";
        reader.fault_with_help(reader.span(node), rules::VALUE, message, help);
    }
    let begins = begins::read(reader, &entries, id.as_ref(), defaults);
    description?;
    let begins = begins?;
    let schedule = DeclaredSchedule {
        id: id?,
        timing: timing?,
        policies: policies?,
        start: begins.start,
        emits: begins.emits,
        workflow_id: begins.workflow_id,
        paused: paused?,
        note: note?.unwrap_or_default(),
        written: written(node, defaults),
    };
    (!computed).then_some(Placed { schedule, file: reader.file.into(), span: span? })
}

fn id(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<ScheduleId> {
    let text = reader.name(node, name)?;
    let parsed = text.parse().map_err(|bad: signalbox_domain::BadId| {
        reader.fault(reader.span(node), rules::VALUE, format!("`{name}`: {bad}"));
    });
    parsed.ok()
}

fn policies(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Policies> {
    let overlap = reader.word(entries, "overlap");
    let catch_up = reader.span_of_time(entries, "catch_up");
    let pause_on_failure = reader.optional(entries, "pause_on_failure", Reader::boolean);
    // Each time has its event, also while NATS is away.
    let usual = if entries.get("emit").is_some() { Overlap::AllowAll } else { Overlap::Skip };
    let catch_up = catch_up?.unwrap_or(Policies::CATCH_UP);
    if let Some(node) = entries.get("catch_up")
        && catch_up < SHORTEST_CATCH_UP
    {
        let help = Some("write `10s` or more".to_owned());
        let message = "`catch_up` is shorter than Temporal's shortest";
        reader.fault_with_help(reader.span(node), rules::VALUE, message, help);
        return None;
    }
    Some(Policies {
        overlap: overlap?.and_then(Overlap::named).unwrap_or(usual),
        catch_up,
        pause_on_failure: pause_on_failure?.unwrap_or_default(),
    })
}

/// Whether there is an expression anywhere in it.
fn computed(reader: &mut Reader<'_>, node: &Node) -> bool {
    match &node.kind {
        Kind::Text(text) => {
            let has = !matches!(split(text).as_deref(), Ok([] | [Piece::Text(_)]));
            if has {
                let message = "there is no event for an expression to see in a schedule";
                let help = "write the value out; a schedule that emits an event has routes compute with it";
                reader.fault_with_help(reader.span(node), rules::EXPRESSION, message, Some(help.to_owned()));
            }
            has
        }
        Kind::List(items) => items.iter().fold(false, |found, item| computed(reader, item) | found),
        Kind::Map(entries) => entries.iter().fold(false, |found, (_, value)| computed(reader, value) | found),
        _ => false,
    }
}

/// The entry as JSON, with what its file says for all starts in its own.
fn written(node: &Node, defaults: &Defaults<'_>) -> String {
    let mut json = node.to_json();
    if let (Some(start), Some(of_file)) = (json.get_mut("start").and_then(Value::as_object_mut), &defaults.0)
    {
        add_defaults(start, of_file);
    }
    json.to_string()
}

fn add_defaults(start: &mut Map<String, Value>, of_file: &Entries<'_>) {
    for field in OPTIONS.fields.iter().filter(|field| begins::takes(field.name)) {
        if let (Some(node), false) = (of_file.get(field.name), start.contains_key(field.name)) {
            start.insert(field.name.to_owned(), node.to_json());
        }
    }
}
