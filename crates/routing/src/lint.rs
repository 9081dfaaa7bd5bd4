//! What is asked of routes besides that they can be read: rules over the whole set.

mod loops;
mod names;
pub(crate) mod secrets;
mod targets;

use crate::{
    fault::{Fault, Severity, Span},
    language::{route::Route, schedules::Placed, sources::DeclaredSource},
};

/// All faults of a set of routes, sources and schedules, in no order.
pub(crate) fn all(routes: &[Route], sources: &[DeclaredSource], schedules: &[Placed]) -> Vec<Fault> {
    let mut faults = names::repeated(routes);
    faults.extend(names::repeated_sources(sources));
    faults.extend(names::repeated_schedules(schedules));
    faults.extend(routes.iter().flat_map(targets::constant));
    faults.extend(loops::found(routes));
    faults
}

fn error(route: &Route, span: Span, rule: &'static str, message: String, help: Option<String>) -> Fault {
    Fault { file: route.file.to_string(), span, severity: Severity::Error, rule, message, help }
}
