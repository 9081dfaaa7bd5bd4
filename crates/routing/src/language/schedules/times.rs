//! When a schedule fires: the fields, and what is wrong with them where they stand.

use std::time::Duration;

use signalbox_schedules::{BadTiming, Exception, Timing, Written, WrittenCalendar, WrittenInterval};

use super::super::{
    fields::{Entries, Field, Section, Shape, optional, required},
    reader::{Reader, all},
};
use crate::{
    fault::Span,
    rules,
    yaml::{Kind, Node},
};

pub(super) const CRON: Field = optional(
    "cron",
    Shape::OneOrMore(&Shape::Name),
    "Five fields are minutes first, six are seconds first; `@daily` and its kin; `@every 90s`. Any of several.",
);
pub(super) const EVERY: Field = optional(
    "every",
    Shape::OneOrMore(&SPAN_OR_INTERVAL),
    "Again and again after this time, counted from 1970 on, `1h`; or a map with `interval` and `offset`.",
);
pub(super) const CALENDARS: Field =
    optional("calendars", Shape::Sections(&CALENDAR), "When all fields of one of them match.");
pub(super) const AT: Field = optional(
    "at",
    Shape::OneOrMore(&Shape::Name),
    "Once, at these times: `2026-12-24T18:00` in the time zone, or with an offset of its own.",
);
pub(super) const EXCEPT: Field = optional(
    "except",
    Shape::OneOrMore(&DATE_OR_CALENDAR),
    "Not on these: `2026-12-25`, `12-25` in every year, `2026-12-24..2027-01-02`, or a calendar.",
);
pub(super) const TIME_ZONE: Field =
    optional("time_zone", Shape::Name, "IANA name of the time zone of all of it; UTC if nobody says.");
pub(super) const FROM: Field =
    optional("from", Shape::Name, "None fires before: a date, or a time as in `at`.");
pub(super) const UNTIL: Field =
    optional("until", Shape::Name, "None fires after: a date, which is included, or a time as in `at`.");
pub(super) const RUNS: Field =
    optional("runs", Shape::Count(1, MOST_RUNS), "So many runs, and then no more.");
pub(super) const JITTER: Field =
    optional("jitter", Shape::Span(LONGEST_JITTER), "Each fires up to this much later, at random.");

static SPAN_OR_INTERVAL: Shape = Shape::SpanOr(&INTERVAL);
static DATE_OR_CALENDAR: Shape = Shape::TextOr(&CALENDAR);

const MOST_RUNS: u64 = 1_000_000_000;
const LONGEST_JITTER: Duration = Duration::from_secs(24 * 60 * 60);

static INTERVAL: Section = Section {
    what: "an interval",
    doc: "Again and again after a time.",
    fields: &[
        required("interval", Shape::Name, "The time, in whole seconds."),
        optional("offset", Shape::Name, "How long after each multiple of it, counted from 1970 on."),
    ],
};

static CALENDAR: Section = Section {
    what: "a calendar",
    doc: "Matches a time when all its fields do. Each is a number, a name, a range, a step or a list of them, as in cron.",
    fields: &[
        optional("second", Shape::CronField, "0 to 59; 0 if nobody says."),
        optional("minute", Shape::CronField, "0 to 59; 0 if nobody says."),
        optional("hour", Shape::CronField, "0 to 23; 0 if nobody says."),
        optional("day_of_month", Shape::CronField, "1 to 31; every day if nobody says."),
        optional("month", Shape::CronField, "1 to 12, or JAN to DEC; every month if nobody says."),
        optional("year", Shape::CronField, "Every year if nobody says."),
        optional("day_of_week", Shape::CronField, "0 to 6, or SUN to SAT; every day if nobody says."),
    ],
};

pub(super) fn read(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Timing> {
    let written = written(reader, entries)?;
    let faults = match Timing::check(&written) {
        Ok(timing) => return Some(timing),
        Err(faults) => faults,
    };
    for fault in &faults {
        note(reader, entries.node, fault);
    }
    None
}

fn written(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Written> {
    let cron = several(reader, entries, "cron", text);
    let every = several(reader, entries, "every", interval);
    let calendars = several(reader, entries, "calendars", calendar);
    let at = several(reader, entries, "at", text);
    let except = several(reader, entries, "except", exception);
    let [time_zone, from, until] =
        ["time_zone", "from", "until"].map(|name| reader.optional(entries, name, text));
    let runs = reader.count(entries, "runs");
    let jitter = reader.optional(entries, "jitter", text);
    Some(Written {
        cron: cron?,
        every: every?,
        calendars: calendars?,
        at: at?,
        except: except?,
        time_zone: time_zone?,
        from: from?,
        until: until?,
        runs: runs?,
        jitter: jitter?,
    })
}

/// One value, or a list of them; none where it is missing.
fn several<T>(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    name: &str,
    read: impl Fn(&mut Reader<'_>, &Node, &str) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(node) = entries.get(name) else { return Some(Vec::new()) };
    match &node.kind {
        Kind::List(items) => all(items.iter().map(|item| read(reader, item, name))),
        _ => read(reader, node, name).map(|one| vec![one]),
    }
}

fn interval(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<WrittenInterval> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(WrittenInterval { every: text(reader, node, name)?, offset: None });
    }
    let entries = reader.section(node, &INTERVAL)?;
    let every = reader.required(&entries, "interval", text);
    let offset = reader.optional(&entries, "offset", text);
    Some(WrittenInterval { every: every?, offset: offset? })
}

fn exception(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Exception> {
    match node.kind {
        Kind::Map(_) => calendar(reader, node, name).map(Exception::Calendar),
        _ => text(reader, node, name).map(Exception::Date),
    }
}

fn calendar(reader: &mut Reader<'_>, node: &Node, _: &str) -> Option<WrittenCalendar> {
    let entries = reader.section(node, &CALENDAR)?;
    let mut field = |name| reader.optional(&entries, name, text);
    let (second, minute, hour) = (field("second"), field("minute"), field("hour"));
    let (day_of_month, month, year) = (field("day_of_month"), field("month"), field("year"));
    let day_of_week = field("day_of_week");
    Some(WrittenCalendar {
        second: second?,
        minute: minute?,
        hour: hour?,
        day_of_month: day_of_month?,
        month: month?,
        year: year?,
        day_of_week: day_of_week?,
    })
}

/// A text, or a number as a text: `9` is as good as `"9"`.
fn text(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<String> {
    match &node.kind {
        Kind::Number(number) => Some(number.to_string()),
        _ => reader.text(node, name).map(str::to_owned),
    }
}

fn note(reader: &mut Reader<'_>, schedule: &Node, fault: &BadTiming) {
    let node = place(schedule, fault.path());
    let span = match &node.kind {
        Kind::Map(_) | Kind::List(_) => Span { at: node.at.position, length: 1 },
        _ => reader.span(node),
    };
    let message = match shown(schedule, fault.path()).as_str() {
        "" => fault.reason().to_owned(),
        path => format!("`{path}`: {}", fault.reason()),
    };
    reader.fault_with_help(span, rules::TIMES, message, fault.suggestion().map(str::to_owned));
}

/// The value that a path such as `calendars[0].hour` leads to, as far as it is there: one value stands for a list of it.
fn place<'n>(node: &'n Node, path: &str) -> &'n Node {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty());
    steps.fold(node, |at, step| {
        // The map of an interval names its time otherwise.
        let step = if step == "every" && at.entry("interval").is_some() { "interval" } else { step };
        let item = step.parse::<usize>().ok().and_then(|index| at.items().get(index));
        item.or_else(|| at.entry(step)).unwrap_or(at)
    })
}

/// The path as its author sees it, who wrote one value where a list may be.
fn shown(node: &Node, path: &str) -> String {
    match path.split_once("[0]") {
        Some((name, rest)) if node.entry(name).is_some_and(|value| !matches!(value.kind, Kind::List(_))) => {
            format!("{name}{rest}")
        }
        _ => path.to_owned(),
    }
}
