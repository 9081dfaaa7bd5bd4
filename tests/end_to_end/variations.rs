//! The lab's variations, driven by events alone.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::{HeaderMap, jetstream};
use futures::StreamExt;
use serde_json::{Value, json};
use signalbox_proto::{
    Message,
    names::{header, subject},
    v1::{LookupReply, LookupRequest, Outcome, OutcomeKind, ResultLookup, lookup_reply, lookup_request},
};
use signalbox_testkit::{Api, Stack, eventually};

use crate::{SOON, described, expect, shared, unique};

async fn publish(stack: &Stack, subject: String, body: Value) {
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    jetstream.publish(subject, body.to_string().into()).await.unwrap().await.unwrap();
}

/// Waits until a query of the workflow says so.
async fn until(api: &Api, id: &str, what: impl Fn(&Value) -> bool) -> Value {
    eventually(SOON, async || {
        let state = api.get(&format!("/workflows/{id}/queries/progress")).await?;
        ensure!(state.status == 200 && what(&state.body), "{}", state.body);
        Ok(state.body)
    })
    .await
}

async fn result(api: &Api, id: &str) -> Value {
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);
    result.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_ten_and_leaves_nothing_behind() {
    let (stack, api) = shared().await;
    let id = unique("batch");
    for n in 0..12 {
        publish(&stack, format!("events.lab.batch.{id}"), json!({"message": format!("m{n}")})).await;
    }
    publish(&stack, format!("events.lab.stop.{id}"), json!({})).await;
    described(&api, &id).await;
    let result = result(&api, &id).await;
    assert_eq!((&result["batches"], &result["messages_processed"]), (&json!(2), &json!(12)), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_reaches_many_running_workflows() {
    let (stack, api) = shared().await;
    let id = unique("coordinator");
    publish(&stack, format!("events.lab.coordinate.{id}"), json!({"tasks": ["a", "b", "c"]})).await;
    described(&api, &id).await;
    publish(&stack, format!("events.lab.message.{id}"), json!({"message": "to all"})).await;
    publish(&stack, format!("events.lab.stop.{id}"), json!({})).await;
    let result = result(&api, &id).await;
    let children = result["children"].as_array().unwrap();
    assert_eq!(children.len(), 3);
    for child in children {
        assert_eq!(child["result"]["messages"], json!(["to all"]), "{child}");
        let run = described(&api, &child["workflow_id"].as_str().unwrap().replace('/', "%2F")).await;
        assert_eq!(run["search_attributes"]["SignalboxTrigger"], "workflow");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_gathered_by_count_and_by_condition() {
    let (stack, api) = shared().await;
    let (count, sum) = (unique("count"), unique("sum"));
    let start = |id: &str, until: Value| {
        publish(&stack, format!("events.lab.aggregate.{id}"), json!({"until": until}))
    };
    start(&count, json!({"count": 3})).await;
    start(&sum, json!({"condition": {"field": "amount", "sum_at_least": 100}})).await;
    for id in [&count, &sum] {
        described(&api, id).await;
    }
    for n in 1..=3 {
        publish(&stack, format!("events.lab.message.{count}"), json!({"message": format!("m{n}")})).await;
    }
    for amount in [60, 39, 1] {
        publish(&stack, format!("events.lab.message.{sum}"), json!({"message": {"amount": amount}})).await;
    }
    let (count, sum) = (result(&api, &count).await, result(&api, &sum).await);
    assert_eq!((&count["count"], &count["ended"]), (&json!(3), &json!("count")), "{count}");
    assert_eq!((&sum["count"], &sum["ended"]), (&json!(3), &json!("condition")), "{sum}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_of_odd_shapes_wedge_nothing() {
    let (stack, api) = shared().await;
    let id = unique("shapes");
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);
    for odd in [json!({"a": [1, {"b": null}]}), json!(7), json!(true)] {
        publish(&stack, format!("events.lab.message.{id}"), json!({"message": odd})).await;
    }
    until(&api, &id, |state| state["messages_processed"] == 3).await;
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    assert_eq!(result(&api, &id).await["messages"], json!([r#"{"a":[1,{"b":null}]}"#, "7", "true"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_sends_an_event_and_gets_the_workflows_result() {
    let (stack, _api) = shared().await;
    let client = stack.nats_client().await.unwrap();
    let (id, inbox) = (unique("asked"), client.new_inbox());
    let mut outcomes = client.subscribe(inbox.clone()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::REPLY_TO, inbox.as_str());
    let subject = format!("events.lab.aggregate.{id}");
    client.publish_with_headers(subject, headers, r#"{"until": {"count": 1}}"#.into()).await.unwrap();
    let started = loop {
        let reply = tokio::time::timeout(SOON, outcomes.next()).await.context("no outcome").unwrap().unwrap();
        let outcome = Outcome::decode(reply.payload).unwrap();
        if outcome.kind() != OutcomeKind::Matched {
            break outcome;
        }
    };
    assert_eq!(started.kind(), OutcomeKind::Started, "{started:?}");
    publish(&stack, format!("events.lab.message.{id}"), json!({"message": "the answer"})).await;
    let question = LookupRequest {
        workflow_id: started.workflow_id,
        run_id: started.run_id,
        what: Some(lookup_request::What::Result(ResultLookup { wait_ms: 20_000 })),
    };
    let request = async_nats::Request::new()
        .payload(question.encode_to_vec().into())
        .timeout(Some(Duration::from_secs(25)));
    let reply = client.send_request(subject::LOOKUP, request).await.unwrap();
    let Some(lookup_reply::What::Json(json)) = LookupReply::decode(reply.payload).unwrap().what else {
        panic!("no result");
    };
    let result: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&result["count"], &result["ended"]), (&json!(1), &json!("count")), "{result}");
}
