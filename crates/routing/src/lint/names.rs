//! Names are of their own.

use std::collections::HashMap;

use crate::{
    fault::{Fault, Severity, Span},
    language::{route::Route, schedules::Placed, sources::DeclaredSource},
    rules,
};

/// What has a name, and where that stands.
struct Named<'n> {
    name: &'n str,
    file: &'n str,
    span: Span,
}

/// Routes whose name another one has.
pub(super) fn repeated(routes: &[Route]) -> Vec<Fault> {
    taken(
        "route",
        routes.iter().map(|route| Named { name: &route.name, file: &route.file, span: route.span }),
    )
}

/// Sources whose name another one has.
pub(super) fn repeated_sources(sources: &[DeclaredSource]) -> Vec<Fault> {
    let named = sources.iter().map(|one| Named { name: &one.source.name, file: &one.file, span: one.span });
    taken("source", named)
}

/// Schedules whose id another one has.
pub(super) fn repeated_schedules(schedules: &[Placed]) -> Vec<Fault> {
    let named =
        schedules.iter().map(|one| Named { name: one.schedule.id.as_str(), file: &one.file, span: one.span });
    taken("schedule", named)
}

fn taken<'n>(what: &str, all: impl Iterator<Item = Named<'n>>) -> Vec<Fault> {
    let mut seen: HashMap<&str, (&str, Span)> = HashMap::new();
    let mut faults = Vec::new();
    for Named { name, file, span } in all {
        if let Some((first, Span { at, .. })) = seen.insert(name, (file, span)) {
            let message =
                format!("the name `{name}` is taken by the {what} at {first}:{}:{}", at.line, at.column);
            let (file, severity, rule) = (file.to_owned(), Severity::Error, rules::DUPLICATE_NAME);
            faults.push(Fault { file, span, severity, rule, message, help: None });
        }
    }
    faults
}
