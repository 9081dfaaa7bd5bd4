//! A route file as a whole.

use super::{
    actions::{OPTIONS, StartOptions},
    events::{self, DeclaredEvent, EVENT},
    fields::{Section, Shape, optional, required},
    reader::Reader,
    route::{self, ROUTE, Route},
    tests::{self, TEST},
};
use crate::{
    fault::Fault,
    files::FileSet,
    lint::secrets,
    rules,
    yaml::{self, Kind, Node},
};

pub(crate) static DOCUMENT: Section = Section {
    what: "a route file",
    doc: "Routes turn events into actions on Temporal workflows.",
    fields: &[
        required("version", Shape::Count(1, 1), "Version of this language."),
        optional("defaults", Shape::Section(&OPTIONS), "What holds for all starts of this file."),
        optional("events", Shape::Sections(&EVENT), "Events, with their schemas."),
        optional("routes", Shape::Sections(&ROUTE), "The routes."),
        optional(
            "tests",
            Shape::Sections(&TEST),
            "Tests of the routes: `signalbox test` runs them, a router passes over them.",
        ),
    ],
};

/// What a file has in it, and all its faults.
#[derive(Default)]
pub(crate) struct Document {
    pub(crate) routes: Vec<Route>,
    pub(crate) events: Vec<DeclaredEvent>,
    pub(crate) faults: Vec<Fault>,
}

/// Reads a file. It may name others of `files`.
pub(crate) fn read(file: &str, text: &str, files: &FileSet) -> Document {
    let mut reader = Reader::new(file, text);
    let mut document = match yaml::parse(text) {
        Ok(node) => {
            secrets::scan(&mut reader, &node);
            read_document(&mut reader, &node, files)
        }
        Err((at, message)) => {
            reader.fault(crate::fault::Span { at, length: 1 }, rules::YAML, message);
            Document::default()
        }
    };
    document.faults = reader.into_faults();
    document
}

fn read_document(reader: &mut Reader<'_>, node: &Node, files: &FileSet) -> Document {
    let Some(entries) = reader.section(node, &DOCUMENT) else { return Document::default() };
    if let Some(version) = entries.get("version") {
        let known = matches!(&version.kind, Kind::Number(number) if number.as_u64() == Some(1));
        if !known {
            reader.fault(reader.span(version), rules::VERSION, "`version` is 1; no other is known");
        }
    }
    let defaults = reader.optional(&entries, "defaults", |reader, node, _| {
        let entries = reader.section(node, &OPTIONS)?;
        StartOptions::read(reader, &entries, &StartOptions::default())
    });
    let defaults = defaults.flatten().unwrap_or_default();
    let events = entries.get("events").and_then(|node| reader.list(node, "events")).unwrap_or_default();
    let events = events.iter().filter_map(|node| events::read(reader, node, files)).collect();
    let routes = entries.get("routes").and_then(|node| reader.list(node, "routes")).unwrap_or_default();
    let routes = routes.iter().filter_map(|node| route::read(reader, node, &defaults)).collect();
    // A router has no use for them, but refuses what nobody can run.
    entries.get("tests").map(|node| tests::read_all(reader, node, files));
    Document { routes, events, faults: Vec::new() }
}
