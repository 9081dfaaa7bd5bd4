//! What is asked for, checked.

use signalbox_proto::v1::{Problem, ReplayRequest};
use signalbox_routing::{Plan, RouteSet};

use super::problem;

/// More events than this are not asked for at once.
const MOST_EVENTS: usize = 1024;
/// An id for doing it once more is no longer than this.
const LONGEST_AGAIN: usize = 256;

/// What is asked for.
pub(super) struct Wanted {
    /// One at least.
    pub(super) sequences: Vec<u64>,
    /// Empty: all.
    routes: Vec<String>,
    pub(super) again: Option<String>,
    pub(super) dry_run: bool,
    pub(super) dead: bool,
    pub(super) letters: bool,
    /// It may have been asked for before.
    pub(super) repeated: bool,
}

impl Wanted {
    pub(super) fn read(request: ReplayRequest) -> Result<Self, Problem> {
        let ReplayRequest { stream_sequences: sequences, routes, again, dry_run, dead, letters, repeated } =
            request;
        let refused = |why: String| Err(problem("bad-request", why));
        if sequences.is_empty() || sequences.len() > MOST_EVENTS {
            return refused(format!("{} events; it is 1 to {MOST_EVENTS} at a time", sequences.len()));
        }
        if again.len() > LONGEST_AGAIN {
            return refused(format!("the id for once more is longer than {LONGEST_AGAIN} bytes"));
        }
        let again = (!again.is_empty()).then_some(again);
        Ok(Self { sequences, routes, again, dry_run, dead, letters, repeated })
    }

    /// The event that comes last in the stream.
    pub(super) fn last(&self) -> u64 {
        self.sequences.iter().max().copied().unwrap_or_default()
    }

    /// A route that is not there would lead to nothing, in silence.
    pub(super) fn routes_are_in(&self, set: &RouteSet) -> Result<(), Problem> {
        match self.routes.iter().find(|wanted| !set.names().any(|name| name == **wanted)) {
            None => Ok(()),
            Some(missing) => {
                let version = set.version();
                Err(problem("unknown-route", format!("the routes that run, {version}, have no `{missing}`")))
            }
        }
    }

    /// What of a plan is wanted.
    pub(super) fn restrict(&self, mut plan: Plan) -> Plan {
        if self.routes.is_empty() {
            return plan;
        }
        let wanted = |route: &str| self.routes.iter().any(|name| name == route);
        plan.commands.retain(|command| command.origin.route.as_deref().is_some_and(wanted));
        plan.verdicts.retain(|verdict| wanted(&verdict.route));
        plan.errors.retain(|error| wanted(&error.route));
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(events: u64) -> ReplayRequest {
        ReplayRequest { stream_sequences: (1..=events).collect(), ..Default::default() }
    }

    fn refused(request: ReplayRequest) -> String {
        Wanted::read(request).map(|_| ()).unwrap_err().code
    }

    #[test]
    fn what_is_asked_for_is_bounded() {
        assert!(Wanted::read(request(1024)).is_ok());
        assert_eq!(refused(request(0)), "bad-request");
        assert_eq!(refused(request(1025)), "bad-request");
        assert_eq!(refused(ReplayRequest { again: "x".repeat(257), ..request(1) }), "bad-request");
    }

    #[test]
    fn a_route_that_is_not_there_is_named() {
        let set = RouteSet::load([]).unwrap();
        let wanted = Wanted::read(ReplayRequest { routes: vec!["paid".into()], ..request(1) }).unwrap();
        let problem = wanted.routes_are_in(&set).unwrap_err();
        assert_eq!(problem.code, "unknown-route");
        assert!(problem.detail.contains("`paid`"), "{}", problem.detail);
    }
}
