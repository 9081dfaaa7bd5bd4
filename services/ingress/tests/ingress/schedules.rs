use std::{collections::BTreeMap, sync::Mutex};

use reqwest::Method;
use serde_json::json;
use signalbox_proto::{
    names::{service, subject},
    v1::{
        Problem, ScheduleDeleted, ScheduleList, ScheduleReply, ScheduleRequest, ScheduleView,
        schedule_reply::What, schedule_request,
    },
};

use crate::stack::Stack;

/// A scheduler manager that keeps schedules in memory.
#[derive(Default)]
struct Manager(Mutex<BTreeMap<String, ScheduleView>>);

impl Manager {
    fn reply(&self, request: ScheduleRequest) -> ScheduleReply {
        assert!(!request.request_id.is_empty());
        let mut schedules = self.0.lock().unwrap();
        let problem =
            |code: &str| What::Problem(Problem { code: code.into(), detail: format!("it is {code}") });
        let what = match request.what.unwrap() {
            schedule_request::What::Create(create) => {
                let spec = create.schedule.unwrap();
                let start = spec.start.unwrap();
                assert_eq!(
                    (start.workflow_type.as_str(), start.task_queue.as_str()),
                    ("CronWorkflow", "lab6-queue")
                );
                assert_eq!(
                    (&start.args[0][..], &spec.workflow_id),
                    (&b"\"Cron Triggered\""[..], &spec.schedule_id)
                );
                let view = ScheduleView {
                    schedule_id: spec.schedule_id.clone(),
                    cron: spec.cron,
                    time_zone: spec.time_zone,
                    meaning: "every 30 seconds".into(),
                    next_runs: vec![prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 }],
                    ..Default::default()
                };
                match schedules.get(&spec.schedule_id) {
                    _ if view.cron == "never" => problem("bad-cron"),
                    Some(_) => problem("schedule-exists"),
                    None => {
                        schedules.insert(spec.schedule_id, view.clone());
                        What::Schedule(view)
                    }
                }
            }
            schedule_request::What::Describe(describe) => schedules
                .get(&describe.schedule_id)
                .cloned()
                .map_or_else(|| problem("schedule-not-found"), What::Schedule),
            schedule_request::What::List(_) => {
                What::Schedules(ScheduleList { schedules: schedules.values().cloned().collect() })
            }
            schedule_request::What::Delete(delete) => match schedules.remove(&delete.schedule_id) {
                Some(_) => What::Deleted(ScheduleDeleted { schedule_id: delete.schedule_id }),
                None => problem("schedule-not-found"),
            },
            operation => operate(&mut schedules, operation).unwrap_or_else(|| problem("schedule-not-found")),
        };
        ScheduleReply { what: Some(what) }
    }
}

fn operate(
    schedules: &mut BTreeMap<String, ScheduleView>,
    operation: schedule_request::What,
) -> Option<What> {
    use schedule_request::What::{Backfill, Change, Pause, Resume, Trigger};
    let view = match operation {
        Change(change) => {
            let view = schedules.get_mut(&change.schedule_id)?;
            view.cron = change.cron.unwrap_or_else(|| view.cron.clone());
            view.time_zone = change.time_zone.unwrap_or_else(|| view.time_zone.clone());
            view.meaning = change.args.map_or_else(String::new, |args| format!("{:?}", args.args));
            view
        }
        Pause(pause) => {
            let view = schedules.get_mut(&pause.schedule_id)?;
            (view.paused, view.note) = (true, pause.note);
            view
        }
        Resume(resume) => {
            let view = schedules.get_mut(&resume.schedule_id)?;
            (view.paused, view.note) = (false, String::new());
            view
        }
        Trigger(trigger) => schedules.get_mut(&trigger.schedule_id)?,
        Backfill(backfill) => {
            let view = schedules.get_mut(&backfill.schedule_id)?;
            view.next_runs = backfill.from.into_iter().chain(backfill.to).collect();
            view
        }
        other => panic!("{other:?}"),
    };
    Some(What::Schedule(view.clone()))
}

#[tokio::test]
async fn schedules_are_changed_and_operated() {
    let mut stack = Stack::start("5s").await;
    let manager = Manager::default();
    stack.on_question(service::SCHEDULER, subject::SCHEDULE, move |request| manager.reply(request)).await;
    let path = "/schedule-workflow/tick";
    let put = async |query: &str| stack.send(Method::PUT, &format!("{path}{query}"), &[], "").await;
    assert_eq!(put("?name=b").await.status, 404);
    for operation in
        ["pause", "resume", "trigger", "backfill?from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z"]
    {
        let answer = stack.post(&format!("{path}/{operation}")).await;
        assert_eq!(
            (answer.status, &answer.body["detail"]),
            (404, &json!("it is schedule-not-found")),
            "{operation}"
        );
    }
    assert_eq!(stack.post(path).await.status, 200);

    let changed = put("?cron=0+9+*+*+MON-FRI&time_zone=Europe/Paris").await;
    assert_eq!((changed.status, &changed.body["status"]), (200, &json!("changed")));
    let renamed = put("?name=b").await.body;
    assert_eq!(
        (&renamed["cron"], &renamed["time_zone"], &renamed["meaning"]),
        (&json!("0 9 * * MON-FRI"), &json!("Europe/Paris"), &json!(r#"[b"\"b\""]"#))
    );

    let paused = stack.post(&format!("{path}/pause?note=by+night")).await;
    assert_eq!((&paused.body["status"], &paused.body["note"]), (&json!("paused"), &json!("by night")));
    let triggered = stack.post(&format!("{path}/trigger")).await.body;
    assert_eq!((&triggered["status"], &triggered["note"]), (&json!("triggered"), &json!("by night")));
    assert_eq!(stack.get(path).await.body["status"], "paused");
    let resumed = stack.post(&format!("{path}/resume")).await.body;
    assert_eq!((&resumed["status"], resumed.get("note")), (&json!("resumed"), None));
    assert_eq!(stack.get(path).await.body["status"], "scheduled");

    let range = "from=2026-01-01T00:00:00.5Z&to=2026-01-01T02:00:00%2B01:00";
    let backfilled = stack.post(&format!("{path}/backfill?{range}")).await.body;
    assert_eq!(
        (&backfilled["status"], &backfilled["next_runs"]),
        (&json!("backfilled"), &json!(["2026-01-01T00:00:00.500Z", "2026-01-01T01:00:00Z"]))
    );
}

#[tokio::test]
async fn schedules_are_made_told_and_deleted() {
    let mut stack = Stack::start("5s").await;
    let manager = Manager::default();
    stack.on_question(service::SCHEDULER, subject::SCHEDULE, move |request| manager.reply(request)).await;

    let made = stack.post("/schedule-workflow/tick?cron=*/30+*+*+*+*+*").await;
    assert_eq!(made.status, 200);
    let tick = json!({
        "schedule_id": "tick", "cron": "*/30 * * * * *", "status": "scheduled", "meaning": "every 30 seconds",
        "time_zone": "UTC", "next_runs": ["2026-01-01T00:00:00Z"], "workflow_type": "", "recent_runs": []
    });
    assert_eq!(made.body, tick);
    let default = stack.post("/schedule-workflow/minutely").await;
    assert_eq!((default.status, &default.body["cron"]), (200, &json!("* * * * *")));

    assert_eq!(stack.get("/schedule-workflow/tick").await.body, tick);
    assert_eq!(stack.get("/schedule-workflow").await.body["schedules"].as_array().unwrap().len(), 2);

    for (path, code) in
        [("/schedule-workflow/tick", "schedule-exists"), ("/schedule-workflow/x?cron=never", "bad-cron")]
    {
        let answer = stack.post(path).await;
        assert_eq!((answer.status, &answer.body["detail"]), (400, &json!(format!("it is {code}"))));
    }
    let deleted = stack.delete("/schedule-workflow/tick").await;
    assert_eq!((deleted.status, deleted.body), (200, json!({"schedule_id": "tick", "status": "deleted"})));
    assert_eq!(stack.delete("/schedule-workflow/tick").await.status, 404);
    assert_eq!(stack.get("/schedule-workflow/tick").await.status, 404);
}
