//! What people do with schedules, declared and others: by hand in Temporal, and by calls.

use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use signalbox_proto::v1::{
    BackfillSchedule, ChangeSchedule, CreateSchedule, DeleteSchedule, DescribeSchedule, PauseSchedule,
    ResumeSchedule, ScheduleArgs, ScheduleSpec, TriggerSchedule,
};

use super::*;

fn describe(id: &str) -> What {
    What::Describe(DescribeSchedule { schedule_id: id.into() })
}

impl Scheduled {
    /// Makes or changes a schedule by hand.
    async fn by_hand(&self, what: &str, id: &str, more: &[&str]) {
        let all = ["--schedule-id", id, "--type", "Other", "--task-queue", "other", "--workflow-id", id];
        self.temporal(&[&[what], all.as_slice(), more].concat()).await;
    }

    /// The runs of a schedule that Temporal's index has: their ids and inputs.
    async fn runs(&self, id: &str, count: usize) -> Vec<(String, Value)> {
        let query = format!("TemporalScheduledById = '{id}'");
        let runs = eventually(SOON, async || {
            let listed = self.of_temporal(&["workflow", "list", "--query", &query, "-o", "json"]).await;
            let listed: Vec<Value> = serde_json::from_str(&listed)?;
            ensure!(listed.len() == count, "{listed:?}");
            Ok(listed)
        })
        .await;
        let mut found = Vec::new();
        for run in runs {
            let id = run["execution"]["workflowId"].as_str().unwrap().to_owned();
            let shown = self.of_temporal(&["workflow", "show", "--workflow-id", &id, "-o", "json"]).await;
            let shown: Value = serde_json::from_str(&shown).unwrap();
            let started = &shown["events"][0]["workflowExecutionStartedEventAttributes"];
            found.push((id, started["input"].clone()));
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_made_by_hand_is_left_alone() {
    let scheduled = Scheduled::start().await;
    let every_year = ["--cron", "0 9 1 1 *"];
    scheduled.by_hand("create", "mine", &every_year).await;
    scheduled.by_hand("create", "other", &every_year).await;
    let before = scheduled.in_temporal("mine").await;
    scheduled.apply(&[yearly("mine", ""), yearly("made", "")]).await;
    scheduled.lists(&["made", "mine", "other"]).await;
    let manager = scheduled.manager();
    manager.pass().await;
    assert_eq!(scheduled.planned("mine").await, Some((Step::Conflict, vec![])));
    assert_eq!(scheduled.plan().await.unchanged, 1);
    assert_eq!(manager.sum("conflicts", "").await.unwrap(), 1.0);
    assert_eq!(manager.writes().await, 1.0);
    assert_eq!(scheduled.in_temporal("mine").await, before);
    let told = scheduled.stack.log(Service::SchedulerManager).join("\n");
    assert_eq!(told.matches("was not made by reconciling").count(), 1, "once, not once a pass: {told}");

    scheduled.temporal(&["delete", "--schedule-id", "mine"]).await;
    scheduled.settled().await;
    let made = scheduled.in_temporal("mine").await;
    assert_eq!(made["schedule"]["action"]["startWorkflow"]["workflowType"]["name"], "Nobody");
    scheduled.apply(&[]).await;
    scheduled.lists(&["other"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_in_temporal_is_told_and_mended() {
    let mut scheduled = Scheduled::start().await;
    scheduled.apply(&[yearly("report", ", overlap: buffer-one")]).await;
    scheduled.lists(&["report"]).await;
    scheduled.settled().await;
    scheduled
        .by_hand(
            "update",
            "report",
            &["--cron", "0 9 1 1 *", "--time-zone", "UTC", "--overlap-policy", "AllowAll"],
        )
        .await;
    let expected = [
        "overlap: BUFFER_ONE, Temporal has ALLOW_ALL",
        "task_queue: nobody, Temporal has other",
        "workflow_type: Nobody, Temporal has Other",
    ];
    let (step, differences) = scheduled.planned("report").await.unwrap();
    assert_eq!(step, Step::Change);
    let view = scheduled.view(describe("report")).await;
    for difference in expected {
        assert!(differences.iter().any(|told| told == difference), "{difference}: {differences:#?}");
        assert!(view.drift.iter().any(|told| told == difference), "{difference}: {view:?}");
    }
    // The list does not tell of it.
    scheduled.manager().pass().await;
    assert_eq!(scheduled.manager().sum("writes_total", "kind=\"mend\"").await.unwrap(), 0.0);

    scheduled.stack.stop(Service::SchedulerManager).await.unwrap();
    scheduled.stack.set("SIGNALBOX_MEND_EVERY", "1s");
    scheduled.stack.launch_all(&[Service::SchedulerManager]).await.unwrap();
    scheduled.settled().await;
    let manager = scheduled.manager();
    assert_eq!(manager.sum("writes_total", "kind=\"mend\"").await.unwrap(), 1.0);
    assert!(scheduled.view(describe("report")).await.drift.is_empty());
    // When it runs, and whether it is paused if that is declared, the list tells.
    scheduled.apply(&[yearly("report", ", overlap: buffer-one, paused: false")]).await;
    scheduled.settled().await;
    scheduled.temporal(&["toggle", "--schedule-id", "report", "--pause", "--reason", "by hand"]).await;
    eventually(SOON, async || {
        let report = scheduled.in_temporal("report").await;
        ensure!(report["schedule"]["state"]["paused"] != true, "{report}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_schedule_is_operated_by_calls_and_changed_by_its_file_alone() {
    let scheduled = Scheduled::start().await;
    scheduled.apply(&[yearly("report", "")]).await;
    scheduled.lists(&["report"]).await;
    scheduled.settled().await;
    let id = || "report".to_owned();
    let declaration = || yearly("report", ", note: other");
    let spec = ScheduleSpec { schedule_id: id(), declaration: declaration(), ..Default::default() };
    for what in [
        What::Change(ChangeSchedule { schedule_id: id(), declaration: declaration(), ..Default::default() }),
        What::Change(ChangeSchedule {
            schedule_id: id(),
            cron: Some("* * * * *".into()),
            ..Default::default()
        }),
        What::Delete(DeleteSchedule { schedule_id: id() }),
        What::Create(CreateSchedule { schedule: Some(spec) }),
    ] {
        assert_eq!(scheduled.refused(what).await, "schedule-declared");
    }
    let paused = scheduled.view(What::Pause(PauseSchedule { schedule_id: id(), note: "wait".into() })).await;
    assert!(paused.declared && paused.paused && paused.meaning.contains("09:00"), "{paused:?}");
    assert!(paused.declaration.contains("Nobody") && paused.drift.is_empty(), "{paused:?}");
    scheduled.manager().pass().await;
    assert!(scheduled.view(describe("report")).await.paused, "pausing by hand is no drift");
    assert_eq!(scheduled.plan().await.unchanged, 1);
    let resumed = scheduled.view(What::Resume(ResumeSchedule { schedule_id: id() })).await;
    assert!(!resumed.paused && resumed.next_runs.len() == 5, "{resumed:?}");
    scheduled.view(What::Trigger(TriggerSchedule { schedule_id: id(), args: None })).await;
    let at = |seconds| Some((SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into());
    // 2025-01-01T09:00:00Z.
    let backfill = BackfillSchedule { schedule_id: id(), from: at(1_735_722_000), to: at(1_735_722_001) };
    scheduled.view(What::Backfill(backfill)).await;
    scheduled.runs("report", 2).await;
    let listed = eventually(SOON, async || {
        let view = scheduled.view(describe("report")).await;
        ensure!(view.runs == 2 && view.recent_runs.len() == 2, "{view:?}");
        Ok(view)
    })
    .await;
    assert_eq!((listed.missed, listed.skipped, listed.dropped, listed.runs_left), (0, 0, 0, None));
    scheduled.manager().pass().await;
    assert_eq!(scheduled.manager().writes().await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_a_call_is_not_the_route_set_s() {
    let scheduled = Scheduled::start().await;
    scheduled.apply(&[yearly("declared", "")]).await;
    scheduled.lists(&["declared"]).await;
    let spec = |declaration: String| {
        let schedule = ScheduleSpec { schedule_id: "called".into(), declaration, ..Default::default() };
        What::Create(CreateSchedule { schedule: Some(schedule) })
    };
    assert_eq!(scheduled.refused(spec("{ id: called, cron: 61 * * * * }".into())).await, "bad-schedule");
    let of = "{ id: called, every: 12h, time_zone: Europe/Paris, runs: 9, emit: events.called }";
    let made = scheduled.view(spec(of.into())).await;
    assert_eq!((made.declared, made.runs_left, made.next_runs.len()), (false, Some(9), 5));
    assert_eq!((made.workflow_type.as_str(), made.time_zone.as_str()), ("EmitEvent", "Europe/Paris"));
    assert!(made.declaration.contains("events.called") && made.meaning.contains("12 h"), "{made:?}");
    assert!(made.drift.is_empty(), "{made:?}");

    let of =
        "{ id: called, cron: 0 9 * * *, overlap: cancel-other, start: { workflow: Nobody, task_queue: q } }";
    let change =
        ChangeSchedule { schedule_id: "called".into(), declaration: of.into(), ..Default::default() };
    let changed = scheduled.view(What::Change(change)).await;
    assert_eq!((changed.workflow_type.as_str(), changed.time_zone.as_str()), ("Nobody", "UTC"));
    assert!(changed.declaration.contains("cancel-other") && changed.drift.is_empty(), "{changed:?}");
    assert_eq!(changed.runs_left, None);
    let called = scheduled.in_temporal("called").await;
    assert_eq!(called["schedule"]["policies"]["overlapPolicy"], "SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER");

    scheduled.apply(&[]).await;
    scheduled.lists(&["called"]).await;
    let deleted = What::Delete(DeleteSchedule { schedule_id: "called".into() });
    let deleted = scheduled.call("delete", deleted).await;
    assert!(matches!(deleted, schedule_reply::What::Deleted(_)), "{deleted:?}");
    scheduled.lists(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_arguments_are_for_one_run_once() {
    let mut scheduled = Scheduled::start().await;
    let emits =
        "{ id: emits, cron: 0 9 1 1 *, emit: { subject: events.due, type: due, data: { n: 0 } } }".to_owned();
    scheduled.apply(&[yearly("report", ""), emits]).await;
    scheduled.lists(&["emits", "report"]).await;
    let trigger = |id: &str, args: &[Value]| {
        let args = args.iter().map(|arg| arg.to_string().into()).collect();
        What::Trigger(TriggerSchedule { schedule_id: id.into(), args: Some(ScheduleArgs { args }) })
    };
    let with = [json!({ "who": "me" }), json!(7)];
    for _ in 0..2 {
        scheduled.call("one", trigger("report", &with)).await;
    }
    // Another manager finds what this one remembers.
    scheduled.runs("report", 1).await;
    scheduled.stack.kill(Service::SchedulerManager).unwrap();
    scheduled.stack.launch_all(&[Service::SchedulerManager]).await.unwrap();
    scheduled.call("one", trigger("report", &with)).await;
    scheduled.call("two", trigger("report", &[])).await;
    let runs = scheduled.runs("report", 2).await;
    let (id, input) = runs.iter().find(|(_, input)| !input["payloads"].is_null()).unwrap();
    assert!(id.starts_with("report-2") && id.ends_with('Z'), "{id}");
    assert_eq!(input["payloads"].as_array().unwrap().len(), 2, "{input}");
    let run = scheduled.of_temporal(&["workflow", "describe", "--workflow-id", id, "-o", "json"]).await;
    assert!(run.contains("SignalboxTrigger") && run.contains("TemporalScheduledStartTime"), "{run}");
    // The schedule has its own as before.
    assert!(scheduled.planned("report").await.is_none());

    assert_eq!(scheduled.refused(trigger("emits", &[])).await, "bad-request");
    scheduled.view(trigger("emits", &[json!({ "n": 1 })])).await;
    let (_, input) = scheduled.runs("emits", 1).await.remove(0);
    let data = input["payloads"][0]["data"].as_str().unwrap();
    let event = json!({ "subject": "events.due", "type": "due", "data": { "n": 1 } });
    assert_eq!(serde_json::from_slice::<Value>(&STANDARD.decode(data).unwrap()).unwrap(), event);
}
