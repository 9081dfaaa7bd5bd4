//! Events by HTTP: CloudEvents in their three modes, data of a named type, and what their senders wait for.

use std::time::Duration;

use anyhow::ensure;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use signalbox_testkit::{Api, Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, described, expect, shared, unique};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.json().await.unwrap() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

async fn post(api: &Api, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let request = api.request(Method::POST, path).body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await.unwrap()).await
}

fn cloud_event(id: &str, kind: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/tests/http", "type": kind, "data": data})
}

#[tokio::test(flavor = "multi_thread")]
async fn three_modes_start_and_signal_by_routes() {
    let (_stack, api) = shared().await;
    let (id, event) = (unique("http"), unique("event"));
    let body = cloud_event(&event, &format!("lab.trigger.{id}"), json!({"name": "Structured"})).to_string();
    let taken = post(&api, "/events", &[("content-type", STRUCTURED)], body.clone()).await;
    assert_eq!(
        (taken.status, &taken.body["event_id"], &taken.body["status"]),
        (202, &json!(event), &json!("accepted"))
    );
    assert!(
        taken.header("location").starts_with(&format!("/events/{event}?sequence=")),
        "{:?}",
        taken.headers
    );
    assert_eq!(taken.header("preference-applied"), "");
    described(&api, &id).await;

    let kind = format!("lab.message.{id}");
    let (message, wait) = (unique("event"), [("prefer", "wait=30")]);
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-source", "/tests/http"),
        ("ce-type", kind.as_str()),
        ("ce-id", &message),
    ];
    let headers: Vec<_> = binary.into_iter().chain(wait).collect();
    let told = post(&api, "/events", &headers, r#"{"message":"binary"}"#).await;
    assert_eq!((told.status, told.header("preference-applied")), (200, "wait=30"), "{}", told.body);
    assert_eq!(
        (&told.body["status"], &told.body["effects"][0]["result"]),
        (&json!("processed"), &json!("signalled"))
    );
    assert_eq!(told.body["effects"][0]["workflow_id"], json!(id));

    let (second, stop) = (unique("event"), unique("event"));
    let batch = json!([
        cloud_event(&second, &kind, json!({"message": "batch"})),
        cloud_event(&stop, &format!("lab.stop.{id}"), json!({})),
    ]);
    let told = post(&api, "/events", &[("content-type", BATCH), wait[0]], batch.to_string()).await;
    assert_eq!((told.status, &told.body["status"]), (200, &json!("processed")), "{}", told.body);
    assert_eq!(
        (&told.body["events"][0]["event_id"], &told.body["events"][1]["event_id"]),
        (&json!(second), &json!(stop))
    );
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!(result.body["messages"], json!(["binary", "batch"]), "in the order of the batch");

    // The same event once more is stored once.
    let again = post(&api, "/events", &[("content-type", STRUCTURED), wait[0]], body).await;
    assert_eq!((again.status, &again.body["effects"][0]["workflow_id"]), (200, &json!(id)), "{}", again.body);
    let run = described(&api, &id).await;
    assert_eq!(run["status"], "completed", "and started nothing: {run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_type_are_an_event_and_its_sender_gets_the_result() {
    let (_stack, api) = shared().await;
    let (id, key) = (unique("typed"), unique("key"));
    let path = format!("/events/lab.trigger.{id}");
    let keyed =
        [("idempotency-key", key.as_str()), ("prefer", "wait=30"), ("content-type", "application/json")];
    let told = post(&api, &path, &keyed, r#"{"name":"Typed"}"#).await;
    assert_eq!((told.status, &told.body["event_id"]), (200, &json!(key)), "{}", told.body);
    let run = told.body["effects"][0]["run_id"].clone();
    assert!(run.as_str().is_some_and(|run| !run.is_empty()), "{}", told.body);

    for _ in 0..5 {
        let message =
            post(&api, &format!("/events/lab.message.{id}"), &keyed[1..], r#"{"message":"hi"}"#).await;
        assert_eq!(message.status, 200, "{}", message.body);
    }
    // The same call again has the same effect, and now its result.
    let wants = [("idempotency-key", key.as_str()), ("prefer", "wait=30, result")];
    let told = post(&api, &path, &wants, r#"{"name":"Typed"}"#).await;
    assert_eq!((told.status, told.header("preference-applied")), (200, "wait=30, result"), "{}", told.body);
    let end = &told.body["results"][0];
    assert_eq!(
        (&end["workflow_id"], &end["run_id"], &end["status"]),
        (&json!(id), &run, &json!("completed"))
    );
    assert_eq!((&end["result"]["task"], &end["result"]["messages_processed"]), (&json!("Typed"), &json!(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_wants_is_an_answer_too() {
    let (_stack, api) = shared().await;
    let told = post(&api, "/events/nobody.wants%20this", &[("prefer", "wait=30")], "[1]").await;
    assert_eq!((told.status, &told.body["effects"]), (200, &json!([])), "{}", told.body);
    let known = api.get(told.body["look"].as_str().unwrap()).await.unwrap();
    expect(&known, 200);
    assert_eq!(known.body["events"][0]["subject"], "events.nobody.wants_this");
    assert_eq!(
        (&known.body["events"][0]["type"], &known.body["events"][0]["state"]),
        (&json!("nobody.wants this"), &json!("unmatched"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_jetstream_is_away_a_sender_waits_and_is_never_told_yes() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    stack.nats.kill().unwrap();
    eventually(SOON, async || {
        let ready = stack.ask(Service::Ingress, "/readyz").await?;
        ensure!(ready.body.to_string().contains("the connection to NATS is lost"), "{}", ready.body);
        Ok(())
    })
    .await;
    let refused = post(&api, "/events/lab.trigger.impatient", &[("prefer", "wait=1")], "{}").await;
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("nats-away")), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), "1");

    // One that goes away takes its wait with it.
    let gone = api.request(Method::POST, "/events/lab.trigger.gone").header("prefer", "wait=60").body("{}");
    let gone = tokio::spawn(gone.send());
    let waiting = async |count: u32| {
        let metrics = stack.ask(Service::Ingress, "/metrics").await?.body;
        let sample = format!("signalbox_http_waiting_callers{{service=\"ingress\"}} {count}\n");
        ensure!(metrics.as_str().is_some_and(|text| text.contains(&sample)), "not {count}: {metrics}");
        Ok(())
    };
    eventually(SOON, async || waiting(1).await).await;
    gone.abort();
    eventually(SOON, async || waiting(0).await).await;

    let patient = api.clone();
    let waits = tokio::spawn(async move {
        post(&patient, "/events/lab.trigger.patient", &[("prefer", "wait=60")], r#"{"name":"Patient"}"#).await
    });
    let batch = json!([
        cloud_event("b-1", "lab.trigger.b-1", json!({})),
        cloud_event("b-2", "lab.trigger.b-2", json!({}))
    ]);
    let headers = [("content-type", BATCH), ("prefer", "wait=1")];
    let refused = post(&api, "/events", &headers, batch.to_string()).await;
    assert_eq!((refused.status, &refused.body["stored"]), (503, &json!([])), "{}", refused.body);
    assert!(!waits.is_finished(), "it waits as long as its sender wants");

    stack.nats.start_again().await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(90), waits).await.unwrap().unwrap();
    assert_eq!((told.status, &told.body["effects"][0]["result"]), (200, &json!("started")), "{}", told.body);
    expect(&api.get("/workflows/patient").await.unwrap(), 200);
    for never in ["impatient", "gone", "b-1", "b-2"] {
        expect(&api.get(&format!("/workflows/{never}")).await.unwrap(), 404);
    }
}
