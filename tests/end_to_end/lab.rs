//! Every line of the lab's table, as a student types it.

use std::time::Duration;

use anyhow::ensure;
use async_nats::{HeaderMap, jetstream};
use serde_json::json;
use signalbox_proto::names::{stream, subject};
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, described, expect, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_signalled_stopped_and_gives_its_result() {
    let (_stack, api) = shared().await;
    let id = unique("hello");
    let started = api.post(&format!("/trigger-workflow/{id}?name=Ada")).await.unwrap();
    expect(&started, 200);
    assert_eq!((started.text("workflow_id"), started.text("status")), (id.as_str(), "started"));

    for message in ["one", "two words", "ünïcödé 🚦"] {
        let path = format!("/signal-workflow/{id}");
        let sent =
            api.request(reqwest::Method::POST, &path).query(&[("message", message)]).send().await.unwrap();
        assert_eq!(sent.status(), 200);
        let body: serde_json::Value = sent.json().await.unwrap();
        assert_eq!(
            (&body["workflow_id"], &body["signal"], &body["message"]),
            (&json!(id), &json!("sent"), &json!(message))
        );
    }
    let state = api.get(&format!("/workflows/{id}/queries/progress")).await.unwrap();
    expect(&state, 200);
    assert_eq!(state.body["messages_processed"], 3);

    let stopped = api.post(&format!("/stop-workflow/{id}")).await.unwrap();
    expect(&stopped, 200);
    assert_eq!((stopped.text("workflow_id"), stopped.text("signal")), (id.as_str(), "stop sent"));
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);
    assert_eq!(result.text("task"), "Ada");
    assert_eq!(result.body["messages_processed"], 3);
    assert_eq!(result.body["messages"], json!(["one", "two words", "ünïcödé 🚦"]));
    assert!(result.text("completed_at").starts_with("20"));
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_and_endings_are_the_labs() {
    let (_stack, api) = shared().await;
    let (five, idle) = (unique("five"), unique("idle"));
    for id in [&five, &idle] {
        expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);
    }
    for n in 1..=5 {
        expect(&api.post(&format!("/signal-workflow/{five}?message={n}")).await.unwrap(), 200);
    }
    let result = api.get(&format!("/workflow-result/{five}")).await.unwrap();
    assert_eq!(
        (result.text("task"), &result.body["messages"]),
        ("HTTP Triggered", &json!(["1", "2", "3", "4", "5"]))
    );
    // Nobody signals this one: it completes with what it has after 30 s, it does not fail.
    let result = api.get(&format!("/workflow-result/{idle}")).await.unwrap();
    expect(&result, 200);
    assert_eq!(result.body["messages_processed"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_as_the_table_says() {
    let (_stack, api) = shared().await;
    let id = unique("twice");
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);
    let again = api.post(&format!("/trigger-workflow/{id}")).await.unwrap();
    expect(&again, 400);
    assert!(again.text("detail").contains("running"), "{}", again.body);
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    expect(&api.get(&format!("/workflow-result/{id}")).await.unwrap(), 200);
    // Of a closed workflow the id is free again.
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);

    let gone = unique("gone");
    for path in [format!("/signal-workflow/{gone}?message=x"), format!("/stop-workflow/{gone}")] {
        let answer = api.post(&path).await.unwrap();
        expect(&answer, 404);
        assert!(!answer.text("detail").is_empty());
    }
    let answer = api.get(&format!("/workflow-result/{gone}")).await.unwrap();
    expect(&answer, 404);
    assert!(answer.text("detail").contains(&gone));
    let answer = api.post(&format!("/signal-workflow/{id}")).await.unwrap();
    expect(&answer, 422);
    assert_eq!(answer.body["detail"][0]["loc"], json!(["query", "message"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_lives_its_life() {
    let (_stack, api) = shared().await;
    let id = unique("every-minute");
    let path = format!("/schedule-workflow/{id}");
    let made = api.post(&path).await.unwrap();
    expect(&made, 200);
    assert_eq!(
        (made.text("schedule_id"), made.text("cron"), made.text("status")),
        (id.as_str(), "* * * * *", "scheduled")
    );
    assert_eq!((made.text("meaning"), made.body["next_runs"].as_array().unwrap().len()), ("Every minute", 5));

    expect(&api.post(&path).await.unwrap(), 400);
    let described = api.get(&path).await.unwrap();
    expect(&described, 200);
    assert_eq!(described.text("cron"), "* * * * *");
    eventually(SOON, async || {
        let listed = api.get("/schedule-workflow").await?;
        ensure!(listed.body.to_string().contains(&id), "{}", listed.body);
        Ok(())
    })
    .await;

    let deleted = api.delete(&path).await.unwrap();
    expect(&deleted, 200);
    assert_eq!((deleted.text("schedule_id"), deleted.text("status")), (id.as_str(), "deleted"));
    let gone = api.delete(&path).await.unwrap();
    expect(&gone, 404);
    assert!(gone.text("detail").contains(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_cron_is_refused_with_the_field_and_the_reason() {
    let (_stack, api) = shared().await;
    for (cron, why) in
        [("61 * * * *", "minute: 61"), ("* * *", "field"), ("0 12 ? * MON", "?"), ("nope", "field")]
    {
        let request = api.request(reqwest::Method::POST, "/schedule-workflow/bad").query(&[("cron", cron)]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{cron}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert!(body["detail"].as_str().unwrap().contains(why), "{cron}: {body}");
    }
    expect(&api.get("/schedule-workflow/bad").await.unwrap(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn six_fields_fire_every_few_seconds_and_runs_are_told_apart() {
    let (stack, api) = shared().await;
    let id = unique("quick");
    let request = api.request(reqwest::Method::POST, &format!("/schedule-workflow/{id}"));
    let made = request.query(&[("cron", "*/2 * * * * *")]).send().await.unwrap();
    assert_eq!(made.status(), 200);
    let runs = eventually(Duration::from_secs(20), async || {
        let view = api.get(&format!("/schedule-workflow/{id}")).await?;
        let runs = view.body["recent_runs"].as_array().cloned().unwrap_or_default();
        ensure!(runs.len() >= 3, "{}", view.body);
        Ok(runs)
    })
    .await;
    expect(&api.delete(&format!("/schedule-workflow/{id}")).await.unwrap(), 200);
    let ids: std::collections::HashSet<_> =
        runs.iter().map(|run| run["workflow_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), runs.len(), "each run has an id of its own");
    assert!(ids.iter().all(|run| run.starts_with(&id)), "and it carries the schedule's: {ids:?}");
    let run = described(&api, runs[0]["workflow_id"].as_str().unwrap()).await;
    assert_eq!(
        (&run["type"], &run["search_attributes"]["SignalboxTrigger"]),
        (&json!("CronWorkflow"), &json!("schedule"))
    );
    assert_eq!(run["search_attributes"]["TemporalScheduledById"], json!(id));
    drop(stack);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_starts_a_deploy() {
    let (_stack, api) = shared().await;
    let (real, labs) = (unique("shop"), unique("blog"));
    let body = json!({"ref": "refs/heads/main", "repository": {"name": real, "html_url": "https://example.com/shop"}});
    let delivery = unique("delivery");
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", delivery.as_str()),
    ];
    let processed = api.post_body("/webhook/github", &headers, body.to_string()).await.unwrap();
    expect(&processed, 200);
    assert_eq!(processed.text("status"), "processed");
    let run = described(&api, &format!("deploy-{real}")).await;
    assert_eq!(
        (&run["type"], &run["search_attributes"]["SignalboxTrigger"]),
        (&json!("CronWorkflow"), &json!("event"))
    );

    let body = json!({"action": "push", "repository": {"name": labs}});
    let headers = [("content-type", "application/json")];
    let processed = api.post_body("/webhook/github", &headers, body.to_string()).await.unwrap();
    expect(&processed, 200);
    assert_eq!(processed.text("status"), "processed");
    let state = api.get(&format!("/workflows/deploy-{labs}/queries/progress")).await.unwrap();
    assert_eq!(state.text("task"), format!("Deploy {labs}"));

    let ping = [("content-type", "application/json"), ("x-github-event", "ping")];
    let answer =
        api.post_body("/webhook/github", &ping, json!({"zen": "Keep it simple"}).to_string()).await.unwrap();
    expect(&answer, 200);
    assert_eq!(answer.text("status"), "processed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_sent_again_has_one_effect() {
    let (_stack, api) = shared().await;
    let name = unique("again");
    let body = json!({"repository": {"name": name}}).to_string();
    let delivery = unique("delivery");
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", delivery.as_str()),
    ];
    expect(&api.post_body("/webhook/github", &headers, body.clone()).await.unwrap(), 200);
    let first = described(&api, &format!("deploy-{name}")).await;
    expect(&api.post(&format!("/stop-workflow/deploy-{name}")).await.unwrap(), 200);
    expect(&api.get(&format!("/workflow-result/deploy-{name}")).await.unwrap(), 200);
    let again = api.post_body("/webhook/github", &headers, body).await.unwrap();
    assert!(again.is_success(), "{}", again.body);
    let second = described(&api, &format!("deploy-{name}")).await;
    assert_eq!((&first["run_id"], &second["status"]), (&second["run_id"], &json!("completed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_and_the_documentation_teach() {
    let (_stack, api) = shared().await;
    let page = api.get("/").await.unwrap();
    expect(&page, 200);
    let openapi = api.get("/openapi.json").await.unwrap();
    expect(&openapi, 200);
    for path in [
        "/trigger-workflow/{workflow_id}",
        "/schedule-workflow/{schedule_id}",
        "/signal-workflow/{workflow_id}",
        "/stop-workflow/{workflow_id}",
        "/workflow-result/{workflow_id}",
        "/webhook/github",
    ] {
        assert!(openapi.body["paths"][path].is_object(), "{path}");
        let typed = path.split('{').next().unwrap();
        assert!(page.body.as_str().unwrap().contains(typed), "the page does not teach {path}");
    }
    expect(&api.get("/docs").await.unwrap(), 200);
}

/// JetStream knows a message again for minutes only; here for a moment, so that the call comes again past that.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_a_used_key_has_no_second_effect_however_late() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let commands = jetstream::stream::Config {
        name: stream::COMMANDS.into(),
        subjects: vec![subject::COMMANDS.into()],
        retention: jetstream::stream::RetentionPolicy::WorkQueue,
        duplicate_window: Duration::from_millis(100),
        ..Default::default()
    };
    jetstream.create_stream(commands).await.unwrap();
    stack.launch_all(&Service::ALL).await.unwrap();
    let api = stack.api();
    let call =
        async |path: &str, key: &str| api.post_body(path, &[("Idempotency-Key", key)], "").await.unwrap();
    let started = call("/trigger-workflow/late", "key-1").await;
    expect(&started, 200);
    let signalled = call("/signal-workflow/late?message=once", "key-2").await;
    expect(&signalled, 200);
    let refused = call("/signal-workflow/nobody?message=x", "key-3").await;
    expect(&refused, 404);
    // Without a key each call is one of its own.
    expect(&api.post("/signal-workflow/late?message=each").await.unwrap(), 200);
    forgotten(&jetstream).await;

    expect(&call("/signal-workflow/late?message=once", "key-2").await, 200);
    expect(&api.post("/stop-workflow/late").await.unwrap(), 200);
    let result = api.get("/workflow-result/late").await.unwrap();
    assert_eq!(result.body["messages"], json!(["once", "each"]));
    forgotten(&jetstream).await;

    // The run has ended: repeated, they would start another one, and be refused.
    for (path, key, first) in [
        ("/trigger-workflow/late", "key-1", &started),
        ("/signal-workflow/late?message=once", "key-2", &signalled),
        ("/signal-workflow/nobody?message=x", "key-3", &refused),
    ] {
        let again = call(path, key).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
    }
    assert_eq!(api.get("/workflows/late").await.unwrap().body["run_id"], started.body["run_id"]);
    // Another call under the same key is another effect.
    expect(&call("/trigger-workflow/later", "key-1").await, 200);
}

/// Waits until JetStream has forgotten the commands that it has had until now.
async fn forgotten(jetstream: &jetstream::Context) {
    let id = unique("probe");
    let store = async || {
        let headers =
            HeaderMap::from_iter([("Nats-Msg-Id".parse()?, id.parse::<async_nats::HeaderValue>()?)]);
        // A message without commands.
        anyhow::Ok(jetstream.publish_with_headers("commands.0", headers, "".into()).await?.await?)
    };
    store().await.unwrap();
    eventually(SOON, async || {
        ensure!(!store().await?.duplicate, "it still knows the last");
        Ok(())
    })
    .await;
}
