use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use signalbox_proto::{
    names::{service, subject},
    v1::{LookupReply, LookupRequest, Problem, StillRunning, lookup_reply, lookup_request::What},
};

use crate::stack::{Stack, eventually};

fn reply(what: lookup_reply::What) -> LookupReply {
    LookupReply { what: Some(what) }
}

fn problem(code: &str) -> LookupReply {
    reply(lookup_reply::What::Problem(Problem { code: code.into(), detail: format!("it is {code}") }))
}

fn running(run_id: &str) -> LookupReply {
    reply(lookup_reply::What::Running(StillRunning { run_id: run_id.into() }))
}

#[tokio::test]
async fn a_result_is_waited_for_and_is_the_workflows_own() {
    let mut stack = Stack::start("5s").await;
    let asked = AtomicUsize::new(0);
    stack
        .on_question(service::ROUTER, subject::LOOKUP, move |request: LookupRequest| {
            assert!(matches!(request.what, Some(What::Result(_))), "{request:?}");
            match asked.fetch_add(1, Ordering::Relaxed) {
                // Temporal may be away for a moment while a caller waits.
                0 => problem("temporal-away"),
                1 => running("run-1"),
                _ => {
                    assert_eq!(request.run_id, "run-1", "the run that was asked for");
                    reply(lookup_reply::What::Json(br#"{"task": "World",  "n": 1.0}"#.as_slice().into()))
                }
            }
        })
        .await;
    let response = stack.client.get(format!("{}/workflow-result/a", stack.url)).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.text().await.unwrap(), r#"{"task": "World",  "n": 1.0}"#);
}

#[tokio::test]
async fn a_bounded_wait_ends_with_202() {
    let mut stack = Stack::start("5s").await;
    stack.on_question(service::ROUTER, subject::LOOKUP, |_: LookupRequest| running("run-1")).await;
    let answer = stack.get("/workflow-result/a?wait=200ms").await;
    assert_eq!(
        (answer.status, &answer.body["status"], &answer.body["run_id"]),
        (202, &json!("running"), &json!("run-1"))
    );
}

#[tokio::test]
async fn what_has_no_result_says_why() {
    let mut stack = Stack::start("5s").await;
    let route = |request: LookupRequest| problem(&request.workflow_id);
    stack.on_question(service::ROUTER, subject::LOOKUP, route).await;
    for (code, status) in [("workflow-not-found", 404), ("workflow-without-result", 404), ("bad-query", 400)]
    {
        for path in [
            format!("/workflow-result/{code}"),
            format!("/workflows/{code}"),
            format!("/workflows/{code}/queries/state"),
        ] {
            let answer = stack.get(&path).await;
            assert_eq!(
                (answer.status, &answer.body["detail"]),
                (status, &json!(format!("it is {code}"))),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn descriptions_and_queries_are_passed_on() {
    let mut stack = Stack::start("5s").await;
    stack
        .on_question(service::ROUTER, subject::LOOKUP, |request: LookupRequest| {
            let text = match request.what {
                Some(What::Describe(_)) => json!({"status": "running"}),
                Some(What::Query(query)) => json!([query.name, query.args.len()]),
                other => panic!("{other:?}"),
            };
            reply(lookup_reply::What::Json(text.to_string().into()))
        })
        .await;
    assert_eq!(stack.get("/workflows/a").await.body, json!({"status": "running"}));
    assert_eq!(stack.get("/workflows/a/queries/the%20state").await.body, json!(["the state", 0]));
}

#[tokio::test]
async fn without_a_router_look_ups_are_unavailable() {
    let stack = Stack::start("500ms").await;
    for path in ["/workflows/a", "/workflows/a/queries/state", "/workflow-result/a"] {
        let answer = stack.get(path).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("no-service")), "{path}");
    }
}

#[tokio::test]
async fn a_stop_lets_go_of_those_who_wait() {
    let mut stack = Stack::start("5s").await;
    stack.on_question(service::ROUTER, subject::LOOKUP, |_: LookupRequest| running("run-1")).await;
    let waits = stack.get("/workflow-result/a");
    let stops = async {
        eventually(async || {
            let metrics = stack
                .client
                .get(format!("{}/metrics", stack.url))
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let waiting = metrics.lines().find(|line| line.starts_with("signalbox_http_waiting_callers{"));
            if waiting.is_some_and(|line| line.ends_with(" 1")) { Ok(()) } else { Err(json!(waiting)) }
        })
        .await;
        stack.stop.cancel();
    };
    let (answer, ()) = tokio::join!(waits, stops);
    assert_eq!((answer.status, &answer.body["detail"]), (503, &json!("stopping, ask again")));
}
