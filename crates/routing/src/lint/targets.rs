//! What an action is for depends on the event.

use super::error;
use crate::{
    fault::Fault,
    language::{actions::Action, route::Route, template::Text},
    rules,
};

/// Actions that have the same target for every event and do not say that this is meant.
pub(super) fn constant(route: &Route) -> Vec<Fault> {
    let fault = |action: &Action| {
        let (field, text, span) = match (action.target(), action) {
            (Some(target), _) if !target.singleton => ("workflow_id", &target.workflow_id, target.span),
            (None, Action::Schedule(schedule)) if !schedule.singleton => {
                ("schedule_id", &schedule.schedule_id, schedule.span)
            }
            _ => return None,
        };
        if depends_on_event(text) {
            return None;
        }
        let message = format!("`{field}` is the same for every event");
        let help =
            "put a part of the event into it, `${ event.data.… }`, or say `singleton: true` if it is meant";
        Some(error(route, span, rules::CONSTANT_TARGET, message, Some(help.to_owned())))
    };
    route.actions.iter().filter_map(fault).collect()
}

fn depends_on_event(text: &Text) -> bool {
    text.expressions().any(|expression| expression.reads_event())
}
