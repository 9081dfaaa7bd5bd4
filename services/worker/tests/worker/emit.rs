use async_nats::HeaderMap;
use async_nats::jetstream::stream::Stream;
use serde_json::{Value, json};
use signalbox_testkit::nats_server;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use crate::lab::{Lab, Run, within};
use crate::replay::record;
use crate::shapes::shapes;

/// The stream of events, once the worker has made it.
async fn stream(nats: &str) -> Stream {
    let client = async_nats::connect(nats).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let there = async {
        loop {
            if let Ok(stream) = jetstream.get_stream("EVENTS").await {
                return stream;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within("the stream EVENTS", there).await
}

/// The last event of a subject: its headers and its body.
async fn event(nats: &str, subject: &str) -> (HeaderMap, Vec<u8>) {
    let message = stream(nats).await.get_last_raw_message_by_subject(subject).await.unwrap();
    (message.headers, message.payload.to_vec())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.as_str())
}

/// On how many attempts the run's activity was started.
async fn attempts(run: &Run) -> i32 {
    let events = run.handle.fetch_history(Default::default()).into_events().await.unwrap();
    let started = events.into_iter().filter_map(|event| match event.attributes? {
        Attributes::ActivityTaskStartedEventAttributes(it) => Some(it.attempt),
        _ => None,
    });
    started.sum()
}

#[tokio::test]
async fn a_workflow_publishes_a_cloud_event() {
    let mut lab = Lab::with_worker().await;
    let subject = format!("events.shop.{}", lab.queue);
    let input = json!({ "subject": subject, "type": "com.example.closing", "data": { "till": 7 } });
    let run = lab.run_as("a shop/1", "EmitEvent", input).await;
    let result = run.result().await;
    let (headers, body) = event(&lab.nats, &subject).await;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "till": 7 }));
    for (name, expected) in [
        ("ce-specversion", "1.0"),
        ("ce-id", result["id"].as_str().unwrap()),
        ("ce-source", "/temporal/namespaces/default/workflows/a%2520shop%252F1"),
        ("ce-type", "com.example.closing"),
        ("ce-datacontenttype", "application/json"),
    ] {
        assert_eq!(header(&headers, name), expected, "{name}");
    }
    let run_id = run.handle.describe(Default::default()).await.unwrap().run_id().to_owned();
    assert!(result["id"].as_str().unwrap().starts_with(&run_id), "{result}");
    assert_eq!(result["source"], "/temporal/namespaces/default/workflows/a%20shop%2F1");
    assert_eq!(result["subject"], subject);
    record("emit-event-published", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_subject_alone_is_an_event_without_data() {
    let mut lab = Lab::with_worker().await;
    let subject = format!("events.shop.{}", lab.queue);
    lab.run("EmitEvent", subject.as_str()).await.result().await;
    let (headers, body) = event(&lab.nats, &subject).await;
    assert_eq!(header(&headers, "ce-type"), subject.strip_prefix("events.").unwrap());
    assert!(body.is_empty());
    lab.stop_worker().await;
}

#[tokio::test]
async fn what_can_never_be_published_fails_the_run() {
    let mut lab = Lab::with_worker().await;
    for (shape, arguments, _) in shapes() {
        let run = lab.run("EmitEvent", arguments).await;
        let (kind, message) = run.failure().await;
        assert!(kind.contains("InvalidInput") && kind.contains("non_retryable: true"), "{shape}: {kind}");
        assert!(!message.is_empty(), "{shape}");
        if shape == "no payload" {
            record("emit-event-invalid-input", &run).await;
        }
    }
    let large = json!({ "subject": "events.a", "data": "x".repeat(1_500_000) });
    let (kind, message) = lab.run("EmitEvent", large).await.failure().await;
    assert!(kind.contains("non_retryable: true") && message.contains("larger than NATS takes"), "{kind}");
    lab.stop_worker().await;
}

#[tokio::test]
async fn while_nats_is_away_it_is_tried_again_and_stored_once() {
    let shared = Lab::without_worker().await;
    let mut nats = nats_server().await.unwrap();
    let mut lab = Lab::at(&shared.address, &shared.queue, &nats.url()).await;
    lab.start_worker();
    // The worker has made the stream.
    assert_eq!(stream(&lab.nats).await.info().await.unwrap().state.messages, 0);
    nats.kill().unwrap();
    let emitting = lab.run("EmitEvent", "events.shop.closing").await;
    let other = lab.run("CronWorkflow", "t").await;
    other.stop().await;
    assert_eq!(other.result().await["task"], "t");
    let tried_again = async {
        while emitting.handle.describe(Default::default()).await.unwrap().raw().pending_activities[0].attempt
            < 2
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within("a second attempt", tried_again).await;
    nats.start_again().await.unwrap();
    emitting.result().await;
    assert!(attempts(&emitting).await >= 2);
    assert_eq!(stream(&lab.nats).await.info().await.unwrap().state.messages, 1);
    lab.stop_worker().await;
}
