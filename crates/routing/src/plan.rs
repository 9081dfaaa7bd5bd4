//! The plan that a set of routes makes of an event.

use signalbox_domain::{Command, Verdict};

/// What a route set makes of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What to do, by name of route and place in it.
    pub commands: Vec<Command>,
    /// For each route whose filter matched, by name: whether it applies, and if not, why.
    pub verdicts: Vec<Verdict>,
    /// Routes that failed on this event, by name. Each also has a verdict, and no command.
    pub errors: Vec<RouteError>,
    /// Why the event is not what it was declared to be. Then no route has looked at it.
    pub mismatch: Option<String>,
}

/// Why a route failed on an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route `{route}`: {detail}")]
pub struct RouteError {
    /// Name of the route.
    pub route: String,
    /// The field, the expression and what is wrong. Names and types of data are in it, values are not.
    pub detail: String,
}

impl Plan {
    pub(crate) fn of_mismatch(detail: String) -> Self {
        Self { mismatch: Some(detail), ..Self::default() }
    }

    pub(crate) fn add(&mut self, route: &str, outcome: Result<Option<Vec<Command>>, String>) {
        let verdict =
            |matched, detail: &str| Verdict { route: route.to_owned(), matched, detail: detail.to_owned() };
        match outcome {
            Ok(Some(commands)) => {
                self.verdicts.push(verdict(true, ""));
                self.commands.extend(commands);
            }
            Ok(None) => self.verdicts.push(verdict(false, "`when` is false")),
            Err(detail) => {
                self.verdicts.push(verdict(false, &detail));
                self.errors.push(RouteError { route: route.to_owned(), detail });
            }
        }
    }
}
