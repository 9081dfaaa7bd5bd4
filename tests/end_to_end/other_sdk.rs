//! Workflows of whoever owns them: a worker in Python, with Temporal's own SDK, needs no change and no library of ours.

use anyhow::ensure;
use serde_json::{Value, json};
use signalbox_testkit::{Api, OtlpReceiver, Service, Stack, eventually, python_worker};

use crate::{
    SIGNALBOX, SOON, described, expect,
    traces::{complete, way},
};

pub const WITHOUT_WORKER: [Service; 3] = [Service::Ingress, Service::SignalRouter, Service::SchedulerManager];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_in_python_is_served_unchanged() {
    let stack = Stack::start_with(SIGNALBOX, &WITHOUT_WORKER).await.unwrap();
    stack.wait_until_open().await;
    let mut worker = python_worker(&stack.temporal.address(), []).await.unwrap();
    let api = stack.api();
    let all =
        async { tokio::join!(by_http(&api), by_nats(&stack, &api), by_webhook(&api), by_schedule(&api)) };
    tokio::select! {
        _ = all => {}
        ended = worker.ended() => panic!("the worker ended, {ended:?}: {:#?}", worker.last_lines()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_in_python_with_temporals_interceptor_joins_the_trace() {
    let collector = OtlpReceiver::start().unwrap();
    let stack = Stack::traced(SIGNALBOX, &WITHOUT_WORKER, &collector.url()).await.unwrap();
    stack.wait_until_open().await;
    let traced =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned())];
    let _worker = python_worker(&stack.temporal.address(), traced).await.unwrap();
    let api = stack.api();
    let started = api.post("/trigger-workflow/joins?name=Ada").await.unwrap();
    let signalled = api.post("/signal-workflow/joins?message=hi").await.unwrap();
    expect(&api.post("/stop-workflow/joins").await.unwrap(), 200);
    result(&api, "joins").await;
    let services =
        ["ingress", "signal-router", "io.temporal.frontend", "io.temporal.history", "python-worker"];
    let trace = eventually(SOON, async || {
        let trace = collector.trace(started.trace_id());
        let last = trace.find("python-worker", "CompleteWorkflow:CronWorkflow");
        ensure!(last.is_some(), "not yet complete: {trace:?}");
        complete(&trace, &services).map_err(|why| why.context(format!("{trace:?}")))?;
        Ok(trace)
    })
    .await;
    let [run, signal] = ["RunWorkflow:CronWorkflow", "HandleSignal:add_message"]
        .map(|name| trace.find("python-worker", name).unwrap_or_else(|| panic!("no {name}: {trace:?}")));
    let expected = [
        "POST /trigger-workflow/{workflow_id}",
        "publish commands.*",
        "apply commands.*",
        "StartWorkflow:CronWorkflow",
        "RunWorkflow:CronWorkflow",
    ];
    assert_eq!(way(&trace, run), expected, "{trace:?}");
    assert_eq!(trace.roots().count(), 1, "{trace:?}");
    // The Python SDK has the signal in the trace of the run, and links it to the trace of its sender.
    let [(linked, _)] = &signal.links[..] else { panic!("{signal:?}") };
    assert_eq!(linked, signalled.trace_id());
}

async fn by_http(api: &Api) {
    expect(&api.post("/trigger-workflow/by-http?name=Ada").await.unwrap(), 200);
    is_triggered_by(api, "by-http", "http").await;
    for message in ["one", "two%20words", "%C3%BCn%C3%AFc%C3%B6d%C3%A9"] {
        expect(&api.post(&format!("/signal-workflow/by-http?message={message}")).await.unwrap(), 200);
    }
    let asked = eventually(SOON, async || {
        let answer = api.get("/workflows/by-http/queries/waiting_for").await?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(answer.body)
    })
    .await;
    assert_eq!(asked, json!({"messages_to_come": 2}));
    expect(&api.post("/stop-workflow/by-http").await.unwrap(), 200);
    let ended = result(api, "by-http").await;
    assert_eq!(
        (&ended["task"], &ended["messages"]),
        (&json!("Ada"), &json!(["one", "two words", "ünïcödé"]))
    );

    // And to the end of its own accord, at the fifth message.
    expect(&api.post("/trigger-workflow/five").await.unwrap(), 200);
    for n in 1..=5 {
        expect(&api.post(&format!("/signal-workflow/five?message={n}")).await.unwrap(), 200);
    }
    assert_eq!(result(api, "five").await["messages"], json!(["1", "2", "3", "4", "5"]));
}

async fn by_nats(stack: &Stack, api: &Api) {
    let client = stack.nats_client().await.unwrap();
    for (subject, body) in [
        ("events.lab.trigger.by-nats", r#"{"name":"From NATS"}"#),
        ("events.lab.message.by-nats", r#"{"message":"hi"}"#),
        ("events.lab.stop.by-nats", ""),
    ] {
        client.publish(subject, body.into()).await.unwrap();
    }
    client.flush().await.unwrap();
    is_triggered_by(api, "by-nats", "event").await;
    let ended = result(api, "by-nats").await;
    assert_eq!((&ended["task"], &ended["messages"]), (&json!("From NATS"), &json!(["hi"])));
}

async fn by_webhook(api: &Api) {
    let headers = [("content-type", "application/json"), ("x-github-event", "push")];
    let push = json!({"ref": "refs/heads/main", "repository": {"name": "shop"}}).to_string();
    expect(&api.post_body("/webhook/github", &headers, push).await.unwrap(), 200);
    is_triggered_by(api, "deploy-shop", "event").await;
    expect(&api.post("/stop-workflow/deploy-shop").await.unwrap(), 200);
    assert_eq!(result(api, "deploy-shop").await["task"], "Deploy shop");
}

async fn by_schedule(api: &Api) {
    let path = "/schedule-workflow/quick";
    expect(&api.post(&format!("{path}?cron=*/2%20*%20*%20*%20*%20*")).await.unwrap(), 200);
    let runs = eventually(SOON, async || {
        let view = api.get(path).await?;
        let runs = view.body["recent_runs"].as_array().cloned().unwrap_or_default();
        ensure!(runs.len() >= 2, "{}", view.body);
        Ok(runs)
    })
    .await;
    expect(&api.delete(path).await.unwrap(), 200);
    for run in &runs[..2] {
        let id = run["workflow_id"].as_str().unwrap();
        is_triggered_by(api, id, "schedule").await;
        expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
        assert_eq!(result(api, id).await["task"], "Cron Triggered");
    }
}

/// The result, which is this worker's.
async fn result(api: &Api, id: &str) -> Value {
    let answer = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&answer, 200);
    assert_eq!(answer.text("worker"), "python");
    assert!(answer.text("completed_at").starts_with("20"));
    assert_eq!(answer.body["messages_processed"], answer.body["messages"].as_array().unwrap().len());
    answer.body
}

async fn is_triggered_by(api: &Api, id: &str, what: &str) {
    let run = described(api, id).await;
    assert_eq!(
        (&run["type"], &run["search_attributes"]["SignalboxTrigger"]),
        (&json!("CronWorkflow"), &json!(what))
    );
}
