//! From a desired schedule as it came to one that Temporal can be told of. Pure.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use signalbox_domain::{ScheduleId, Start};
use signalbox_proto::v1::{ChangeSchedule, Problem, ScheduleSpec, ScheduleView};
use signalbox_routing::DeclaredSchedule;
use signalbox_schedules::{Cron, Policies, Timing, time_zone};
use signalbox_telemetry::Chain;
use signalbox_temporal::{NewSchedule, Source};

use crate::desired::Desired;

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
pub(crate) fn changed(
    current: ScheduleSpec,
    change: ChangeSchedule,
    request_id: String,
) -> Result<ScheduleSpec, Problem> {
    let mut wanted = current.clone();
    if !change.declaration.is_empty() {
        let ScheduleSpec { schedule_id, created_at, .. } = wanted;
        wanted =
            ScheduleSpec { schedule_id, created_at, declaration: change.declaration, ..Default::default() };
    } else if !wanted.declaration.is_empty() {
        let detail = "the schedule was made with a declaration; change it with one";
        return Err(problem("bad-request", detail));
    }
    wanted.cron = change.cron.unwrap_or(wanted.cron);
    wanted.time_zone = change.time_zone.unwrap_or(wanted.time_zone);
    if let (Some(start), Some(new)) = (wanted.start.as_mut(), change.args) {
        start.args = new.args;
    }
    Ok(ScheduleSpec { request_id, confirmed: false, previous: Some(Box::new(current)), ..wanted })
}

/// Checks everything that can be checked without Temporal.
pub(crate) fn check(spec: &ScheduleSpec) -> Result<Desired, Problem> {
    if !spec.declaration.is_empty() {
        return declared(spec);
    }
    let id = schedule_id(&spec.schedule_id)?;
    let cron: Cron = spec.cron.parse().map_err(|error| problem("bad-cron", error))?;
    let zone = time_zone(&spec.time_zone).map_err(|error| problem("bad-time-zone", error))?;
    let start = spec.start.clone().ok_or_else(|| problem("bad-request", "the schedule starts nothing"))?;
    let start = Start::try_from(start).map_err(|error| problem("bad-request", error))?;
    let timing = Timing::of_cron(&cron, zone);
    let schedule = NewSchedule {
        request_id: spec.request_id.clone(),
        specification: timing.specification().clone(),
        policies: Policies::default(),
        runs: None,
        paused: None,
        note: String::new(),
        start,
        workflow_id: if spec.workflow_id.is_empty() { id.to_string() } else { spec.workflow_id.clone() },
        source: Source {
            cron: spec.cron.clone(),
            time_zone: zone.name().to_owned(),
            declaration: String::new(),
        },
        declared: None,
        id,
    };
    Ok(Desired { schedule, timing })
}

fn declared(spec: &ScheduleSpec) -> Result<Desired, Problem> {
    let declared =
        DeclaredSchedule::read(&spec.declaration).map_err(|faults| problem("bad-schedule", faults))?;
    if spec.schedule_id != declared.id.as_str() {
        let detail = format!("the schedule `{}` is declared with the id `{}`", spec.schedule_id, declared.id);
        return Err(problem("bad-request", detail));
    }
    Ok(Desired::called(&declared, spec.request_id.clone()))
}

/// When a schedule runs, and what that means in words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct When {
    pub(crate) meaning: String,
    pub(crate) timing: Timing,
}

impl When {
    /// Of a schedule that is desired so.
    pub(crate) fn of(desired: &Desired) -> Self {
        let cron = desired.schedule.source.cron.parse::<Cron>();
        let meaning = cron.map_or_else(|_| desired.timing.meaning(), |cron| cron.meaning());
        Self { meaning, timing: desired.timing.clone() }
    }

    /// Of a schedule that says itself of which expression it was made.
    pub(crate) fn said(view: &ScheduleView) -> Option<Self> {
        let (cron, zone) = (view.cron.parse::<Cron>().ok()?, time_zone(&view.time_zone).ok()?);
        Some(Self { meaning: cron.meaning(), timing: Timing::of_cron(&cron, zone) })
    }

    /// The times after this one.
    pub(crate) fn next_times(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        self.timing.next_times(after)
    }
}

/// Adds the meaning in words and, where Temporal did not tell them, the next times. While it is paused it has none.
pub(crate) fn explain(mut view: ScheduleView, when: Option<&When>, now: DateTime<Utc>) -> ScheduleView {
    if view.paused {
        view.next_runs.clear();
    }
    let Some(when) = when else { return view };
    view.meaning.clone_from(&when.meaning);
    if view.next_runs.is_empty() && !view.paused && view.runs_left != Some(0) {
        view.next_runs = when.next_times(now).take(NEXT_RUNS).map(timestamp).collect();
    }
    view
}

/// What it is desired to be, where that is known better than Temporal's own memo tells it.
pub(crate) fn overlay(view: &mut ScheduleView, desired: &Desired) {
    let source = &desired.schedule.source;
    (view.cron, view.time_zone) = (source.cron.clone(), source.time_zone.clone());
    view.declaration.clone_from(&source.declaration);
}

/// What Temporal was last told of a schedule.
pub(crate) fn told(spec: ScheduleSpec) -> Option<ScheduleSpec> {
    match spec.previous {
        Some(previous) => Some(*previous),
        None => spec.confirmed.then_some(spec),
    }
}

fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: 0 }
}

pub(crate) fn nats_away(error: signalbox_bus::Error) -> Problem {
    problem("nats-away", Chain(&error))
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
    fn what_a_call_leaves_out_is_filled_in() {
        let new = check(&spec("*/30 * * * * *", "")).unwrap().schedule;
        assert_eq!((new.source.time_zone.as_str(), new.workflow_id.as_str()), ("UTC", "s"));
        assert_eq!(new.specification.calendars.len(), 1);
        assert_eq!((new.declared, new.paused, new.runs), (None, None, None));
    }

    #[test]
    fn a_declaration_says_all_of_it() {
        let declaration = "{ id: s, every: 1h, runs: 3, overlap: skip, emit: events.a }";
        let spec = ScheduleSpec {
            schedule_id: "s".into(),
            request_id: "r".into(),
            declaration: declaration.into(),
            ..Default::default()
        };
        let new = check(&spec).unwrap().schedule;
        assert_eq!(
            (new.runs, new.start.workflow_type.as_str(), new.request_id.as_str()),
            (Some(3), "EmitEvent", "r")
        );
        assert!(new.source.declaration.contains("events.a"));
        assert_eq!(
            check(&ScheduleSpec { schedule_id: "t".into(), ..spec.clone() }).unwrap_err().code,
            "bad-request"
        );
        let broken = ScheduleSpec { declaration: "{ id: s, every: 1h }".into(), ..spec };
        let refused = check(&broken).unwrap_err();
        assert!(refused.code == "bad-schedule" && refused.detail.contains("emit"), "{refused:?}");
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
        let wanted = |change| changed(current.clone(), change, "r-2".into()).unwrap();
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
    fn a_declaration_replaces_all_and_is_replaced_by_one() {
        let current = ScheduleSpec { confirmed: true, ..spec("0 9 * * *", "") };
        let declaration = "{ id: s, every: 1h, emit: events.a }";
        let change = ChangeSchedule { declaration: declaration.into(), ..Default::default() };
        let wanted = changed(current, change, "r".into()).unwrap();
        assert_eq!(
            (wanted.cron.as_str(), wanted.start.is_none(), wanted.schedule_id.as_str()),
            ("", true, "s")
        );
        assert_eq!(check(&wanted).unwrap().schedule.source.cron, "");
        let to_cron = ChangeSchedule { cron: Some("0 9 * * *".into()), ..Default::default() };
        assert_eq!(changed(wanted, to_cron, "r".into()).unwrap_err().code, "bad-request");
    }

    #[test]
    fn temporal_was_told_of_what_is_confirmed() {
        let confirmed = ScheduleSpec { confirmed: true, ..spec("1 * * * *", "UTC") };
        let change = ScheduleSpec { previous: Some(Box::new(confirmed.clone())), ..spec("2 * * * *", "UTC") };
        assert_eq!(told(confirmed.clone()).as_ref(), Some(&confirmed));
        assert_eq!(told(change), Some(confirmed));
        assert_eq!(told(spec("3 * * * *", "")), None);
    }

    #[test]
    fn a_paused_schedule_has_no_next_time() {
        let view = ScheduleView {
            paused: true,
            next_runs: vec![Timestamp::default()],
            cron: "* * * * *".into(),
            ..Default::default()
        };
        let view = explain(view.clone(), When::said(&view).as_ref(), Utc::now());
        assert_eq!((view.meaning.as_str(), view.next_runs), ("Every minute", Vec::new()));
    }

    #[test]
    fn next_times_are_those_of_the_zone_and_the_calendar() {
        let next = |cron: &str, zone: &str, now: &str| {
            let view = ScheduleView { cron: cron.into(), time_zone: zone.into(), ..Default::default() };
            let view = explain(view.clone(), When::said(&view).as_ref(), now.parse().unwrap());
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
        let view = explain(view.clone(), When::said(&view).as_ref(), DateTime::UNIX_EPOCH);
        assert!(!view.meaning.is_empty());
        let hours: Vec<_> = view.next_runs.iter().map(|at| at.seconds / 3600).collect();
        assert_eq!(hours, [8, 32, 56, 80, 104]);
    }
}
