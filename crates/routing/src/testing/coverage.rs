//! What tests have reached of routes.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use signalbox_domain::Event;

use crate::{
    cel::scan::{Piece, split},
    cel::scope::Scope,
    clauses::{Choice, ChoiceKind, choices},
    fault::Position,
    files::FileSet,
    language::route::Route,
    set::RouteSet,
    yaml::{self, Kind, Node},
};

/// What tests have reached of a set of routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// By name.
    pub routes: Vec<Covered>,
}

/// What tests have reached of a route: that it does its work, that its guard says no, and each way of each `?:` and
/// `orValue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Name of the route.
    pub route: String,
    /// The file that it is in.
    pub file: String,
    /// How many ways there are.
    pub ways: usize,
    /// The lines and the ways there that no test took.
    pub missed: Vec<Missed>,
}

/// A way that no test took.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missed {
    /// The line in the file.
    pub line: usize,
    /// What did not happen there.
    pub what: String,
}

impl Covered {
    /// How many ways were taken.
    pub fn taken(&self) -> usize {
        self.ways - self.missed.len()
    }
}

impl Coverage {
    /// Of all ways of all routes, how many were taken, from 0 to 100; 100 if there are none.
    pub fn percent(&self) -> f64 {
        let ways: usize = self.routes.iter().map(|route| route.ways).sum();
        let taken: usize = self.routes.iter().map(Covered::taken).sum();
        if ways == 0 { 100.0 } else { taken as f64 * 100.0 / ways as f64 }
    }
}

/// What these events reach.
pub(crate) fn of(set: &RouteSet, files: &FileSet, events: &[(&Event, DateTime<Utc>)]) -> Coverage {
    let mut marks: Vec<_> = set.routes().iter().map(Marks::of).collect();
    let trees = files.routes().filter_map(|(name, text)| Some((name, text, yaml::parse(text).ok()?)));
    for (name, text, tree) in trees {
        let routes = tree.entry("routes").map(Node::items).unwrap_or_default();
        for node in routes {
            let route = node.entry("name").and_then(Node::text);
            if let Some(marks) = marks.iter_mut().find(|marks| Some(marks.route.name.as_str()) == route)
                && *marks.route.file == *name
            {
                marks.find(text, node, false);
            }
        }
    }
    for (event, at) in events {
        if set.mismatch(event).is_none() {
            let scope = Scope::new(event, *at);
            let matching: BTreeSet<_> = set.matching(event).map(|route| route.name.as_str()).collect();
            for marks in marks.iter_mut().filter(|marks| matching.contains(marks.route.name.as_str())) {
                let outcome = set.commands(marks.route, &scope);
                marks.take(outcome.map(|commands| commands.is_some()), &scope);
            }
        }
    }
    Coverage { routes: marks.into_iter().map(Marks::into_covered).collect() }
}

/// What is known of one route.
struct Marks<'r> {
    route: &'r Route,
    matched: bool,
    refused: bool,
    points: Vec<Point>,
}

struct Point {
    at: Position,
    in_guard: bool,
    choice: Choice,
    yes: bool,
    no: bool,
}

impl<'r> Marks<'r> {
    fn of(route: &'r Route) -> Self {
        Self { route, matched: false, refused: false, points: Vec::new() }
    }

    /// Finds the choices in all texts below `node`.
    fn find(&mut self, source: &str, node: &Node, in_guard: bool) {
        match &node.kind {
            Kind::Text(text) => {
                for piece in split(text).unwrap_or_default() {
                    let Piece::Expression(offset, inner) = piece else { continue };
                    for choice in choices(inner) {
                        let at = node.at.inside(source, text, offset + choice.offset);
                        self.points.push(Point { at, in_guard, choice, yes: false, no: false });
                    }
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.find(source, item, in_guard)),
            Kind::Map(entries) => {
                entries
                    .iter()
                    .for_each(|(key, value)| self.find(source, value, in_guard || key.name == "when"));
            }
            _ => {}
        }
    }

    /// Notes what one event does: an error takes no way but those of a guard.
    fn take(&mut self, outcome: Result<bool, String>, scope: &Scope<'_>) {
        self.matched |= outcome == Ok(true);
        self.refused |= outcome == Ok(false);
        for point in self.points.iter_mut().filter(|point| point.in_guard || outcome == Ok(true)) {
            match point.choice.way(scope) {
                Some(true) => point.yes = true,
                Some(false) => point.no = true,
                None => {}
            }
        }
    }

    fn into_covered(self) -> Covered {
        let line = self.route.span.at.line;
        let guard = self.route.guard_at.map(|span| span.at.line);
        let mut ways = vec![(line, self.matched, "it matches no event".to_owned())];
        ways.extend(guard.map(|line| (line, self.refused, "`when` is never false".to_owned())));
        for point in self.points {
            let (line, shown) = (point.at.line, &point.choice.shown);
            let (yes, no) = match point.choice.kind {
                ChoiceKind::Arms => (format!("`{shown}` is never true"), format!("`{shown}` is never false")),
                ChoiceKind::Default => {
                    (format!("`{shown}` is never there"), format!("`{shown}` is always there"))
                }
            };
            ways.extend([(line, point.yes, yes), (line, point.no, no)]);
        }
        let count = ways.len();
        let mut missed: Vec<_> = ways
            .into_iter()
            .filter(|(_, taken, _)| !taken)
            .map(|(line, _, what)| Missed { line, what })
            .collect();
        missed.sort();
        Covered { route: self.route.name.clone(), file: self.route.file.to_string(), ways: count, missed }
    }
}
