//! From a desired schedule as it came to one that Temporal can be told of. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use signalbox_domain::{ScheduleId, Start};
use signalbox_proto::v1::{ChangeSchedule, Problem, ScheduleSpec, ScheduleView};
use signalbox_schedules::{Cron, time_zone};
use signalbox_temporal::NewSchedule;

/// How many coming times an answer lists.
pub(crate) const NEXT_RUNS: usize = 5;

pub(crate) fn problem(code: &str, detail: impl ToString) -> Problem {
    Problem { code: code.to_owned(), detail: detail.to_string() }
}

pub(crate) fn schedule_id(text: &str) -> Result<ScheduleId, Problem> {
    text.parse().map_err(|error| problem("bad-schedule-id", format!("{error}")))
}

pub(crate) fn not_ours(id: &str) -> Problem {
    let detail = format!("the schedule `{id}` was not made here; change and backfill it where it was made");
    problem("schedule-foreign", detail)
}

/// What the change that `request_id` asks for makes of a schedule.
pub(crate) fn changed(current: ScheduleSpec, change: ChangeSchedule, request_id: String) -> ScheduleSpec {
    let mut wanted = current.clone();
    wanted.cron = change.cron.unwrap_or(wanted.cron);
    wanted.time_zone = change.time_zone.unwrap_or(wanted.time_zone);
    if let (Some(start), Some(new)) = (wanted.start.as_mut(), change.args) {
        start.args = new.args;
    }
    ScheduleSpec { request_id, confirmed: false, previous: Some(Box::new(current)), ..wanted }
}

/// Temporal's list tells when a schedule ran as it was made; what it was changed to is known here.
pub(crate) fn as_changed(listed: &mut [ScheduleView], desired: Vec<ScheduleSpec>) {
    let mut desired: HashMap<_, _> =
        desired.into_iter().map(|spec| (spec.schedule_id.clone(), spec)).collect();
    for view in listed {
        let has = desired.remove(&view.schedule_id).and_then(|spec| match spec.previous {
            Some(previous) => Some(*previous),
            None => spec.confirmed.then_some(spec),
        });
        if let Some(has) = has {
            (view.cron, view.time_zone) = (has.cron, has.time_zone);
        }
    }
}

/// Checks everything that can be checked without Temporal.
pub(crate) fn check(spec: &ScheduleSpec) -> Result<NewSchedule, Problem> {
    let id = schedule_id(&spec.schedule_id)?;
    let cron: Cron = spec.cron.parse().map_err(|error| problem("bad-cron", error))?;
    let zone = time_zone(&spec.time_zone).map_err(|error| problem("bad-time-zone", error))?;
    let start = spec.start.clone().ok_or_else(|| problem("bad-request", "the schedule starts nothing"))?;
    let start = Start::try_from(start).map_err(|error| problem("bad-request", error))?;
    Ok(NewSchedule {
        request_id: spec.request_id.clone(),
        cron: spec.cron.clone(),
        temporal_cron: cron.temporal_cron_strings(),
        time_zone: zone.name().to_owned(),
        workflow_type: start.workflow_type,
        task_queue: start.task_queue,
        args: start.args,
        workflow_id: if spec.workflow_id.is_empty() { id.to_string() } else { spec.workflow_id.clone() },
        id,
    })
}

/// Adds the meaning in words and, where Temporal did not tell them, the next times. While it is paused it has none.
pub(crate) fn explain(mut view: ScheduleView, now: DateTime<Utc>) -> ScheduleView {
    if view.paused {
        view.next_runs.clear();
    }
    let (Ok(cron), Ok(zone)) = (view.cron.parse::<Cron>(), time_zone(&view.time_zone)) else { return view };
    view.meaning = cron.meaning();
    if view.next_runs.is_empty() && !view.paused {
        view.next_runs = cron.next_times(zone, now).take(NEXT_RUNS).map(timestamp).collect();
    }
    view
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_proto::v1;

    fn spec(cron: &str, zone: &str) -> ScheduleSpec {
        ScheduleSpec {
            schedule_id: "s".into(),
            cron: cron.into(),
            time_zone: zone.into(),
            start: Some(v1::Start {
                workflow_type: "T".into(),
                task_queue: "q".into(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn six_fields_reach_temporal_as_seven() {
        let new = check(&spec("*/30 * * * * *", "")).unwrap();
        assert_eq!((new.temporal_cron, new.time_zone.as_str()), (vec!["*/30 * * * * * *".to_owned()], "UTC"));
        assert_eq!(new.workflow_id, "s");
    }

    #[test]
    fn each_fault_has_its_code() {
        let code = |spec: &ScheduleSpec| check(spec).unwrap_err().code;
        assert_eq!(code(&spec("61 * * * *", "")), "bad-cron");
        assert_eq!(code(&spec("* * * * *", "Mars/Base")), "bad-time-zone");
        assert_eq!(
            code(&ScheduleSpec { schedule_id: String::new(), ..spec("* * * * *", "") }),
            "bad-schedule-id"
        );
        assert_eq!(code(&ScheduleSpec { start: None, ..spec("* * * * *", "") }), "bad-request");
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let current =
            ScheduleSpec { request_id: "r-1".into(), confirmed: true, ..spec("0 9 * * *", "Asia/Tokyo") };
        let wanted = |change| changed(current.clone(), change, "r-2".into());
        let to_paris = ChangeSchedule { time_zone: Some("Europe/Paris".into()), ..Default::default() };
        let expected = ScheduleSpec {
            time_zone: "Europe/Paris".into(),
            request_id: "r-2".into(),
            confirmed: false,
            previous: Some(Box::new(current.clone())),
            ..current.clone()
        };
        assert_eq!(wanted(to_paris), expected);
        let args = Some(v1::ScheduleArgs { args: vec![b"1".as_slice().into()] });
        let start = wanted(ChangeSchedule { args, ..Default::default() }).start.unwrap();
        assert_eq!((start.workflow_type.as_str(), start.args), ("T", vec![b"1".as_slice().into()]));
    }

    #[test]
    fn the_list_tells_confirmed_changes() {
        let named = |id: &str, spec: ScheduleSpec| ScheduleSpec { schedule_id: id.into(), ..spec };
        let confirmed = ScheduleSpec { confirmed: true, ..spec("1 * * * *", "UTC") };
        let change = ScheduleSpec { previous: Some(Box::new(confirmed.clone())), ..spec("2 * * * *", "UTC") };
        let desired =
            vec![named("changed", confirmed), named("half", change), named("new", spec("3 * * * *", ""))];
        let view = |id: &str| ScheduleView {
            schedule_id: id.into(),
            cron: "0 * * * *".into(),
            ..Default::default()
        };
        let mut views = ["changed", "half", "new", "foreign"].map(view);
        as_changed(&mut views, desired);
        assert_eq!(views.map(|view| view.cron), ["1 * * * *", "1 * * * *", "0 * * * *", "0 * * * *"]);
    }

    #[test]
    fn a_paused_schedule_has_no_next_time() {
        let view = ScheduleView {
            paused: true,
            next_runs: vec![Timestamp::default()],
            cron: "* * * * *".into(),
            ..Default::default()
        };
        let view = explain(view, Utc::now());
        assert_eq!((view.meaning.as_str(), view.next_runs), ("Every minute", Vec::new()));
    }

    #[test]
    fn next_times_are_those_of_the_zone_and_the_calendar() {
        let next = |cron: &str, zone: &str, now: &str| {
            let view = ScheduleView { cron: cron.into(), time_zone: zone.into(), ..Default::default() };
            let view = explain(view, now.parse().unwrap());
            let text = |at: Timestamp| {
                DateTime::from_timestamp(at.seconds, 0).unwrap().format("%a %d %H:%M:%S").to_string()
            };
            view.next_runs.into_iter().take(3).map(text).collect::<Vec<_>>()
        };
        // The clock goes forward on Sunday the 29th.
        assert_eq!(
            next("0 9 * * MON-FRI", "Europe/Paris", "2026-03-27T00:00:00Z"),
            ["Fri 27 08:00:00", "Mon 30 07:00:00", "Tue 31 07:00:00"]
        );
        assert_eq!(
            next("0 9-17 * * MON-FRI", "America/New_York", "2026-07-03T20:30:00Z"),
            ["Fri 03 21:00:00", "Mon 06 13:00:00", "Mon 06 14:00:00"]
        );
        assert_eq!(
            next("0 0 1 * *", "", "2026-01-31T00:00:00Z"),
            ["Sun 01 00:00:00", "Sun 01 00:00:00", "Wed 01 00:00:00"]
        );
        assert_eq!(
            next("*/30 * * * * *", "", "2026-01-31T00:00:00Z"),
            ["Sat 31 00:00:30", "Sat 31 00:01:00", "Sat 31 00:01:30"]
        );
    }

    #[test]
    fn an_answer_says_what_the_expression_means_and_when_it_fires() {
        let view =
            ScheduleView { cron: "0 9 * * *".into(), time_zone: "Europe/Paris".into(), ..Default::default() };
        let view = explain(view, DateTime::UNIX_EPOCH);
        assert!(!view.meaning.is_empty());
        let hours: Vec<_> = view.next_runs.iter().map(|at| at.seconds / 3600).collect();
        assert_eq!(hours, [8, 32, 56, 80, 104]);
    }
}
