//! A command, for tests.

use chrono::DateTime;
use signalbox_domain::{
    Action, Command, EffectKey, EventRef, Origin, Terms, TraceContext, Trigger, WorkflowAction,
};

/// What the route `r` makes of the event of this id.
pub(super) fn command(event: &str, workflow: &str, action: WorkflowAction) -> Command {
    let (source, id) = ("/s".parse().unwrap(), event.parse().unwrap());
    let action = Action::Workflow(workflow.parse().unwrap(), action);
    Command {
        effect_key: EffectKey::derive(&source, &id, "r", 0, &action.label(), workflow),
        origin: Origin {
            event: EventRef { id: event.into(), source: "/s".into(), ..Default::default() },
            route: Some("r".into()),
            route_set: String::new(),
            trigger: Trigger::Event,
        },
        reply_to: None,
        trace: TraceContext::default(),
        accepted_at: DateTime::UNIX_EPOCH,
        repeated: false,
        matching: None,
        terms: Terms::default(),
        action,
    }
}
