use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;
use signalbox_domain::{
    Action, ConflictPolicy, OutcomeExt, OutcomeKind, Reason, Trigger, WorkflowAction, of_command,
};

use crate::stack::{Reaction, Stack, accepted, eventually, refused};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_trigger_is_answered_when_temporal_has_accepted() {
    let mut stack = Stack::start("10s").await;
    stack.on_command(|command| Reaction::Tell(vec![accepted(command)]));
    let answer = stack.send(Method::POST, "/trigger-workflow/a%2Fb", &[("traceparent", PARENT)], "").await;
    assert_eq!(answer.status, 200);
    let event = answer.body["event_id"].as_str().unwrap();
    assert_eq!(
        answer.body,
        json!({
            "workflow_id": "a/b", "status": "started", "run_id": "run-1", "event_id": event,
            "links": {"result": "/workflow-result/a%2Fb", "workflow": "/workflows/a%2Fb", "event": format!("/events/{event}")}
        })
    );
    let command = stack.commands.lock().unwrap().pop().unwrap();
    let Action::Workflow(_, WorkflowAction::Start(start)) = &command.action else { panic!("{command:?}") };
    assert_eq!((start.workflow_type.as_str(), start.task_queue.as_str()), ("CronWorkflow", "lab6-queue"));
    assert_eq!(
        (&start.args[0].bytes()[..], start.conflict_policy),
        (&b"\"HTTP Triggered\""[..], ConflictPolicy::Fail)
    );
    assert_eq!((command.origin.trigger, command.origin.event.id.as_str()), (Trigger::Http, event));
    assert_eq!(command.trace.traceparent(), Some(PARENT));
}

#[tokio::test]
async fn a_trigger_of_a_running_workflow_is_refused() {
    let mut stack = Stack::start("10s").await;
    stack.on_command(|command| Reaction::Tell(vec![refused(command, Reason::WorkflowRunning)]));
    let answer = stack.post("/trigger-workflow/a?name=World").await;
    assert_eq!((answer.status, &answer.body["detail"]), (400, &json!("Temporal says workflow-running")));
    assert_eq!(answer.body["code"], "workflow-running");
}

#[tokio::test]
async fn signals_are_sent_or_refused() {
    let mut stack = Stack::start("10s").await;
    stack.on_command(|command| {
        Reaction::Tell(vec![match command.key() {
            "runs" => accepted(command),
            _ => refused(command, Reason::WorkflowNotFound),
        }])
    });
    let sent = stack.post("/signal-workflow/runs?message=h%C3%A9+there").await;
    assert_eq!(
        (sent.status, &sent.body["signal"], &sent.body["message"]),
        (200, &json!("sent"), &json!("hé there"))
    );
    let stopped = stack.post("/stop-workflow/runs").await;
    assert_eq!(
        (stopped.status, &stopped.body["workflow_id"], &stopped.body["signal"]),
        (200, &json!("runs"), &json!("stop sent"))
    );
    for path in ["/signal-workflow/gone?message=hi", "/stop-workflow/gone"] {
        let answer = stack.post(path).await;
        assert_eq!(
            (answer.status, &answer.body["detail"]),
            (404, &json!("Temporal says workflow-not-found"))
        );
    }
    let labels: Vec<_> =
        stack.commands.lock().unwrap().iter().map(|command| command.action.label()).collect();
    assert_eq!(labels.iter().filter(|label| *label == "signal:add_message").count(), 2);
    assert_eq!(labels.iter().filter(|label| *label == "signal:stop_processing").count(), 2);
}

#[tokio::test]
async fn past_the_wait_a_command_is_pending_and_can_be_looked_up() {
    let mut stack = Stack::start("300ms").await;
    let answer = stack.post("/trigger-workflow/late").await;
    let event = answer.body["event_id"].as_str().unwrap().to_owned();
    let look = format!("/events/{event}");
    assert_eq!((answer.status, answer.location.as_deref()), (202, Some(look.as_str())));
    assert_eq!(
        (&answer.body["workflow_id"], &answer.body["status"], &answer.body["look"]),
        (&json!("late"), &json!("accepted"), &json!(look))
    );
    let unknown = stack.get(&look).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("event-not-found")));

    stack.on_command(|command| Reaction::Tell(vec![accepted(command)]));
    let known = eventually(async || {
        let known = stack.get(&look).await;
        if known.status == 200 { Ok(known.body) } else { Err(known.body) }
    })
    .await;
    let outcome = &known["outcomes"][0];
    assert_eq!(
        (&outcome["result"], &outcome["workflow_id"], &outcome["run_id"]),
        (&json!("started"), &json!("late"), &json!("run-1"))
    );
}

#[tokio::test]
async fn while_it_is_tried_again_the_caller_is_told_so() {
    let mut stack = Stack::start("1s").await;
    stack.on_command(|command| {
        let outcome = of_command(command, 1, chrono::Utc::now());
        Reaction::Tell(vec![outcome.because(OutcomeKind::Retrying, Reason::Refused, "Temporal is away")])
    });
    let answer = stack.post("/trigger-workflow/a").await;
    assert_eq!(
        (answer.status, &answer.body["detail"]),
        (202, &json!("stored; is tried again: Temporal is away"))
    );
}

#[tokio::test]
async fn the_same_key_has_one_effect_and_one_answer() {
    let mut stack = Stack::start("10s").await;
    stack.on_command(|command| Reaction::Tell(vec![accepted(command)]));
    let key = [("idempotency-key", "order 7/é".trim_end_matches('é'))];
    let first = stack.send(Method::POST, "/trigger-workflow/a", &key, "").await;
    let again = stack.send(Method::POST, "/trigger-workflow/a", &key, "").await;
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert_eq!(first.body["event_id"], "order 7/");
    assert_eq!(stack.commands.lock().unwrap().len(), 1);
    // Another workflow is another effect of the same event.
    assert_eq!(stack.send(Method::POST, "/trigger-workflow/b", &key, "").await.status, 200);
    assert_eq!(stack.commands.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_lost_reply_is_found_in_the_ledger() {
    let mut stack = Stack::start("1s").await;
    stack.on_command(|command| Reaction::Record(vec![accepted(command)]));
    let answer = stack.post("/trigger-workflow/a").await;
    assert_eq!((answer.status, &answer.body["run_id"]), (200, &json!("run-1")));
}

#[tokio::test]
async fn many_callers_get_each_their_own_outcome() {
    let mut stack = Stack::start("10s").await;
    let runs = AtomicUsize::new(0);
    stack.on_command(move |command| {
        let outcome = of_command(command, 1, chrono::Utc::now());
        let run = format!("{}-{}", command.key(), runs.fetch_add(1, Ordering::Relaxed));
        Reaction::Tell(vec![outcome.accepted(&command.action, run)])
    });
    let paths: Vec<_> = (0..50).map(|n| (format!("w{n}"), format!("/trigger-workflow/w{n}"))).collect();
    let answers = futures::future::join_all(paths.iter().map(|(_, path)| stack.post(path))).await;
    for ((id, _), answer) in paths.iter().zip(answers) {
        assert_eq!((answer.status, &answer.body["workflow_id"]), (200, &json!(id)));
        assert!(answer.body["run_id"].as_str().unwrap().starts_with(&format!("{id}-")), "{}", answer.body);
    }
}
