//! Schedules of any kind, as the scheduler manager is asked for them.

use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use signalbox_proto::{
    names::{service, subject},
    v1::{
        PlannedSchedule, Problem, ScheduleDeleted, SchedulePlan, ScheduleReply, ScheduleRequest,
        ScheduleView, ScheduledRun, planned_schedule::Step, schedule_reply::What, schedule_request,
    },
};

use crate::stack::Stack;

const ENTRY: &str =
    r#"{"id":"report","cron":"0 9 * * MON-FRI","time_zone":"Europe/Paris","emit":"events.reports.due"}"#;

/// Remembers what was asked, and answers with one schedule.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<ScheduleRequest>>>);

impl Asked {
    fn reply(&self, request: ScheduleRequest) -> ScheduleReply {
        use schedule_request::What::{Change, Delete, Plan};
        let what = match request.what.as_ref().unwrap() {
            Delete(delete) if delete.schedule_id == "declared" => {
                What::Problem(Problem { code: "schedule-declared".into(), detail: "change it there".into() })
            }
            Change(change) if change.schedule_id == "gone" => {
                What::Problem(Problem { code: "schedule-not-found".into(), detail: "it is gone".into() })
            }
            Delete(delete) => What::Deleted(ScheduleDeleted { schedule_id: delete.schedule_id.clone() }),
            Plan(_) => What::Plan(SchedulePlan {
                version: "0123".into(),
                steps: vec![PlannedSchedule {
                    schedule_id: "report".into(),
                    step: Step::Change.into(),
                    differences: vec!["time_zone".into()],
                }],
                unchanged: 3,
            }),
            _ => What::Schedule(view()),
        };
        self.0.lock().unwrap().push(request);
        ScheduleReply { what: Some(what) }
    }

    fn last(&self) -> ScheduleRequest {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

fn view() -> ScheduleView {
    let at = prost_types::Timestamp { seconds: 1_767_225_600, nanos: 0 };
    let run = ScheduledRun { workflow_id: "report-1".into(), run_id: "r".into(), scheduled_at: Some(at) };
    ScheduleView {
        schedule_id: "report".into(),
        cron: "0 9 * * MON-FRI".into(),
        time_zone: "Europe/Paris".into(),
        meaning: "At 09:00".into(),
        next_runs: vec![at],
        workflow_type: "EmitEvent".into(),
        recent_runs: vec![run],
        declaration: ENTRY.into(),
        runs: 9,
        missed: 1,
        skipped: 2,
        runs_left: Some(4),
        ..Default::default()
    }
}

async fn stack() -> (Stack, Asked) {
    let mut stack = Stack::start("5s").await;
    let asked = Asked::default();
    let manager = asked.clone();
    stack.on_question(service::SCHEDULER, subject::SCHEDULE, move |request| manager.reply(request)).await;
    (stack, asked)
}

async fn json(stack: &Stack, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let answer = stack.send(method, path, &headers, &body.to_string()).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_schedule_is_made_of_an_entry_and_told_with_links() {
    let (stack, asked) = stack().await;
    let entry: Value = serde_json::from_str(ENTRY).unwrap();
    let (status, made) = json(&stack, Method::POST, "/schedules", &entry).await;
    assert_eq!(status, 201, "{made}");
    let request = asked.last();
    let Some(schedule_request::What::Create(create)) = request.what else { panic!("{request:?}") };
    let spec = create.schedule.unwrap();
    assert_eq!((request.request_id.as_str(), spec.declaration.as_str()), ("k-1", ENTRY));
    assert_eq!((&made["schedule"], &made["status"]), (&entry, &json!("scheduled")));
    assert_eq!(made["runs"], json!({ "started": 9, "missed": 1, "skipped": 2, "dropped": 0, "left": 4 }));
    assert_eq!(made["links"]["self"], "/schedules/report");
    assert_eq!(made["recent_runs"][0]["links"]["workflow"], "/workflows/report-1");
    assert_eq!(made["recent_runs"][0]["scheduled_at"], "2026-01-01T00:00:00Z");
    assert_eq!(stack.get("/schedules/report").await.body, made);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_field_reason_and_suggestion() {
    let (stack, asked) = stack().await;
    for (entry, words) in [
        (json!({"id": "a", "cron": "61 * * * *", "emit": "events.a"}), ["`cron`", "61"]),
        (json!({"id": "a", "cron": "@daily", "emit": "orders.a"}), ["`emit`", "events.reports.due"]),
        (json!({"id": "a", "cron": "@daily"}), ["`start` or `emit`", "emit: events."]),
        (json!({"cron": "@daily", "emit": "events.a"}), ["missing field", "id"]),
        (json!({"id": "a", "crom": "@daily", "emit": "events.a"}), ["crom", "did you mean `cron`"]),
        (json!({"id": "preview", "cron": "@daily", "emit": "events.a"}), ["preview", "another id"]),
    ] {
        let (status, refused) = json(&stack, Method::POST, "/schedules", &entry).await;
        assert_eq!((status, &refused["code"]), (400, &json!("bad-schedule")), "{entry}: {refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{entry}: {detail}");
    }
    assert_eq!(json(&stack, Method::POST, "/schedules", &json!([])).await.0, 422);
    assert!(asked.0.lock().unwrap().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn the_rest_of_its_life() {
    let (stack, asked) = stack().await;
    let entry = json!({"cron": "30 8 * * *", "emit": "events.reports.due"});
    let (status, changed) = json(&stack, Method::PUT, "/schedules/report", &entry).await;
    assert_eq!((status, &changed["status"]), (200, &json!("changed")), "{changed}");
    let Some(schedule_request::What::Change(change)) = asked.last().what else { panic!() };
    let declared: Value = serde_json::from_str(&change.declaration).unwrap();
    assert_eq!((declared["id"].as_str(), change.schedule_id.as_str()), (Some("report"), "report"));
    assert_eq!(json(&stack, Method::PUT, "/schedules/gone", &entry).await.0, 404);

    for (act, body, status) in [
        ("pause", json!({"note": "by night"}), "paused"),
        ("resume", json!({}), "resumed"),
        ("trigger", json!({"args": [{"who": "me"}]}), "triggered"),
        ("trigger", json!({}), "triggered"),
        (
            "backfill",
            json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00+01:00"}),
            "backfilled",
        ),
    ] {
        let (code, done) = json(&stack, Method::POST, &format!("/schedules/report/{act}"), &body).await;
        assert_eq!((code, &done["status"]), (200, &json!(status)), "{act}: {done}");
        if let Some(schedule_request::What::Trigger(trigger)) = asked.last().what {
            let args = trigger.args.map(|args| args.args);
            assert_eq!(args.is_some(), body["args"].is_array());
            assert!(args.is_none_or(|args| args == [&br#"{"who":"me"}"#[..]]));
        }
    }
    for (act, body) in
        [("backfill", json!({})), ("pause", json!({"notes": 1})), ("trigger", json!({"args": 1}))]
    {
        assert_eq!(
            json(&stack, Method::POST, &format!("/schedules/report/{act}"), &body).await.0,
            422,
            "{act}"
        );
    }
    assert_eq!(stack.delete("/schedules/report").await.status, 200);
    let declared = stack.delete("/schedules/declared").await;
    assert_eq!((declared.status, &declared.body["code"]), (409, &json!("schedule-declared")));
    let plan = stack.get("/schedule-plan").await.body;
    assert_eq!((&plan["steps"][0]["step"], &plan["unchanged"]), (&json!("change"), &json!(3)));
}

#[tokio::test]
async fn times_are_previewed_without_anybody_else() {
    let stack = Stack::start("5s").await;
    let times = json!({"cron": "0 9 * * MON-FRI", "time_zone": "Europe/Paris"});
    let (status, preview) = json(&stack, Method::POST, "/schedules/preview?count=3", &times).await;
    assert_eq!(status, 200, "{preview}");
    assert!(preview["meaning"].as_str().unwrap().contains("09:00"), "{preview}");
    let next = preview["next"].as_array().unwrap();
    assert_eq!(next.len(), 3);
    assert!(next[0]["local"].as_str().unwrap().contains("09:00:00"), "{preview}");
    let (_, never) =
        json(&stack, Method::POST, "/schedules/preview", &json!({"at": "2020-01-01T00:00"})).await;
    assert_eq!(
        (&never["warnings"][0]["kind"], &never["next"]),
        (&json!("never-fires"), &json!([])),
        "{never}"
    );
    let (status, bad) = json(&stack, Method::POST, "/schedules/preview", &json!({"cron": "nine"})).await;
    assert_eq!((status, &bad["code"]), (400, &json!("bad-schedule")));
    assert_eq!(json(&stack, Method::POST, "/schedules/preview?count=0", &times).await.0, 422);
}
