//! What was on its way when a connection ended comes again, and before what is newer.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use signalbox_proto::names::{consumer, stream};
use signalbox_testkit::{Link, Passing, Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, described, expect};

/// A stack whose router reaches NATS through a link, and that link.
async fn linked() -> (Stack, Link) {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    for service in [Service::Ingress, Service::SchedulerManager, Service::Worker] {
        stack.launch(service).unwrap();
    }
    let link = Link::to(stack.nats.port()).await.unwrap();
    stack.set("NATS_URL", format!("nats://127.0.0.1:{}", link.port()));
    stack.launch_all(&[Service::SignalRouter]).await.unwrap();
    stack.wait_until_open().await;
    (stack, link)
}

/// Waits until JetStream has sent something to a consumer that has not acknowledged it.
async fn is_on_its_way(stack: &Stack, stream: &str, consumer: &str) {
    let jetstream = async_nats::jetstream::new(stack.nats_client().await.unwrap());
    let stream = jetstream.get_stream(stream).await.unwrap();
    eventually(SOON, async || {
        let info = stream.consumer_info(consumer).await?;
        ensure!(info.num_ack_pending > 0, "{info:?}");
        Ok(())
    })
    .await;
}

async fn has_in_order(stack: &Stack, workflow_id: &str) {
    let api = stack.api();
    let both = eventually(Duration::from_secs(20), async || {
        let state = api.get(&format!("/workflows/{workflow_id}/queries/progress")).await?;
        ensure!(state.body["messages_processed"] == 2, "{}", state.body);
        Ok(state.body["messages"].clone())
    })
    .await;
    assert_eq!(both, json!(["first", "second"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_lost_on_its_way_comes_before_the_next() {
    let (stack, link) = linked().await;
    let api = stack.api();
    expect(&api.post("/trigger-workflow/events").await.unwrap(), 200);
    let client = stack.nats_client().await.unwrap();
    let publish = async |text: &str| {
        let body = json!({ "message": text }).to_string();
        client.publish("events.lab.message.events", body.into()).await.unwrap();
        client.flush().await.unwrap();
    };
    link.pass(Passing::Stalled);
    publish("first").await;
    is_on_its_way(&stack, stream::EVENTS, consumer::MATCH).await;
    link.cut();
    link.pass(Passing::Open);
    publish("second").await;
    has_in_order(&stack, "events").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_lost_on_its_way_comes_before_the_next() {
    let (mut stack, link) = linked().await;
    let api = stack.api();
    expect(&api.post("/trigger-workflow/commands").await.unwrap(), 200);
    described(&api, "commands").await;
    // It is not to wait for what is lost.
    stack.kill(Service::Ingress).unwrap();
    stack.set("NATS_URL", stack.nats.url());
    stack.set("SIGNALBOX_WAIT", "2s");
    stack.launch(Service::Ingress).unwrap();
    stack.wait_until_open().await;
    link.pass(Passing::Stalled);
    expect(&api.post("/signal-workflow/commands?message=first").await.unwrap(), 202);
    let partition = signalbox_domain::partition("commands", signalbox_proto::names::PARTITIONS);
    is_on_its_way(&stack, stream::COMMANDS, &consumer::apply(partition)).await;
    link.cut();
    link.pass(Passing::Open);
    expect(&api.post("/signal-workflow/commands?message=second").await.unwrap(), 202);
    has_in_order(&stack, "commands").await;
}
