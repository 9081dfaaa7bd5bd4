//! Events by NATS, with that language's ordinary client.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::{HeaderMap, jetstream};
use futures::StreamExt;
use serde_json::json;
use signalbox_proto::{
    Message,
    names::header,
    v1::{DeadLetter, Outcome, OutcomeKind},
};
use signalbox_testkit::{Stack, eventually};

use crate::{SOON, described, expect, shared, unique};

async fn publish(stack: &Stack, subject: &str, headers: &[(&str, &str)], body: &[u8]) -> u64 {
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let mut map = HeaderMap::new();
    headers.iter().for_each(|(name, value)| map.insert(*name, *value));
    let stored = jetstream.publish_with_headers(subject.to_owned(), map, body.to_vec().into()).await.unwrap();
    stored.await.unwrap().sequence
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_message_starts_and_signals_by_routes() {
    let (stack, api) = shared().await;
    let id = unique("bare");
    publish(&stack, &format!("events.lab.trigger.{id}"), &[], br#"{"name":"From NATS"}"#).await;
    let run = described(&api, &id).await;
    assert_eq!(run["search_attributes"]["SignalboxTrigger"], "event");
    publish(&stack, &format!("events.lab.message.{id}"), &[], br#"{"message":"hi"}"#).await;
    publish(&stack, &format!("events.lab.stop.{id}"), &[], b"").await;
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!((result.text("task"), &result.body["messages"]), ("From NATS", &json!(["hi"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_can_wait_for_the_outcome() {
    let (stack, _api) = shared().await;
    let client = stack.nats_client().await.unwrap();
    let inbox = client.new_inbox();
    let mut replies = client.subscribe(inbox.clone()).await.unwrap();
    let id = unique("waited");
    let event_id = unique("event");
    let headers = [("Nats-Msg-Id", event_id.as_str()), ("signalbox-reply-to", inbox.as_str())];
    publish(&stack, &format!("events.lab.trigger.{id}"), &headers, b"{}").await;
    let mut next = async || {
        let reply = tokio::time::timeout(SOON, replies.next()).await.context("no reply").unwrap().unwrap();
        Outcome::decode(reply.payload).unwrap()
    };
    let mut outcomes = [next().await, next().await];
    outcomes.sort_by_key(|outcome| outcome.kind);
    let [matched, started] = outcomes;
    assert_eq!((matched.kind(), started.kind()), (OutcomeKind::Matched, OutcomeKind::Started));
    assert_eq!(matched.effect_keys, std::slice::from_ref(&started.effect_key));
    assert_eq!((started.workflow_id.as_str(), started.event.unwrap().id), (id.as_str(), event_id));
    assert!(!started.run_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_id_published_twice_has_one_effect() {
    let (stack, api) = shared().await;
    let (id, event_id) = (unique("once"), unique("event"));
    let subject = format!("events.lab.chat.{id}");
    for _ in 0..2 {
        publish(&stack, &subject, &[("Nats-Msg-Id", event_id.as_str())], br#"{"message":"only once"}"#).await;
    }
    publish(&stack, &format!("events.lab.stop.{id}"), &[], b"").await;
    described(&api, &id).await;
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!(result.body["messages"], json!(["only once"]));
}

/// Under another message id, as of a publisher that sends it again a day later. Temporal would start a second run.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_again_when_its_workflow_has_ended_has_no_effect() {
    let (stack, api) = shared().await;
    let (id, event_id) = (unique("again"), unique("event"));
    let client = stack.nats_client().await.unwrap();
    let inbox = client.new_inbox();
    let mut told = client.subscribe(inbox.clone()).await.unwrap();
    let mut effect = async || {
        loop {
            let outcome = Outcome::decode(told.next().await.unwrap().payload).unwrap();
            if !outcome.effect_key.is_empty() {
                break outcome;
            }
        }
    };
    let subject = format!("events.lab.chat.{id}");
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", event_id.as_str()),
        ("ce-source", "/tests"),
        ("ce-type", "chat"),
        (header::REPLY_TO, inbox.as_str()),
    ];
    publish(&stack, &subject, &headers, br#"{"message":"once"}"#).await;
    let first = effect().await;
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    expect(&api.get(&format!("/workflow-result/{id}")).await.unwrap(), 200);
    // The caller is told before the ledger.
    eventually(SOON, async || {
        let known = api.get(&format!("/events/{event_id}")).await?.body;
        ensure!(known.to_string().contains("signalled"), "{known}");
        Ok(())
    })
    .await;
    publish(&stack, &subject, &headers, br#"{"message":"once"}"#).await;
    let again = effect().await;
    assert_eq!((again.kind(), &again.run_id), (OutcomeKind::Signalled, &first.run_id), "as it was recorded");
    assert_eq!(described(&api, &id).await["run_id"], json!(first.run_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_an_event_can_be_read() {
    let (stack, api) = shared().await;
    let event_id = unique("nobody-wants-this");
    publish(&stack, "events.nobody.wants.this", &[("Nats-Msg-Id", event_id.as_str())], b"{}").await;
    let known = eventually(SOON, async || {
        let answer = api.get(&format!("/events/{event_id}")).await?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(answer.body)
    })
    .await;
    assert!(known.to_string().contains("unmatched"), "{known}");
    expect(&api.get("/events/never-heard-of").await.unwrap(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_becomes_a_dead_letter_and_stops_nobody() {
    let (stack, api) = shared().await;
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let id = unique("after");
    let gone = unique("no-such-workflow");
    let bad = [
        publish(&stack, "events.lab.trigger.x", &[], b"not json").await,
        publish(&stack, "events.lab.trigger.x", &[], &[0xff, 0xfe, 0x00]).await,
        publish(&stack, "events.lab.trigger.x", &[("ce-specversion", "1.0")], b"{}").await,
        publish(&stack, &format!("events.lab.message.{gone}"), &[], br#"{"message":"to nobody"}"#).await,
        publish(&stack, "events.github.push", &[], br#"{"no":"repository"}"#).await,
    ];
    publish(&stack, &format!("events.lab.trigger.{id}"), &[], b"{}").await;
    described(&api, &id).await;
    let letters = jetstream.get_stream("DEADLETTERS").await.unwrap();
    let consumer = letters.create_consumer(jetstream::consumer::pull::Config::default()).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    let mut missing: Vec<u64> = bad.to_vec();
    tokio::time::timeout(Duration::from_secs(30), async {
        while !missing.is_empty() {
            let message = messages.next().await.unwrap().unwrap();
            let letter = DeadLetter::decode(message.payload.clone()).unwrap();
            let outcome = letter.outcome.unwrap();
            assert!(!outcome.reason.is_empty() && !outcome.detail.is_empty(), "{outcome:?}");
            assert_eq!(message.subject.as_str(), format!("deadletters.{}", outcome.reason));
            missing.retain(|sequence| *sequence != letter.event.as_ref().unwrap().stream_sequence);
        }
    })
    .await
    .unwrap_or_else(|_| panic!("no dead letter for the events {missing:?} of {bad:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_read_stops_nobody() {
    let (stack, api) = shared().await;
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    for partition in 0..8 {
        jetstream.publish(format!("commands.{partition}"), "garbage".into()).await.unwrap().await.unwrap();
    }
    for n in 0..16 {
        expect(&api.post(&format!("/trigger-workflow/{}-{n}", unique("past-garbage"))).await.unwrap(), 200);
    }
}
