//! Commands that are held back: debounced, batched, throttled, and all of that together, with a router that dies in the
//! middle of it.

mod dead;
mod killed;
mod sealed;

use std::fs;

use anyhow::ensure;
use async_nats::{HeaderMap, jetstream};
use serde_json::{Value, json};
use signalbox_proto::names::stream;
use signalbox_servers::local_http;
use signalbox_testkit::{Api, Service, Stack, eventually};
use tempfile::TempDir;

use crate::{SIGNALBOX, SOON, other_sdk::WITHOUT_WORKER};

/// Each subject has a flow of its own. Nobody works for the workflows, so all signals stay in their histories.
const ROUTES: &str = r#"
version: 1
routes:
  - name: debounced
    on: events.debounced.*
    flow: { debounce: { quiet: 1s, at_most: 3s } }
    signal_with_start: &marks
      workflow: Marks
      workflow_id: ${ event.tokens[1] }-${ event.tokens[2] }
      signal: { name: mark, args: [ "${ event.data.n }" ] }
  - name: batched
    on: events.batched.*
    flow: { batch: { size: 4, within: 2s } }
    signal_with_start: *marks
  - name: patient
    on: events.patient.*
    flow: { batch: { size: 3, within: 1h } }
    signal_with_start: *marks
  - name: throttled
    on: events.throttled.*
    flow: { throttle: { limit: 3, per: 1s } }
    signal_with_start: *marks
  - name: pairs
    on: [ events.pairs.*, events.kept.* ]
    flow: { batch: { size: 2, within: 1h } }
    signal_with_start: &pairs
      workflow: Marks
      workflow_id: pairs-${ event.tokens[2] }
      signal: { name: mark, args: [ "${ event.data.n }" ] }
  - name: kept
    on: events.kept.*
    flow: { batch: { size: 2, within: 1h } }
    signal_with_start: *pairs
  - name: late
    on: events.late.*
    flow: { batch: { size: 2, within: 1h } }
    signal: { workflow_id: "late-${ event.tokens[2] }", name: mark, args: [ "${ event.data.n }" ] }
  - name: limited
    on: events.limited.*
    flow: { signals_per_run: 3 }
    signal_with_start: *marks
  - name: all
    on: events.all.*
    flow:
      debounce: { quiet: 20ms, at_most: 50ms }
      batch: { size: 3, within: 500ms }
      throttle: { limit: 2, per: 1s }
    signal_with_start: *marks
"#;

struct Flowing {
    stack: Stack,
    api: Api,
    jetstream: jetstream::Context,
    _folder: TempDir,
}

impl Flowing {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("flow.yaml"), ROUTES).unwrap();
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", folder.path());
        stack.launch_all(&WITHOUT_WORKER).await.unwrap();
        stack.wait_until_open().await;
        let jetstream = jetstream::new(stack.nats_client().await.unwrap());
        Self { api: stack.api(), stack, jetstream, _folder: folder }
    }

    /// Stores mark `n` for a workflow, `debounced-a` for one; the event's id is of both.
    async fn publish(&self, workflow: &str, n: u32) {
        self.publish_as(&format!("{workflow}-{n}"), &uuid::Uuid::now_v7().to_string(), workflow, n).await;
    }

    async fn publish_as(&self, event_id: &str, message_id: &str, workflow: &str, n: u32) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", event_id),
            ("ce-source", "/tests"),
            ("ce-type", "mark"),
            ("Nats-Msg-Id", message_id),
        ] {
            headers.insert(name, value);
        }
        let subject = format!("events.{}", workflow.replacen('-', ".", 1));
        let body = json!({ "n": n }).to_string();
        let sent = self.jetstream.publish_with_headers(subject, headers, body.into()).await.unwrap();
        sent.await.unwrap();
    }

    async fn kill_and_launch(&mut self) {
        self.stack.kill(Service::SignalRouter).unwrap();
        self.stack.launch(Service::SignalRouter).unwrap();
    }

    /// The workflow in Temporal's own HTTP API.
    fn in_temporal(&self, workflow: &str) -> String {
        let port = self.stack.temporal.http_port();
        format!("http://127.0.0.1:{port}/api/v1/namespaces/default/workflows/{workflow}")
    }

    /// The argument of each signal that the workflow has had.
    async fn signals(&self, workflow: &str) -> anyhow::Result<Vec<Value>> {
        let url = format!("{}/history", self.in_temporal(workflow));
        let client = local_http().build()?;
        let history: Value = client.get(url).send().await?.json().await?;
        let events = history["history"]["events"].as_array().cloned().unwrap_or_default();
        let signalled = events.iter().map(|event| &event["workflowExecutionSignaledEventAttributes"]);
        Ok(signalled.filter(|signal| !signal.is_null()).map(|signal| signal["input"][0].clone()).collect())
    }

    /// The signals, when there are these many.
    async fn signalled(&self, workflow: &str, count: usize) -> Vec<Value> {
        eventually(SOON, async || {
            let signals = self.signals(workflow).await?;
            ensure!(signals.len() >= count, "{workflow} has {signals:?}");
            Ok(signals)
        })
        .await
    }

    /// Nothing is left to be done.
    async fn settled(&self) {
        eventually(SOON * 4, async || {
            for name in [stream::EVENTS, stream::FLOW, stream::COMMANDS] {
                let mut stream = self.jetstream.get_stream(name).await?;
                let info = stream.info().await?;
                let consumer = signalbox_proto::names::consumer::MATCH;
                let left = match name {
                    stream::EVENTS => {
                        let matcher = stream.consumer_info(consumer).await?;
                        matcher.num_pending + matcher.num_ack_pending as u64
                    }
                    _ => info.state.messages,
                };
                ensure!(left == 0, "{left} left in {name}");
            }
            Ok(())
        })
        .await;
    }

    /// The outcome of the one effect of a mark.
    async fn outcome(&self, workflow: &str, n: u32) -> anyhow::Result<Value> {
        let known = self.api.get(&format!("/events/{workflow}-{n}")).await?;
        let outcomes = known.body["outcomes"].as_array().cloned().unwrap_or_default();
        let effects: Vec<_> = outcomes.into_iter().filter(|o| !o["effect_key"].is_null()).collect();
        ensure!(effects.len() == 1, "{}", known.body);
        Ok(effects[0].clone())
    }

    async fn comes_to(&self, workflow: &str, n: u32, kind: &str) -> Value {
        eventually(SOON, async || {
            let outcome = self.outcome(workflow, n).await?;
            ensure!(outcome["result"] == kind, "{outcome}");
            Ok(outcome)
        })
        .await
    }

    async fn metrics(&self) -> String {
        let metrics = self.stack.ask(Service::SignalRouter, "/metrics").await.unwrap();
        metrics.body.as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_a_burst_takes_the_place_of_the_others() {
    let flowing = Flowing::start().await;
    for n in 1..=5 {
        flowing.publish("debounced-a", n).await;
    }
    assert_eq!(flowing.signalled("debounced-a", 1).await, [json!(5)]);
    for n in 1..=4 {
        let superseded = flowing.comes_to("debounced-a", n, "superseded").await;
        let by = flowing.outcome("debounced-a", n + 1).await.unwrap()["effect_key"].clone();
        assert!(superseded["detail"].as_str().unwrap().ends_with(by.as_str().unwrap()), "{superseded}");
    }
    flowing.comes_to("debounced-a", 5, "signalled").await;
    // A burst of its own.
    flowing.publish("debounced-a", 6).await;
    assert_eq!(flowing.signalled("debounced-a", 2).await, [json!(5), json!(6)]);
    flowing.settled().await;
    let metrics = flowing.metrics().await;
    assert!(metrics.contains("flow_superseded_total{service=\"signal-router\"} 4"), "{metrics}");
    assert!(metrics.contains("flow_held{service=\"signal-router\"} 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_events_are_one_signal_in_their_order() {
    let flowing = Flowing::start().await;
    for n in 1..=2 {
        flowing.publish("patient-a", n).await;
    }
    flowing.comes_to("patient-a", 1, "held").await;
    // The same event again waits with the first, and is not a third.
    flowing.publish_as("patient-a-1", "another-message", "patient-a", 1).await;
    flowing.publish("patient-b", 1).await;
    flowing.comes_to("patient-b", 1, "held").await;
    flowing.comes_to("patient-a", 2, "held").await;
    flowing.publish("patient-a", 3).await;
    assert_eq!(flowing.signalled("patient-a", 1).await, [json!([1, 2, 3])]);
    let mut batches = Vec::new();
    for n in 1..=3 {
        let signalled = flowing.comes_to("patient-a", n, "signalled").await;
        batches.push((signalled["batch"].clone(), signalled["run_id"].clone()));
    }
    assert!(!batches[0].0.is_null() && batches.iter().all(|batch| *batch == batches[0]), "{batches:?}");
    // Those of another workflow are not in it, and what is not full goes on in time.
    for n in 1..=6 {
        flowing.publish("batched-a", n).await;
    }
    assert_eq!(flowing.signalled("batched-a", 2).await, [json!([1, 2, 3, 4]), json!([5, 6])]);
    let metrics = flowing.metrics().await;
    assert!(metrics.contains("flow_batches_total{service=\"signal-router\"} 3"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_go_on_than_a_throttle_lets() {
    let flowing = Flowing::start().await;
    let begun = std::time::Instant::now();
    for n in 1..=8 {
        flowing.publish("throttled-a", n).await;
    }
    let signals = flowing.signalled("throttled-a", 8).await;
    assert_eq!(signals, (1..=8).map(Value::from).collect::<Vec<_>>());
    // Three of the eight in any second: the last come in the third second at the earliest.
    assert!(begun.elapsed().as_secs() >= 2, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_a_run_waits_for_the_next() {
    let mut flowing = Flowing::start().await;
    for n in 1..=5 {
        flowing.publish("limited-a", n).await;
    }
    let retrying = flowing.comes_to("limited-a", 4, "retrying").await;
    assert_eq!(retrying["reason"], "too-many-signals");
    assert_eq!(flowing.signals("limited-a").await.unwrap(), [json!(1), json!(2), json!(3)]);
    // A router that knows nothing of it counts the same.
    flowing.kill_and_launch().await;
    flowing.stack.wait_until_ready(Service::SignalRouter).await;
    flowing.publish("limited-b", 1).await;
    flowing.comes_to("limited-b", 1, "signalled").await;
    assert_eq!(flowing.signals("limited-a").await.unwrap().len(), 3);
    let client = local_http().build().unwrap();
    let url = format!("{}/terminate", flowing.in_temporal("limited-a"));
    client.post(url).json(&json!({})).send().await.unwrap().error_for_status().unwrap();
    for n in 4..=5 {
        flowing.comes_to("limited-a", n, "signalled").await;
    }
    assert_eq!(flowing.signals("limited-a").await.unwrap(), [json!(4), json!(5)]);
}
