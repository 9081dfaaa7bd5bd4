//! Desired against actual. Pure.

use std::collections::HashSet;

use signalbox_proto::v1::ScheduleSpec;

/// What there is to do about one desired schedule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Temporal never confirmed it: make it.
    Make(Box<ScheduleSpec>),
    /// Temporal had it and has it no longer: somebody deleted it there, so it is desired no more.
    Forget(String),
}

/// The steps from what is desired to what Temporal has. Schedules that nobody made here are left alone.
pub(crate) fn steps(desired: Vec<ScheduleSpec>, actual: &HashSet<String>) -> Vec<Step> {
    desired
        .into_iter()
        .filter_map(|spec| match (spec.confirmed, actual.contains(&spec.schedule_id)) {
            (false, _) => Some(Step::Make(Box::new(spec))),
            (true, true) => None,
            (true, false) => Some(Step::Forget(spec.schedule_id)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_is_made_and_deleted_is_forgotten() {
        let spec =
            |id: &str, confirmed| ScheduleSpec { schedule_id: id.into(), confirmed, ..Default::default() };
        let desired = vec![spec("new", false), spec("half", false), spec("there", true), spec("gone", true)];
        let actual = ["half", "there", "foreign"].map(str::to_owned).into();
        assert_eq!(
            steps(desired, &actual),
            [
                Step::Make(Box::new(spec("new", false))),
                Step::Make(Box::new(spec("half", false))),
                Step::Forget("gone".into())
            ]
        );
    }
}
