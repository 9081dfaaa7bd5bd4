//! A router that dies after it has sealed a batch: who is in it stays so.

use async_nats::HeaderMap;
use serde_json::json;
use signalbox_domain::{Command, batched};
use signalbox_proto::{
    Message,
    names::{PARTITIONS, header, stream, subject},
    v1::{self, CommandBatch},
};
use signalbox_testkit::Service;

use super::Flowing;

/// Two of three are held when the router dies, and what it would have left of the two is there: their seal.
async fn sealed() -> (Flowing, u16, Command) {
    let mut flowing = Flowing::start().await;
    for n in 1..=2 {
        flowing.publish("patient-a", n).await;
    }
    for n in 1..=2 {
        flowing.comes_to("patient-a", n, "held").await;
    }
    flowing.stack.kill(Service::SignalRouter).unwrap();
    let members = held(&flowing).await;
    let batch = batched(&members).unwrap();
    let partition = signalbox_domain::partition(batch.key(), PARTITIONS);
    let to = subject::seal(partition, members[0].effect_key.as_str());
    store(&flowing, to, &format!("seal.{}", members[0].effect_key), &batch).await;
    (flowing, partition, batch)
}

/// What waits in FLOW.
async fn held(flowing: &Flowing) -> Vec<Command> {
    let mut stream = flowing.jetstream.get_stream(stream::FLOW).await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    let mut commands = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let batch = CommandBatch::decode(message.payload).unwrap();
        commands.extend(batch.commands.into_iter().map(|wire| Command::try_from(wire).unwrap()));
    }
    assert_eq!(commands.len(), 2);
    commands
}

async fn store(flowing: &Flowing, to: String, id: &str, command: &Command) {
    let mut headers = HeaderMap::new();
    headers.insert(header::MESSAGE_ID, id);
    let body =
        CommandBatch { commands: vec![v1::Command::from(command.clone())], planned_at: None }.encode_to_vec();
    let sent = flowing.jetstream.publish_with_headers(to, headers, body.into()).await.unwrap();
    sent.await.unwrap();
}

async fn goes_on_as_it_is(mut flowing: Flowing) {
    flowing.publish("patient-a", 3).await;
    flowing.stack.launch_all(&[Service::SignalRouter]).await.unwrap();
    assert_eq!(flowing.signalled("patient-a", 1).await, [json!([1, 2])]);
    for n in 4..=5 {
        flowing.publish("patient-a", n).await;
    }
    assert_eq!(flowing.signalled("patient-a", 2).await, [json!([1, 2]), json!([3, 4, 5])]);
    flowing.settled().await;
    for n in 1..=5 {
        let outcome = flowing.outcome("patient-a", n).await.unwrap();
        assert!(["signalled", "deduplicated"].contains(&outcome["result"].as_str().unwrap()), "{outcome}");
        assert!(!outcome["batch"].is_null(), "{outcome}");
    }
    assert_eq!(flowing.signals("patient-a").await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_sealed_goes_on_as_it_is() {
    let (flowing, ..) = sealed().await;
    goes_on_as_it_is(flowing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_sealed_and_published_goes_on_once() {
    let (flowing, partition, batch) = sealed().await;
    store(&flowing, subject::commands(partition), "published-before", &batch).await;
    goes_on_as_it_is(flowing).await;
}
