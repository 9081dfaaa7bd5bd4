//! What each call needs: one table for all of the API.

use axum::http::Method;
use signalbox_proto::names::lab;

use super::Action;

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it tells nothing that anybody may not know.
    Nothing,
    /// Nothing but a signature of its own, which its handler verifies; where no secret is configured, [`UNSIGNED`].
    Signature,
    /// To be somebody.
    Anybody,
    /// All of these actions, to something.
    To(&'static [Action], On),
}

/// What an action is done to, as far as its path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// What no limit is about.
    Any,
    /// A workflow of this type.
    Type(&'static str),
    /// The workflow that the path names; which type it has is to be looked up.
    Workflow,
    /// The same, if there is one yet.
    WorkflowOrNew,
    /// Workflows of all types.
    AllTypes,
    /// Events of all sources, on all subjects.
    AllEvents,
    /// What only the body tells; whoever reads it asks the [`super::Principal`].
    Body,
}

use Need::{Anybody, Nothing, Signature, To};

/// What a webhook needs that nobody can have signed.
pub const UNSIGNED: Need = To(&[Action::Publish], On::Any);

/// By method and template of the path. What does not stand here is refused.
const TABLE: &[(&str, &str, Need)] = &[
    ("GET", "/healthz", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/metrics", To(&[Action::Metrics], On::Any)),
    ("GET", "/", Anybody),
    ("GET", "/docs", Anybody),
    ("GET", "/docs/", Anybody),
    ("GET", "/docs/errors.md", Anybody),
    ("GET", "/docs/{*file}", Anybody),
    ("GET", "/openapi.json", Anybody),
    ("POST", "/webhook/github", Signature),
    ("POST", "/webhooks/{source}", Signature),
    ("POST", "/events", To(&[Action::Publish], On::Body)),
    ("POST", "/events/{event}", To(&[Action::Publish], On::Body)),
    ("GET", "/events", READ_EVENTS),
    ("GET", "/events/{event}", READ_EVENTS),
    ("POST", "/trigger-workflow/{workflow_id}", To(&[Action::Start], On::Type(lab::CRON_WORKFLOW))),
    ("POST", "/signal-workflow/{workflow_id}", To(&[Action::Signal], On::Workflow)),
    ("POST", "/stop-workflow/{workflow_id}", To(&[Action::Signal], On::Workflow)),
    ("GET", "/workflow-result/{workflow_id}", To(&[Action::Read], On::Workflow)),
    ("GET", "/workflows", To(&[Action::Read], On::AllTypes)),
    ("POST", "/workflows", To(&[Action::Start], On::Body)),
    ("GET", "/workflows/{workflow_id}", To(&[Action::Read], On::Workflow)),
    ("GET", "/workflows/{workflow_id}/result", To(&[Action::Read], On::Workflow)),
    ("GET", "/workflows/{workflow_id}/events", To(&[Action::Read], On::Workflow)),
    ("GET", "/workflows/{workflow_id}/queries/{query}", To(&[Action::Query], On::Workflow)),
    ("POST", "/workflows/{workflow_id}/queries/{query}", To(&[Action::Query], On::Workflow)),
    ("POST", "/workflows/{workflow_id}/signals/{name}", To(&[Action::Signal], On::Workflow)),
    (
        "POST",
        "/workflows/{workflow_id}/signal-with-start",
        To(&[Action::Start, Action::Signal], On::WorkflowOrNew),
    ),
    ("POST", "/workflows/{workflow_id}/updates/{name}", To(&[Action::Update], On::Workflow)),
    ("POST", "/workflows/{workflow_id}/cancel", To(&[Action::Cancel], On::Workflow)),
    ("POST", "/workflows/{workflow_id}/terminate", To(&[Action::Terminate], On::Workflow)),
    ("GET", "/schedule-workflow", To(&[Action::Read], On::Type(lab::CRON_WORKFLOW))),
    ("GET", "/schedule-workflow/{schedule_id}", To(&[Action::Read], On::Type(lab::CRON_WORKFLOW))),
    ("POST", "/schedule-workflow/{schedule_id}", SCHEDULE),
    ("PUT", "/schedule-workflow/{schedule_id}", SCHEDULE),
    ("DELETE", "/schedule-workflow/{schedule_id}", SCHEDULE),
    ("POST", "/schedule-workflow/{schedule_id}/pause", SCHEDULE),
    ("POST", "/schedule-workflow/{schedule_id}/resume", SCHEDULE),
    ("POST", "/schedule-workflow/{schedule_id}/trigger", SCHEDULE),
    ("POST", "/schedule-workflow/{schedule_id}/backfill", SCHEDULE),
    ("POST", "/schedules", To(&[Action::Schedules], On::Body)),
    ("GET", "/schedules", READ_SCHEDULES),
    ("POST", "/schedules/preview", Anybody),
    ("GET", "/schedule-plan", READ_SCHEDULES),
    ("GET", "/schedules/{schedule_id}", READ_SCHEDULES),
    ("PUT", "/schedules/{schedule_id}", ANY_SCHEDULE),
    ("DELETE", "/schedules/{schedule_id}", ANY_SCHEDULE),
    ("POST", "/schedules/{schedule_id}/pause", ANY_SCHEDULE),
    ("POST", "/schedules/{schedule_id}/resume", ANY_SCHEDULE),
    ("POST", "/schedules/{schedule_id}/trigger", ANY_SCHEDULE),
    ("POST", "/schedules/{schedule_id}/backfill", ANY_SCHEDULE),
    ("GET", "/dead-letters", LETTERS),
    ("GET", "/dead-letters/{sequence}", LETTERS),
    ("DELETE", "/dead-letters", LETTERS),
    ("DELETE", "/dead-letters/{sequence}", LETTERS),
    ("POST", "/dead-letters/redrive", LETTERS),
    ("POST", "/dead-letters/{sequence}/redrive", LETTERS),
];

/// Schedules of the API start the lab's workflow.
const SCHEDULE: Need = To(&[Action::Schedules], On::Type(lab::CRON_WORKFLOW));

/// What a schedule of any id starts is not known before it is asked for.
const READ_SCHEDULES: Need = To(&[Action::Read], On::AllTypes);
const ANY_SCHEDULE: Need = To(&[Action::Schedules], On::AllTypes);

/// An event may be of any source.
const READ_EVENTS: Need = To(&[Action::ReadEvents], On::AllEvents);

/// A dead letter may be about anything, whatever its type.
const LETTERS: Need = To(&[Action::DeadLetters], On::AllTypes);

/// What a call needs, by its method and the template of its path; `None` if nobody has said so.
pub fn of(method: &Method, path: &str) -> Option<Need> {
    // What answers GET answers HEAD.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let row = TABLE.iter().find(|(m, p, _)| *p == path && *m == method.as_str());
    row.map(|(_, _, need)| *need)
}

/// Whether some method has that path.
pub fn knows(path: &str) -> bool {
    TABLE.iter().any(|(_, p, _)| *p == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_thought_of_is_not_in_the_table() {
        assert_eq!(of(&Method::GET, "/healthz"), Some(Nothing));
        assert_eq!(of(&Method::HEAD, "/healthz"), Some(Nothing));
        assert_eq!(of(&Method::POST, "/healthz"), None);
        assert_eq!(of(&Method::GET, "/events/{event_id}/secrets"), None);
        assert!(knows("/healthz") && !knows("/nothing"));
    }

    #[test]
    fn each_call_stands_there_once() {
        let calls: std::collections::BTreeSet<_> = TABLE.iter().map(|(m, p, _)| (m, p)).collect();
        assert_eq!(calls.len(), TABLE.len());
    }

    #[test]
    fn without_credentials_there_is_nothing_but_health_and_what_is_signed() {
        let without =
            |wanted| TABLE.iter().filter(move |(_, _, need)| *need == wanted).map(|(_, path, _)| *path);
        assert!(without(Nothing).eq(["/healthz", "/readyz"]));
        assert!(without(Signature).eq(["/webhook/github", "/webhooks/{source}"]));
    }
}
