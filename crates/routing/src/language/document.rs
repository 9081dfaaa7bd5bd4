//! A route file as a whole.

use super::{
    actions::{Defaults, OPTIONS, StartOptions},
    events::{self, DeclaredEvent, EVENT},
    fields::{Entries, Section, Shape, optional, required},
    prospects::Prospects,
    reader::Reader,
    route::{self, ROUTE, Route},
    schedules::{self, Placed, SCHEDULE},
    sources::{self, DeclaredSource, SOURCE},
    tests::{self, TEST},
};
use crate::{
    fault::{Fault, Position, Span},
    files::FileSet,
    lint::secrets,
    rules,
    yaml::Node,
};

pub(crate) static DOCUMENT: Section = Section {
    what: "a route file",
    doc: "Routes turn events into actions on Temporal workflows.",
    fields: &[
        required("version", Shape::Count(1, 1), "Version of this language."),
        optional("defaults", Shape::Section(&OPTIONS), "What holds for all routes and starts of this file."),
        optional("events", Shape::Sections(&EVENT), "Events, with their schemas."),
        optional("sources", Shape::Sections(&SOURCE), "Whose webhooks are taken."),
        optional("schedules", Shape::Sections(&SCHEDULE), "What time triggers."),
        optional("routes", Shape::Sections(&ROUTE), "The routes."),
        optional(
            "tests",
            Shape::Sections(&TEST),
            "Tests of the routes: `signalbox test` runs them, a router passes over them.",
        ),
    ],
};

/// A file whose events and sources are read, and whose routes are not yet: they may be about events of other files.
pub(crate) struct Opened<'f> {
    reader: Reader<'f>,
    entries: Option<Entries<'f>>,
    pub(crate) events: Vec<DeclaredEvent>,
    pub(crate) sources: Vec<DeclaredSource>,
}

/// The routes and schedules of a file, and all its faults.
pub(crate) struct Document {
    pub(crate) routes: Vec<Route>,
    pub(crate) schedules: Vec<Placed>,
    pub(crate) faults: Vec<Fault>,
}

/// What was parsed of a file.
pub(crate) type Parsed = Result<Node, (Position, String)>;

/// Reads the events of a file. It may name others of `files`.
pub(crate) fn open<'f>(file: &'f str, text: &'f str, parsed: &'f Parsed, files: &FileSet) -> Opened<'f> {
    let mut reader = Reader::new(file, text);
    let node = match parsed {
        Ok(node) => node,
        Err((at, message)) => {
            reader.fault(Span { at: *at, length: 1 }, rules::YAML, message);
            return Opened { reader, entries: None, events: Vec::new(), sources: Vec::new() };
        }
    };
    secrets::scan(&mut reader, node);
    let entries = reader.section(node, &DOCUMENT);
    let events = entries.as_ref().and_then(|entries| entries.get("events"));
    let events = events.and_then(|node| reader.list(node, "events")).unwrap_or_default();
    let events = events.iter().filter_map(|node| events::read(&mut reader, node, files)).collect();
    let sources = entries.as_ref().and_then(|entries| entries.get("sources"));
    let sources = sources.and_then(|node| reader.list(node, "sources")).unwrap_or_default();
    let sources = sources.iter().filter_map(|node| sources::read(&mut reader, node)).collect();
    // A router has no use for them, but refuses what nobody can run.
    let tests = entries.as_ref().and_then(|entries| entries.get("tests"));
    tests.map(|node| tests::read_all(&mut reader, node, files));
    Opened { reader, entries, events, sources }
}

impl Opened<'_> {
    /// Reads the routes, and checks them for the events that they get of those that are declared.
    pub(crate) fn read(mut self, events: &[DeclaredEvent]) -> Document {
        let (routes, schedules) = match &self.entries {
            Some(entries) => read_entries(&mut self.reader, entries, events),
            None => Default::default(),
        };
        Document { routes, schedules, faults: self.reader.into_faults() }
    }
}

fn read_entries(
    reader: &mut Reader<'_>,
    entries: &Entries<'_>,
    events: &[DeclaredEvent],
) -> (Vec<Route>, Vec<Placed>) {
    reader.version(entries);
    let defaults = Defaults(entries.get("defaults").and_then(|node| reader.section(node, &OPTIONS)));
    if let Some(entries) = &defaults.0 {
        // Also those that no route needs.
        reader.prospects = Prospects::nothing();
        StartOptions::read(reader, entries, &Defaults(None));
        defaults.deadline(reader);
    }
    let routes = entries.get("routes").and_then(|node| reader.list(node, "routes")).unwrap_or_default();
    let routes = routes.iter().filter_map(|node| route::read(reader, node, &defaults, events)).collect();
    let schedules =
        entries.get("schedules").and_then(|node| reader.list(node, "schedules")).unwrap_or_default();
    let schedules = schedules.iter().filter_map(|node| schedules::read(reader, node, &defaults)).collect();
    (routes, schedules)
}
