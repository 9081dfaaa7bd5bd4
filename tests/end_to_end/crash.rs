//! `kill -9` of any one service in the middle of a load loses nothing that was answered with success.

use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream;
use futures::{StreamExt, future::join_all, stream};
use serde_json::json;
use signalbox_testkit::{Api, Service, Stack, eventually};
use tokio::sync::Semaphore;

use crate::{SIGNALBOX, described, expect};

/// Killing and starting again goes on while this many pairs of calls are made.
const PAIRS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn ingress_killed() {
    killed_in_the_middle(Service::Ingress).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_router_killed() {
    killed_in_the_middle(Service::SignalRouter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduler_manager_killed() {
    killed_in_the_middle(Service::SchedulerManager).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_killed() {
    killed_in_the_middle(Service::Worker).await;
}

/// With Temporal away every command is in the router's hands when it dies: nothing may have been acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_temporal_outlives_the_router() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    stack.temporal.kill().unwrap();
    let client = stack.nats_client().await.unwrap();
    for n in 0..20 {
        client.publish(format!("events.lab.trigger.published-{n}"), "{}".into()).await.unwrap();
    }
    client.flush().await.unwrap();
    let called =
        join_all((0..20).map(async |n| api.post(&format!("/trigger-workflow/called-{n}")).await.unwrap()));
    for answer in called.await {
        expect(&answer, 202);
    }
    stack.kill(Service::SignalRouter).unwrap();
    stack.temporal.start_again().await.unwrap();
    stack.launch(Service::SignalRouter).unwrap();
    stack.wait_until_open().await;
    for n in 0..20 {
        for id in [format!("called-{n}"), format!("published-{n}")] {
            described(&api, &id).await;
        }
    }
}

/// NATS keeps in memory what it has delivered of COMMANDS. After its restart nobody knows whether a command that is
/// still there was carried out, so it is looked up: repeated, this one would start another run.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_delivery_nats_forgot_is_looked_up() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    let client = stack.nats_client().await.unwrap();
    let mut commands = client.subscribe("commands.*").await.unwrap();
    client.publish("events.lab.chat.forgotten", json!({"message": "once"}).to_string().into()).await.unwrap();
    let command = commands.next().await.unwrap();
    let before = described(&api, "forgotten").await;
    expect(&api.post("/stop-workflow/forgotten").await.unwrap(), 200);
    expect(&api.get("/workflow-result/forgotten").await.unwrap(), 200);

    // As if the router had died between Temporal's answer and the record of it.
    stack.kill(Service::SignalRouter).unwrap();
    let jetstream = jetstream::new(client.clone());
    let sent = jetstream.publish(command.subject, command.payload).await.unwrap();
    sent.await.expect("it is stored");
    // Otherwise the ledger would say what came of it.
    jetstream.get_stream("OUTCOMES").await.unwrap().purge().await.unwrap();
    stack.nats.kill().unwrap();
    stack.nats.start_again().await.unwrap();
    stack.launch(Service::SignalRouter).unwrap();
    stack.wait_until_open().await;
    client.publish("events.lab.trigger.later", "{}".into()).await.unwrap();
    described(&api, "later").await;
    eventually(Duration::from_secs(60), async || {
        let metrics = stack.ask(Service::SignalRouter, "/metrics").await?.body;
        let metrics = metrics.as_str().unwrap_or_default();
        ensure!(metrics.contains("outcome=\"deduplicated\""), "{metrics}");
        Ok(())
    })
    .await;
    assert_eq!(described(&api, "forgotten").await["run_id"], before["run_id"], "no second run");
}

/// Which calls of one workflow were answered with success.
struct Said {
    id: String,
    triggered: bool,
    signalled: bool,
}

async fn killed_in_the_middle(victim: Service) {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    let progress = Semaphore::new(0);
    let kill_twice = async {
        for at in [15, 45] {
            // The kill comes when so many calls are done, not after some time.
            progress.acquire_many(at).await.unwrap().forget();
            stack.kill(victim).unwrap();
            stack.launch(victim).unwrap();
        }
    };
    let (said, ()) = tokio::join!(load(&api, &progress), kill_twice);
    stack.wait_until_open().await;
    let (triggered, signalled) = said
        .iter()
        .fold((0, 0), |(t, s), said| (t + usize::from(said.triggered), s + usize::from(said.signalled)));
    println!(
        "{victim:?} killed twice: {triggered} triggers and {signalled} signals of {PAIRS} were answered with 2xx"
    );
    assert_eq!(triggered, PAIRS, "a careful caller gets through");
    for said in said {
        check(&api, &said).await;
    }
}

async fn load(api: &Api, progress: &Semaphore) -> Vec<Said> {
    let pair = async |n| {
        let id = format!("pair-{n}");
        let triggered = call(api, &format!("/trigger-workflow/{id}"), &format!("trigger-{n}")).await;
        progress.add_permits(1);
        let path = format!("/signal-workflow/{id}?message=mark-{n}");
        let signalled = triggered && call(api, &path, &format!("signal-{n}")).await;
        Said { id, triggered, signalled }
    };
    stream::iter(0..PAIRS).map(pair).buffer_unordered(8).collect().await
}

/// As a careful caller does it: no answer, or one that says so, means to call again under the same key.
async fn call(api: &Api, path: &str, key: &str) -> bool {
    eventually(Duration::from_secs(60), async || {
        let answer = api.post_body(path, &[("Idempotency-Key", key)], "").await?;
        ensure!(answer.status < 500, "{}", answer.body);
        Ok(answer.is_success())
    })
    .await
}

async fn check(api: &Api, said: &Said) {
    if said.triggered {
        eventually(Duration::from_secs(60), async || {
            let answer = api.get(&format!("/workflows/{}", said.id)).await?;
            ensure!(answer.status == 200, "{} was answered with success: {}", said.id, answer.body);
            Ok(())
        })
        .await;
    }
    if said.signalled {
        let result = eventually(Duration::from_secs(90), async || {
            let answer = api.get(&format!("/workflow-result/{}", said.id)).await?;
            ensure!(answer.status == 200, "{}: {} {}", said.id, answer.status, answer.body);
            Ok(answer.body)
        })
        .await;
        let mark = said.id.replace("pair", "mark");
        assert_eq!(result["messages"], json!([mark]), "{}: once, neither lost nor doubled", said.id);
    }
}
