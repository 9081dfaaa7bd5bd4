//! From a desired schedule as it came to one that Temporal can be told of. Pure.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use signalbox_domain::{ScheduleId, Start};
use signalbox_proto::v1::{Problem, ScheduleSpec, ScheduleView};
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

/// Adds the meaning in words and, where Temporal did not tell them, the next times.
pub(crate) fn explain(mut view: ScheduleView, now: DateTime<Utc>) -> ScheduleView {
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
    fn an_answer_says_what_the_expression_means_and_when_it_fires() {
        let view =
            ScheduleView { cron: "0 9 * * *".into(), time_zone: "Europe/Paris".into(), ..Default::default() };
        let view = explain(view, DateTime::UNIX_EPOCH);
        assert!(!view.meaning.is_empty());
        let hours: Vec<_> = view.next_runs.iter().map(|at| at.seconds / 3600).collect();
        assert_eq!(hours, [8, 32, 56, 80, 104]);
    }
}
