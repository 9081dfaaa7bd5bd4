//! Schedules with a declaration, and what is planned of them.

use super::*;

#[test]
fn bytes_of_declared_schedules_are_read_and_written_the_same() {
    let declaration = r#"{"id":"nightly","cron":"0 3 * * *","emit":"events.night"}"#;
    let request = |what| ScheduleRequest { request_id: "r-5".into(), what: Some(what) };
    let spec =
        ScheduleSpec { schedule_id: "nightly".into(), declaration: declaration.into(), ..Default::default() };
    let create = CreateSchedule { schedule: Some(spec) };
    check("schedule-declared", &request(schedule_request::What::Create(create)));
    let args = Some(ScheduleArgs { args: vec![b"\"once\"".as_slice().into()] });
    let trigger = TriggerSchedule { schedule_id: "nightly".into(), args };
    check("schedule-trigger", &request(schedule_request::What::Trigger(trigger)));
    check("schedule-plan-request", &request(schedule_request::What::Plan(PlanSchedules {})));
    let step = PlannedSchedule {
        schedule_id: "nightly".into(),
        step: planned_schedule::Step::Change.into(),
        differences: vec!["cron".into()],
    };
    let plan = SchedulePlan { version: "0123".into(), steps: vec![step], unchanged: 3 };
    check("schedule-plan", &ScheduleReply { what: Some(schedule_reply::What::Plan(plan)) });
    let run = ScheduledRun { workflow_id: "nightly-1".into(), run_id: "r".into(), scheduled_at: at() };
    let view = ScheduleView {
        schedule_id: "nightly".into(),
        declaration: declaration.into(),
        declared: true,
        runs: 9,
        missed: 1,
        skipped: 2,
        dropped: 3,
        runs_left: Some(0),
        running: vec![run],
        drift: vec!["cron".into()],
        ..Default::default()
    };
    check("schedule-view", &ScheduleReply { what: Some(schedule_reply::What::Schedule(view)) });
}
