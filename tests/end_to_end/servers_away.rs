//! NATS or Temporal not there yet, or going away and coming back: services wait, say so and go on.

use std::time::Duration;

use anyhow::ensure;
use async_nats::jetstream;
use serde_json::{Value, json};
use signalbox_domain::partition;
use signalbox_proto::names::{PARTITIONS, consumer, stream};
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, described, expect};

/// Waits until `/readyz` of a service is 503 and names the condition.
async fn says_so(stack: &Stack, service: Service, condition: &str) {
    eventually(SOON, async || {
        let answer = stack.ask(service, "/readyz").await?;
        let unmet = answer.body["conditions"].as_array().into_iter().flatten();
        let named =
            unmet.filter(|c| c["met"] == false && !c["detail"].as_str().unwrap_or_default().is_empty());
        ensure!(answer.status == 503 && named.into_iter().any(|c| c["name"] == condition), "{}", answer.body);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_start_before_their_servers() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.nats.kill().unwrap();
    stack.temporal.kill().unwrap();
    for service in Service::ALL {
        stack.launch(service).unwrap();
    }
    for service in [Service::Ingress, Service::SignalRouter, Service::SchedulerManager] {
        says_so(&stack, service, "nats").await;
        let alive = stack.ask(service, "/healthz").await.unwrap();
        assert_eq!(alive.status, 200, "waiting is not being ill");
    }
    says_so(&stack, Service::Worker, "temporal").await;
    let refused = stack.api().post("/trigger-workflow/too-early").await.unwrap();
    expect(&refused, 503);
    assert!(!refused.text("detail").is_empty());

    stack.nats.start_again().await.unwrap();
    says_so(&stack, Service::SignalRouter, "temporal").await;
    says_so(&stack, Service::Ingress, "signal-router").await;
    stack.temporal.start_again().await.unwrap();
    stack.wait_until_open().await;
    stack.wait_until_ready(Service::Worker).await;
    expect(&stack.api().post("/trigger-workflow/in-time").await.unwrap(), 200);
    for service in Service::ALL {
        let code = stack.stop(service).await.unwrap();
        assert_eq!(code, Some(0), "{service:?} stops in order: {:?}", stack.log(service));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporal_goes_away_and_comes_back() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    expect(&api.post("/trigger-workflow/before").await.unwrap(), 200);
    stack.temporal.kill().unwrap();
    says_so(&stack, Service::SignalRouter, "temporal").await;
    says_so(&stack, Service::Ingress, "signal-router").await;
    // It is stored, so it is answered: not `started`, but where to look.
    let accepted = api.post("/trigger-workflow/meanwhile").await.unwrap();
    expect(&accepted, 202);
    let look = accepted.text("look").to_owned();
    stack.temporal.start_again().await.unwrap();
    stack.wait_until_open().await;
    eventually(Duration::from_secs(60), async || {
        let event = api.get(&look).await?;
        ensure!(event.body.to_string().contains("started"), "{}", event.body);
        let workflow = api.get("/workflows/meanwhile").await?;
        ensure!(workflow.status == 200, "{}", workflow.body);
        Ok(())
    })
    .await;
    expect(&api.post("/trigger-workflow/after").await.unwrap(), 200);
    for id in ["meanwhile", "after"] {
        expect(&api.get(&format!("/workflow-result/{id}")).await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_goes_away_and_comes_back() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    expect(&api.post("/trigger-workflow/before").await.unwrap(), 200);
    stack.nats.kill().unwrap();
    for service in [Service::Ingress, Service::SignalRouter, Service::SchedulerManager] {
        says_so(&stack, service, "nats").await;
    }
    let refused = api.post("/trigger-workflow/meanwhile").await.unwrap();
    expect(&refused, 503);
    stack.nats.start_again().await.unwrap();
    stack.wait_until_open().await;
    expect(&api.post("/trigger-workflow/after").await.unwrap(), 200);
    expect(&api.post("/signal-workflow/after?message=hi").await.unwrap(), 200);
    expect(&api.get("/workflow-result/after").await.unwrap(), 200);
}

/// A partition has more than is held of it at once, and that lies for so long that JetStream delivers it once more.
#[tokio::test(flavor = "multi_thread")]
async fn what_lay_in_a_full_partition_is_carried_out_when_temporal_is_back() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let (api, jetstream) = (stack.api(), jetstream::new(stack.nats_client().await.unwrap()));
    let publish = async |subject: &'static str, data: Value| {
        jetstream.publish(subject, data.to_string().into()).await.unwrap().await.unwrap();
    };
    let messages: Vec<_> = (0..1300).map(|n| format!("m{n}")).collect();
    publish("events.lab.aggregate.full", json!({ "until": { "count": messages.len() } })).await;
    described(&api, "full").await;
    stack.temporal.kill().unwrap();
    for message in &messages {
        publish("events.lab.message.full", json!({ "message": message })).await;
    }
    let commands = jetstream.get_stream(stream::COMMANDS).await.unwrap();
    let consumer = consumer::apply(partition("full", PARTITIONS));
    eventually(Duration::from_secs(90), async || {
        let info = commands.consumer_info(&consumer).await?;
        ensure!(info.num_redelivered > 0, "{info:?}");
        Ok(())
    })
    .await;
    stack.temporal.start_again().await.unwrap();
    let arrived = eventually(Duration::from_secs(120), async || {
        let result = api.get("/workflow-result/full").await?;
        ensure!(result.status == 200, "{}", result.body);
        Ok(result.body["messages"].clone())
    })
    .await;
    assert_eq!(arrived, json!(messages));
}
