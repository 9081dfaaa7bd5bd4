//! Desired against actual. Pure.

use std::collections::HashSet;

use signalbox_proto::v1::ScheduleSpec;

/// What there is to do about one desired schedule, by its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Temporal never confirmed it, or its last change: make it so.
    Finish(String),
    /// Temporal had it and has it no longer: somebody deleted it there, so it is desired no more.
    Forget(String),
}

/// The steps from what is desired to what Temporal has. Schedules that nobody made here are left alone.
pub(crate) fn steps(desired: Vec<ScheduleSpec>, actual: &HashSet<String>) -> Vec<Step> {
    desired
        .into_iter()
        .filter_map(|spec| {
            let (there, to_change) = (actual.contains(&spec.schedule_id), spec.previous.is_some());
            match (spec.confirmed, there) {
                (false, false) if to_change => Some(Step::Forget(spec.schedule_id)),
                (false, _) => Some(Step::Finish(spec.schedule_id)),
                (true, true) => None,
                (true, false) => Some(Step::Forget(spec.schedule_id)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, confirmed: bool) -> ScheduleSpec {
        ScheduleSpec { schedule_id: id.into(), confirmed, ..Default::default() }
    }

    fn change_of(id: &str) -> ScheduleSpec {
        ScheduleSpec { previous: Some(Box::new(spec(id, true))), ..spec(id, false) }
    }

    #[test]
    fn unfinished_is_made_and_deleted_is_forgotten() {
        let desired = vec![spec("new", false), spec("half", false), spec("there", true), spec("gone", true)];
        let actual = ["half", "there", "foreign"].map(str::to_owned).into();
        assert_eq!(
            steps(desired, &actual),
            [Step::Finish("new".into()), Step::Finish("half".into()), Step::Forget("gone".into())]
        );
    }

    #[test]
    fn an_unfinished_change_is_made_where_there_is_something_to_change() {
        let actual = ["there"].map(str::to_owned).into();
        assert_eq!(
            steps(vec![change_of("there"), change_of("gone")], &actual),
            [Step::Finish("there".into()), Step::Forget("gone".into())]
        );
    }
}
