//! Which runs a backfill starts. Pure.

use chrono::{DateTime, Datelike, Utc};
use prost_types::Timestamp;
use signalbox_proto::v1::Problem;
use signalbox_temporal::SchedulePatch;

use crate::spec::{When, not_ours, problem};

/// The most runs that one backfill starts.
pub(crate) const MAX_RUNS: usize = 1000;

/// The patch that starts what the schedule had to start from `from` to `to`, both included.
pub(crate) fn backfill(
    id: &str,
    when: Option<&When>,
    in_turn: bool,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<SchedulePatch, Problem> {
    let (from, to) = (instant("from", from)?, instant("to", to)?);
    if from >= to {
        return Err(problem("bad-range", format!("`from` ({from}) is not before `to` ({to})")));
    }
    let when = when.ok_or_else(|| not_ours(id))?;
    // The last second before `from`: runs are due at whole seconds, and Temporal leaves out the first instant. There
    // were no schedules before 1970.
    let after = from.timestamp() + i64::from(from.timestamp_subsec_nanos() > 0) - 1;
    let after = DateTime::from_timestamp(after.max(0), 0).unwrap_or(from);
    match when.next_times(after).take_while(|time| *time <= to).take(MAX_RUNS + 1).count() {
        0 => Err(problem("bad-range", format!("the schedule has no run from {from} to {to}"))),
        runs if runs > MAX_RUNS => {
            let detail =
                format!("from {from} to {to} the schedule has more than {MAX_RUNS} runs; take less time");
            Err(problem("bad-range", detail))
        }
        _ => Ok(SchedulePatch::Backfill { after, to, in_turn }),
    }
}

fn instant(name: &str, at: Option<Timestamp>) -> Result<DateTime<Utc>, Problem> {
    at.and_then(|at| DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?))
        .filter(|time| (0..=9999).contains(&time.year()))
        .ok_or_else(|| problem("bad-range", format!("`{name}` is not a time")))
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::ScheduleView;

    use super::*;

    fn of(cron: &str, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<SchedulePatch, Problem> {
        let view = ScheduleView { cron: cron.into(), time_zone: "UTC".into(), ..Default::default() };
        backfill("s", When::said(&view).as_ref(), false, from, to)
    }

    fn at(seconds: i64, nanos: i32) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos })
    }

    fn detail(cron: &str, from: Option<Timestamp>, to: Option<Timestamp>) -> String {
        let refused = of(cron, from, to).unwrap_err();
        assert_eq!(refused.code, "bad-range");
        refused.detail
    }

    #[test]
    fn both_ends_are_included() {
        let after = |nanos| match of("* * * * *", at(60, nanos), at(120, 0)) {
            Ok(SchedulePatch::Backfill { after, to, .. }) => (after.timestamp(), to.timestamp()),
            other => panic!("{other:?}"),
        };
        assert_eq!(after(0), (59, 120));
        assert_eq!(after(1), (60, 120));
        assert!(of("* * * * *", at(60, 0), at(61, 0)).is_ok());
        assert!(detail("* * * * *", at(60, 1), at(119, 0)).contains("no run"));
    }

    #[test]
    fn a_thousand_runs_are_the_most() {
        let minutes = |n: i64| at(n * 60, 0);
        assert!(of("* * * * *", minutes(1), minutes(1000)).is_ok());
        assert!(detail("* * * * *", minutes(1), minutes(1001)).contains("more than 1000"));
        // All there is between the ends of time is not counted to its end.
        assert!(
            detail("* * * * * *", at(-62_135_596_800, 0), at(253_402_300_799, 0)).contains("more than 1000")
        );
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        assert!(detail("* * * * *", at(60, 0), at(60, 0)).contains("not before"));
        assert!(detail("* * * * *", None, at(60, 0)).contains("`from` is not a time"));
        assert!(detail("* * * * *", at(60, 0), at(i64::MAX, 0)).contains("`to` is not a time"));
        assert!(detail("* * * * *", at(60, -1), at(61, 0)).contains("`from` is not a time"));
        assert!(detail("* * * * *", at(-70_000_000_000, 0), at(61, 0)).contains("`from` is not a time"));
        assert!(detail("* * * * *", at(-1_000_000, 0), at(-500_000, 0)).contains("no run"));
    }

    #[test]
    fn of_a_schedule_that_was_not_made_here_nobody_knows_the_runs() {
        assert_eq!(of("", at(60, 0), at(61, 0)).unwrap_err().code, "schedule-foreign");
    }
}
