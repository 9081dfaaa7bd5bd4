//! Events that come before their workflow, and commands that are given up.

use std::{fs, time::Duration};

use anyhow::{Context, bail, ensure};
use async_nats::{HeaderMap, jetstream};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use signalbox_servers::Binary;
use signalbox_testkit::{Service, Stack, binary, eventually};
use tempfile::TempDir;

use crate::{SIGNALBOX, SOON, cli::Cli, unique};

/// Nobody works on these workflows: they stay open, and their histories say what came, in which order.
const ROUTES: &str = r#"
version: 1
defaults: { task_queue: nobody }
routes:
  - name: start
    on: events.early.start.*
    start: { workflow: Early, workflow_id: "${ event.tokens[3] }" }
  - name: message
    on: events.early.message.*
    signal:
      workflow_id: ${ event.tokens[3] }
      name: message
      args: [ "${ event.data }" ]
      if_missing: { park: 15m }
  - name: impatient
    on: events.early.impatient.*
    signal: { workflow_id: "${ event.tokens[3] }", name: impatient, args: [ "${ event.data }" ], if_missing: { park: 2s } }
  - name: plain
    on: events.early.plain.*
    signal: { workflow_id: "${ event.tokens[3] }", name: plain, args: [ "${ event.data }" ] }
  - name: optional
    on: events.early.optional.*
    signal: { workflow_id: "${ event.tokens[3] }", name: optional, if_missing: drop }
  - name: starting
    on: events.early.starting.*
    signal:
      workflow_id: ${ event.tokens[3] }
      name: starting
      args: [ "${ event.data }" ]
      if_missing: { start: { workflow: Early, args: [ "${ event.data }" ] } }
  - name: hurried
    on: events.early.hurried.*
    deadline: 2s
    start: { workflow: Early, workflow_id: "${ event.tokens[3] }" }
"#;

/// What a router leaves that was killed is resolved one by one, which takes a second each.
const AT_LAST: Duration = Duration::from_secs(120);

const SERVICES: [Service; 2] = [Service::Ingress, Service::SignalRouter];

/// A router with these routes.
struct Early {
    stack: Stack,
    cli: Cli,
    jetstream: jetstream::Context,
    _folder: TempDir,
}

impl Early {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("early.yaml"), ROUTES).unwrap();
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", folder.path());
        stack.launch_all(&SERVICES).await.unwrap();
        let jetstream = jetstream::new(stack.nats_client().await.unwrap());
        Self { cli: Cli::to(&stack), stack, jetstream, _folder: folder }
    }

    /// Publishes an event of this kind for this workflow; tells its id.
    async fn publish(&self, kind: &str, workflow: &str, data: impl Into<Value>) -> String {
        let id = unique(kind);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.as_str());
        let subject = format!("events.early.{kind}.{workflow}");
        let body = data.into().to_string().into();
        self.jetstream.publish_with_headers(subject, headers, body).await.unwrap().await.unwrap();
        id
    }

    /// Waits until this has come of the one effect of an event.
    async fn came(&self, event: &str, result: &str) -> Value {
        eventually(SOON, async || {
            let answer = self.stack.api.get(&format!("/events/{event}")).await?;
            let outcomes = answer.body["outcomes"].as_array().cloned().unwrap_or_default();
            let found = outcomes.into_iter().find(|outcome| outcome["result"] == result);
            found.with_context(|| format!("{event} is not {result}: {}", answer.body))
        })
        .await
    }

    async fn temporal(&self, args: &[&str]) -> anyhow::Result<Value> {
        let mut command = self.cli.program(binary(Binary::Temporal)?.to_str().context("a path")?);
        let output = command.args(args).args(["--output", "json"]).output().await?;
        ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// As somebody who knows nothing of routes.
    async fn start_by_hand(&self, workflow: &str) {
        let start =
            ["workflow", "start", "--type", "Early", "--task-queue", "nobody", "--workflow-id", workflow];
        self.temporal(&start).await.unwrap();
    }

    /// The arguments of the signals in the history of a workflow.
    async fn signals(&self, workflow: &str) -> anyhow::Result<Vec<Value>> {
        let history = self.temporal(&["workflow", "show", "--workflow-id", workflow]).await?;
        let events = history["events"].as_array().context("events")?.iter();
        let signals = events.map(|event| &event["workflowExecutionSignaledEventAttributes"]);
        let inputs = signals.filter_map(|signal| signal["input"]["payloads"][0]["data"].as_str());
        inputs.map(|input| Ok(serde_json::from_slice(&BASE64_STANDARD.decode(input)?)?)).collect()
    }

    /// Waits until the workflow has so many signals, and tells them.
    async fn has_signals(&self, workflow: &str, many: usize) -> Vec<Value> {
        eventually(AT_LAST, async || {
            let signals = self.signals(workflow).await?;
            ensure!(signals.len() >= many, "{} of {many} in {workflow}", signals.len());
            Ok(signals)
        })
        .await
    }

    async fn messages(&self, stream: &str) -> u64 {
        self.jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
    }

    /// Waits until so many commands are parked, as the stream and as the router count.
    async fn has_parked(&self, many: u64) {
        eventually(SOON, async || {
            let metrics = self.stack.ask(Service::SignalRouter, "/metrics").await?;
            let metrics = metrics.body.as_str().unwrap_or_default().to_owned();
            let counted = metrics.lines().find(|line| line.starts_with("signalbox_router_commands_parked{"));
            let counted = counted.and_then(|line| line.rsplit(' ').next()).unwrap_or_default().to_owned();
            let stored = self.messages("PARKED").await;
            ensure!(stored == many && counted == many.to_string(), "{stored} stored, {counted} counted");
            Ok(())
        })
        .await;
    }
}

fn numbers(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(Value::from).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn early_events_wait_and_go_first_once_a_route_starts_their_workflow() {
    let early = Early::start().await;
    let (order, other) = (unique("order"), unique("other"));
    let mut first = String::new();
    for n in 0..20 {
        first = early.publish("message", &order, n).await;
    }
    let parked = early.came(&first, "parked").await;
    assert_eq!(parked["reason"], "workflow-not-found", "{parked}");
    early.publish("message", &other, 0).await;
    early.has_parked(21).await;
    // Whoever waits is told so, and waits no longer.
    let subject = format!("events.early.message.{other}");
    let told = early.cli.run(&["publish", &subject, "1", "--wait=1h", "--json"]).await;
    assert_eq!(told.code, 4, "{told:?}");
    assert_eq!(told.json()["settled"], false);
    assert!(told.stdout.contains("\"parked\""), "{told:?}");

    let start = early.publish("start", &order, json!(null)).await;
    for n in 20..30 {
        early.publish(if n % 2 == 0 { "message" } else { "plain" }, &order, n).await;
    }
    early.came(&start, "started").await;
    early.came(&first, "signalled").await;
    assert_eq!(early.has_signals(&order, 30).await, numbers(0..30));
    early.has_parked(2).await;
    assert_eq!(early.messages("DEADLETTERS").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn early_events_go_once_somebody_else_has_started_their_workflow() {
    let early = Early::start().await;
    let (asked, unasked) = (unique("asked"), unique("unasked"));
    for n in 0..3 {
        early.publish("message", &asked, n).await;
        early.publish("message", &unasked, n).await;
    }
    early.has_parked(6).await;
    early.start_by_hand(&asked).await;
    early.start_by_hand(&unasked).await;
    // One that would not wait has those before it that do.
    early.publish("plain", &asked, 3).await;
    assert_eq!(early.has_signals(&asked, 4).await, numbers(0..4));
    assert_eq!(early.has_signals(&unasked, 3).await, numbers(0..3));
    early.has_parked(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_waited_long_enough_is_a_dead_letter() {
    let early = Early::start().await;
    let order = unique("never");
    let patient = early.publish("message", &order, 0).await;
    let impatient = early.publish("impatient", &order, 1).await;
    early.came(&impatient, "parked").await;
    let dead = early.came(&impatient, "dead").await;
    assert_eq!(dead["reason"], "park-expired", "{dead}");
    early.came(&patient, "parked").await;
    early.has_parked(1).await;
    let letters = early.jetstream.get_stream("DEADLETTERS").await.unwrap();
    letters.get_last_raw_message_by_subject("deadletters.park-expired").await.unwrap();
    early.start_by_hand(&order).await;
    assert_eq!(early.has_signals(&order, 1).await, numbers(0..1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_drops_what_finds_no_workflow_or_starts_one() {
    let early = Early::start().await;
    let (order, started) = (unique("none"), unique("begun"));
    let dropped = early.publish("optional", &order, json!(null)).await;
    let dropped = early.came(&dropped, "dropped").await;
    assert_eq!(dropped["reason"], "workflow-not-found", "{dropped}");
    early.signals(&order).await.unwrap_err();
    for n in 0..2 {
        let event = early.publish("starting", &started, n).await;
        early.came(&event, "signalled").await;
    }
    assert_eq!(early.has_signals(&started, 2).await, numbers(0..2));
    assert_eq!((early.messages("DEADLETTERS").await, early.messages("PARKED").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_with_a_deadline_is_given_up_and_one_without_is_not() {
    let mut early = Early::start().await;
    let (hurried, patient) = (unique("hurried"), unique("patient"));
    early.stack.temporal.kill().unwrap();
    let hurry = early.publish("hurried", &hurried, json!(null)).await;
    let wait = early.publish("start", &patient, json!(null)).await;
    early.came(&hurry, "retrying").await;
    let dead = early.came(&hurry, "dead").await;
    assert_eq!(dead["reason"], "deadline-exceeded", "{dead}");
    assert!(dead["attempts"].as_u64() > Some(1) && !dead["detail"].as_str().unwrap().is_empty(), "{dead}");
    early.came(&wait, "retrying").await;
    early.stack.temporal.start_again().await.unwrap();
    early.came(&wait, "started").await;
    early.signals(&hurried).await.unwrap_err();
}

/// Killed while it parks, and while it lets go what is parked.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_outlives_the_router() {
    const MANY: usize = 30;
    let mut early = Early::start().await;
    let orders = ["a", "b", "c"].map(unique);
    for n in 0..MANY {
        for order in &orders {
            early.publish("message", order, n).await;
        }
        if n == MANY / 2 {
            eventually(SOON, async || {
                let parked = early.messages("PARKED").await;
                ensure!(parked > 0, "nothing is parked yet");
                Ok(())
            })
            .await;
            restart(&mut early).await;
        }
    }
    early.has_parked((orders.len() * MANY) as u64).await;
    early.start_by_hand(&orders[2]).await;
    for order in &orders[..2] {
        early.publish("start", order, json!(null)).await;
        early.publish("message", order, MANY).await;
    }
    eventually(SOON, async || match early.messages("PARKED").await {
        left if left < (orders.len() * MANY) as u64 => Ok(()),
        left => bail!("{left} are parked still"),
    })
    .await;
    restart(&mut early).await;
    for order in &orders[..2] {
        assert_eq!(early.has_signals(order, MANY + 1).await, numbers(0..MANY + 1), "{order}");
    }
    assert_eq!(early.has_signals(&orders[2], MANY).await, numbers(0..MANY));
    early.has_parked(0).await;
    assert_eq!(early.messages("DEADLETTERS").await, 0);
}

/// Nothing comes by which JetStream would give the partition to another router: that has to ask for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_taken_over_by_another_router() {
    let mut early = Early::start().await;
    let order = unique("inherited");
    for n in 0..3 {
        early.publish("message", &order, n).await;
    }
    early.has_parked(3).await;
    let (_another, api) = early.stack.launch_another(Service::SignalRouter).unwrap();
    eventually(SOON, async || {
        let ready = api.get("/readyz").await?;
        ensure!(ready.status == 200, "{}", ready.body);
        Ok(())
    })
    .await;
    early.stack.kill(Service::SignalRouter).unwrap();
    early.start_by_hand(&order).await;
    assert_eq!(early.has_signals(&order, 3).await, numbers(0..3));
}

async fn restart(early: &mut Early) {
    early.stack.kill(Service::SignalRouter).unwrap();
    early.stack.launch(Service::SignalRouter).unwrap();
    early.stack.wait_until_ready(Service::SignalRouter).await;
}
