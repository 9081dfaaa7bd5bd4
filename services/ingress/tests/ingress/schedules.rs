use std::{collections::BTreeMap, sync::Mutex};

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
        };
        ScheduleReply { what: Some(what) }
    }
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
