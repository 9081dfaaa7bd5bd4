//! What an action is for depends on the event.

use super::error;
use crate::{
    fault::Fault,
    language::{
        actions::{Action, Target},
        route::Route,
        template::Text,
    },
    rules,
};

/// Actions that have the same target for every event and do not say that this is meant.
pub(super) fn constant(route: &Route) -> Vec<Fault> {
    let fault = |target: &Target| {
        let message = format!("`{}` is the same for every event", target.field);
        let help =
            "put a part of the event into it, `${ event.data.… }`, or say `singleton: true` if it is meant";
        error(route, target.span, rules::CONSTANT_TARGET, message, Some(help.to_owned()))
    };
    let targets = route.actions.iter().filter_map(Action::target);
    targets.filter(|target| !target.singleton && !depends_on_event(&target.id)).map(fault).collect()
}

fn depends_on_event(text: &Text) -> bool {
    text.expressions().any(|expression| expression.reads_event())
}
