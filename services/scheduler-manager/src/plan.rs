//! Which declared schedules are to be looked at. Pure.

use std::collections::HashMap;

use signalbox_temporal::Listed;

use crate::{applied::Set, had::Had};

/// How closely Temporal's schedules are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Depth {
    /// As far as the list tells: the declaration, the times, whether it is paused.
    List,
    /// Each by itself, all of it.
    Each,
}

/// What there is to do about a declared schedule, by its id, as far as the list tells, which is a little behind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Temporal has it not.
    Create(String),
    /// Temporal has it, and perhaps otherwise; or one of that id that was not declared.
    Look(String),
    /// It is declared no more.
    Delete(String),
}

/// The steps from what Temporal lists, or has had, to what the set declares. Schedules that were made otherwise are left
/// alone.
pub(crate) fn steps(set: &Set, listed: &[Listed], had: &Had, depth: Depth) -> Vec<Step> {
    let by_id: HashMap<&str, &Listed> =
        listed.iter().map(|listed| (listed.view.schedule_id.as_str(), listed)).collect();
    let desired = set.schedules.iter().filter_map(|(id, desired)| match by_id.get(id.as_str()) {
        None => (!had.has(set, id)).then(|| Step::Create(id.clone())),
        Some(listed) if depth == Depth::Each || !listed.seems(&desired.schedule) => {
            Some(Step::Look(id.clone()))
        }
        Some(_) => None,
    });
    let gone = listed.iter().filter_map(|listed| {
        let id = &listed.view.schedule_id;
        (listed.declared.is_some() && !set.schedules.contains_key(id)).then(|| Step::Delete(id.clone()))
    });
    desired.chain(gone).collect()
}
