//! Names are of their own.

use std::collections::HashMap;

use super::error;
use crate::{fault::Fault, language::route::Route, rules};

/// Routes whose name another one has.
pub(super) fn repeated(routes: &[Route]) -> Vec<Fault> {
    let mut seen: HashMap<&str, &Route> = HashMap::new();
    let mut faults = Vec::new();
    for route in routes {
        if let Some(first) = seen.insert(&route.name, route) {
            let at = first.span.at;
            let message = format!(
                "the name `{}` is taken by the route at {}:{}:{}",
                route.name, first.file, at.line, at.column
            );
            faults.push(error(route, route.span, rules::DUPLICATE_NAME, message, None));
        }
    }
    faults
}
