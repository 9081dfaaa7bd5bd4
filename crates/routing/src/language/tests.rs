//! Tests of routes, as files have them.

use std::{fmt::Display, str::FromStr};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox_domain::{Event, EventId, RawMessage, Source, read_event};

use super::{
    actions::{ACTIONS, DEADLINE, One, one_action, one_of_them},
    fields::{Entries, Field, Section, Shape, optional, required},
    flow::FLOW,
    reader::{Reader, all},
};
use crate::{
    fault::{Fault, Position, Span},
    files::FileSet,
    lint::secrets,
    rendered, rules,
    yaml::{self, Kind, Node},
};

/// When the stream stored an event whose test does not say.
const NOW: &str = "2026-01-01T00:00:00Z";

/// A file that has nothing but tests.
pub(crate) static TEST_FILE: Section = Section {
    what: "a file of tests",
    doc: "Tests of the routes in the folder.",
    fields: &[
        required("version", Shape::Count(1, 1), "Version of this language."),
        required("tests", Shape::Sections(&TEST), "The tests."),
    ],
};

pub(crate) static TEST: Section = Section {
    what: "a test",
    doc: "An event, and what the routes are expected to make of it. `signalbox test` runs it; a router passes over it.",
    fields: &[
        required("name", Shape::Name, "What is to be true, in a few words."),
        required("event", Shape::Section(&TEST_EVENT), "What comes."),
        optional(
            "now",
            Shape::Name,
            "When the stream stored the event (RFC 3339); `2026-01-01T00:00:00Z` if nobody says.",
        ),
        optional(
            "expect",
            Shape::Sections(&EXPECTED),
            "All commands, by route and in order; fields that are not named may be what they like. `[]` is nothing.",
        ),
        optional("error", Shape::Name, "A route fails, and its message has this text in it."),
        optional(
            "mismatch",
            Shape::Name,
            "The event is not of its declared schema, and the message has this text in it.",
        ),
    ],
};

static TEST_EVENT: Section = Section {
    what: "an event of a test",
    doc: "An event as it comes from NATS. What is not said is filled in as for a bare message.",
    fields: &[
        required("subject", Shape::Name, "NATS subject, `events.…`."),
        optional("data", Shape::Anything, "What the event carries, as it comes: nothing is computed in it."),
        optional(
            "file",
            Shape::Name,
            "Path of a JSON file, from this file's folder: a CloudEvent, or data alone.",
        ),
        optional("id", Shape::Name, "CloudEvents id; the test's name, with `-`, if nobody says."),
        optional("source", Shape::Name, "CloudEvents source; `nats:` and the subject if nobody says."),
        optional("type", Shape::Name, "CloudEvents type; the subject without `events.` if nobody says."),
        optional("time", Shape::Name, "When it happened (RFC 3339); `now` if nobody says."),
        optional("extensions", Shape::ValueMap, "CloudEvents extension attributes."),
    ],
};

static EXPECTED: Section = Section {
    what: "an expected command",
    doc: "One action as route files write it, with values instead of expressions.",
    fields: &EXPECTED_FIELDS,
};

const EXPECTED_FIELDS: [Field; 15] = {
    let [a, b, c, d, e, f, g, h, i, j, k] = ACTIONS;
    [
        expected(a),
        expected(b),
        expected(c),
        expected(d),
        expected(e),
        expected(f),
        expected(g),
        expected(h),
        expected(i),
        expected(j),
        expected(k),
        optional("route", Shape::Name, "The route that it comes from."),
        optional("flow", Shape::Expected(&FLOW), "What holds it back."),
        optional("effect_key", Shape::Name, "Its effect key."),
        DEADLINE,
    ]
};

const fn expected(field: Field) -> Field {
    match field.shape {
        Shape::Section(section) => Field { shape: Shape::Expected(section), ..field },
        _ => field,
    }
}

/// An event, and what is expected of it.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) file: Box<str>,
    /// Where its name stands.
    pub(crate) span: Span,
    pub(crate) event: Event,
    pub(crate) at: DateTime<Utc>,
    /// Commands as [`crate::rendered()`] writes them, with some of their fields.
    pub(crate) expect: Option<Vec<Value>>,
    pub(crate) error: Option<String>,
    pub(crate) mismatch: Option<String>,
    pub(crate) place: ExpectPlace,
}

/// Where a test's expectation stands, or would.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectPlace {
    /// Where the test begins, in bytes.
    pub(crate) test: usize,
    /// Where `expect` stands, and where its value begins, in bytes.
    pub(crate) value: Option<(Position, usize)>,
}

/// The tests in a file, of tests alone or of routes, and what is wrong with them. That the rest of a route file can be
/// read is not asked.
pub(crate) fn of_file(file: &str, text: &str, files: &FileSet) -> (Vec<Test>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let tests = match yaml::parse(text) {
        Ok(node) if FileSet::has_tests_alone(file) => {
            secrets::scan(&mut reader, &node);
            let entries = reader.section(&node, &TEST_FILE);
            entries.iter().for_each(|entries| reader.version(entries));
            let tests = entries.and_then(|entries| entries.get("tests"));
            tests.map(|node| read_all(&mut reader, node, files)).unwrap_or_default()
        }
        Ok(node) => node.entry("tests").map(|node| read_all(&mut reader, node, files)).unwrap_or_default(),
        Err((at, message)) => {
            reader.fault(Span { at, length: 1 }, rules::YAML, message);
            Vec::new()
        }
    };
    (tests, reader.into_faults())
}

pub(crate) fn read_all(reader: &mut Reader<'_>, node: &Node, files: &FileSet) -> Vec<Test> {
    let tests = reader.list(node, "tests").unwrap_or_default();
    tests.iter().filter_map(|node| read(reader, node, files)).collect()
}

fn read(reader: &mut Reader<'_>, node: &Node, files: &FileSet) -> Option<Test> {
    let entries = reader.section(node, &TEST)?;
    let plain = |reader: &mut Reader<'_>, name| {
        let read =
            |reader: &mut Reader<'_>, node: &Node, name: &str| reader.text(node, name).map(str::to_owned);
        reader.optional(&entries, name, read)
    };
    let name = plain(reader, "name");
    let span = entries.get("name").map(|node| reader.span(node));
    let (error, mismatch) = (plain(reader, "error"), plain(reader, "mismatch"));
    let at = reader.optional(&entries, "now", time).map(|at| at.unwrap_or_else(now));
    let expect = reader.optional(&entries, "expect", expectations);
    let name = name.flatten();
    // Its faults are told, too, where its name or time has one.
    let (of, stored) = (name.as_deref().unwrap_or_default(), at.unwrap_or_else(now));
    let event = reader.required(&entries, "event", |reader, node, _| event(reader, node, of, stored, files));
    Some(Test {
        file: reader.file.into(),
        span: span?,
        event: event?,
        at: at?,
        expect: expect?,
        error: error?,
        mismatch: mismatch?,
        place: ExpectPlace {
            test: node.at.byte()?,
            value: node.key("expect").zip(entries.get("expect").and_then(|node| node.at.byte())),
        },
        name: name?,
    })
}

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap_or_default()
}

fn time(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<DateTime<Utc>> {
    let text = reader.text(node, name)?;
    let time = text.parse();
    time.map_err(|_| {
        let message = format!("`{name}` is a time such as `{NOW}`");
        reader.fault(reader.span(node), rules::VALUE, message);
    })
    .ok()
}

fn event(
    reader: &mut Reader<'_>,
    node: &Node,
    test: &str,
    at: DateTime<Utc>,
    files: &FileSet,
) -> Option<Event> {
    let entries = reader.section(node, &TEST_EVENT)?;
    let subject = reader.required(&entries, "subject", |reader, node, name| {
        reader.text(node, name).map(|text| (text.to_owned(), reader.span(node)))
    });
    let body = body(reader, &entries, files);
    let attributes = Attributes::read(reader, &entries);
    let (subject, span) = subject?;
    let id = slug(test);
    let message = RawMessage {
        subject: &subject,
        headers: vec![("Nats-Msg-Id", &id)],
        body: body?.into(),
        stream_sequence: 1,
        stored_at: at,
    };
    let event = read_event(&message).map_err(|bad| reader.fault(span, rules::VALUE, bad.to_string()));
    Some(attributes?.of(event.ok()?))
}

/// The data, or the file that has them.
fn body(reader: &mut Reader<'_>, entries: &Entries<'_>, files: &FileSet) -> Option<String> {
    let (data, file) = (entries.get("data"), entries.get("file"));
    match (data, file) {
        (None, None) => Some(String::new()),
        (Some(data), None) => Some(data.to_json().to_string()),
        (None, Some(node)) => {
            let path = reader.text(node, "file")?;
            let text = files.beside(reader.file, path);
            if text.is_none() {
                let message = format!("there is no file `{path}` beside this one");
                reader.fault(reader.span(node), rules::VALUE, message);
            }
            text.map(str::to_owned)
        }
        (Some(_), Some(node)) => {
            reader.fault(reader.span(node), rules::VALUE, "an event has `data` or a `file`, not both");
            None
        }
    }
}

/// What a test says of its event; the rest is filled in as for a bare message.
struct Attributes {
    id: Option<EventId>,
    source: Option<Source>,
    kind: Option<String>,
    time: Option<DateTime<Utc>>,
    extensions: Map<String, Value>,
}

impl Attributes {
    fn read(reader: &mut Reader<'_>, entries: &Entries<'_>) -> Option<Self> {
        let id = parsed(reader, entries, "id");
        let source = parsed(reader, entries, "source");
        let kind = parsed(reader, entries, "type");
        let time = reader.optional(entries, "time", time);
        let extensions = reader.optional(entries, "extensions", |reader, node, name| match node.to_json() {
            Value::Object(extensions) => Some(extensions),
            _ => {
                reader.fault(reader.span(node), rules::VALUE, format!("`{name}` is a map"));
                None
            }
        });
        let extensions = extensions?.unwrap_or_default();
        Some(Self { id: id?, source: source?, kind: kind?, time: time?, extensions })
    }

    fn of(self, event: Event) -> Event {
        let text = |value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let extensions = self.extensions.into_iter().map(|(name, value)| (name, text(value)));
        Event {
            id: self.id.unwrap_or(event.id),
            source: self.source.unwrap_or(event.source),
            kind: self.kind.unwrap_or(event.kind),
            time: self.time.unwrap_or(event.time),
            extensions: event.extensions.into_iter().chain(extensions).collect(),
            ..event
        }
    }
}

fn parsed<T: FromStr<Err: Display>>(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    name: &str,
) -> Option<Option<T>> {
    reader.optional(entries, name, |reader, node, name| {
        let parsed = reader.text(node, name)?.parse();
        parsed.map_err(|bad: T::Err| reader.fault(reader.span(node), rules::VALUE, bad.to_string())).ok()
    })
}

/// The name in a form that goes well into ids: `a refused payment` is `a-refused-payment`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-").to_lowercase();
    if slug.is_empty() { "test".to_owned() } else { slug.chars().take(120).collect() }
}

fn expectations(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Vec<Value>> {
    all(reader.list(node, name)?.iter().map(|item| expectation(reader, item)))
}

fn expectation(reader: &mut Reader<'_>, node: &Node) -> Option<Value> {
    let entries = reader.section(node, &EXPECTED)?;
    if !matches!(one_action(&entries), One::Named(..)) {
        let span = Span { at: node.at.position, length: 1 };
        let message = "an expected command is one action";
        reader.fault_with_help(span, rules::VALUE, message, Some(one_of_them()));
        return None;
    }
    let mut command = Map::new();
    for (field, node) in EXPECTED.fields.iter().zip(&entries.found) {
        let Some(node) = node else { continue };
        let value = match field.shape {
            Shape::Expected(section) => fields(reader, node, section)?,
            Shape::Span(_) => {
                reader.text(node, field.name)?;
                value(reader, node, field)?
            }
            _ => reader.text(node, field.name)?.into(),
        };
        command.insert(field.name.to_owned(), value);
    }
    Some(Value::Object(command))
}

/// Some of the fields of an action, none of which must be there.
fn fields(reader: &mut Reader<'_>, node: &Node, section: &'static Section) -> Option<Value> {
    let Kind::Map(entries) = &node.kind else {
        reader.fault(reader.span(node), rules::VALUE, format!("{} is a map", section.what));
        return None;
    };
    let found = all(entries.iter().map(|(key, node)| {
        let value = match comparable(section).find(|field| field.name == key.name) {
            Some(field) => value(reader, node, field),
            None => {
                reader.unknown_field(key, comparable(section));
                None
            }
        };
        Some((key.name.clone(), value?))
    }));
    Some(Value::Object(found?.into_iter().collect()))
}

/// What a command has of an action. `singleton` is for lint alone.
pub(crate) fn comparable(section: &'static Section) -> impl Iterator<Item = &'static Field> + Clone {
    section.fields.iter().filter(|field| field.name != "singleton")
}

fn value(reader: &mut Reader<'_>, node: &Node, field: &'static Field) -> Option<Value> {
    match (&field.shape, &node.kind) {
        (Shape::Section(section), _) | (Shape::WordOr(_, section) | Shape::SpanOr(section), Kind::Map(_)) => {
            fields(reader, node, section)
        }
        (Shape::Duration | Shape::Span(_) | Shape::SpanOr(_), Kind::Text(text)) => {
            let span = humantime::parse_duration(text).map(rendered::span);
            span.map_err(|_| {
                let message = format!("`{}` is a span of time with its units, such as `1h 30m`", field.name);
                reader.fault(reader.span(node), rules::VALUE, message);
            })
            .ok()
        }
        _ => Some(node.to_json()),
    }
}
