//! Traces of what no HTTP call begins: messages, schedules, batches, events of workflows.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use async_nats::{HeaderMap, Subscriber, jetstream};
use futures::StreamExt;
use signalbox_proto::{Message, v1::Outcome};
use signalbox_testkit::{Trace, eventually};

use crate::{
    SOON, expect,
    traces::{Traced, complete, complete_below, post, traced, way_to},
    unique,
};

const CALLER: &str = "00-5759e988bd862e3fe1be46a994272795-53995c3f42cd8ad8-01";

/// What takes part in what comes of a message.
const PARTICIPANTS: [&str; 4] = ["signal-router", "io.temporal.frontend", "io.temporal.history", "worker"];

/// From the message on.
const WAY: [&str; 5] = [
    "match events.>",
    "publish commands.*",
    "apply commands.*",
    "StartWorkflow:CronWorkflow",
    "RunWorkflow:CronWorkflow",
];

async fn publish(traced: &Traced, subject: &str, headers: &[(&str, &str)], body: &str) {
    let jetstream = jetstream::new(traced.stack.nats_client().await.unwrap());
    let mut map = HeaderMap::new();
    headers.iter().for_each(|(name, value)| map.insert(*name, *value));
    let stored =
        jetstream.publish_with_headers(subject.to_owned(), map, body.to_owned().into()).await.unwrap();
    stored.await.unwrap();
}

/// The outcomes that come to the ledger from now on.
async fn ledger(traced: &Traced) -> Subscriber {
    let client = traced.stack.nats_client().await.unwrap();
    let subscriber = client.subscribe("outcomes.>").await.unwrap();
    client.flush().await.unwrap();
    subscriber
}

/// The next outcome of an event.
async fn outcome_of(ledger: &mut Subscriber, event_id: &str) -> Outcome {
    let find = async {
        loop {
            let outcome = Outcome::decode(ledger.next().await.unwrap().payload).unwrap();
            if outcome.event.as_ref().is_some_and(|event| event.id == event_id) {
                return outcome;
            }
        }
    };
    tokio::time::timeout(SOON, find).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publishers_trace_is_continued() {
    let (traced, _api) = traced().await;
    let subject = format!("events.lab.trigger.{}", unique("publisher"));
    publish(&traced, &subject, &[("traceparent", CALLER)], "{}").await;
    let trace = traced
        .until(&CALLER[3..35], |trace| {
            ensure!(trace.find("worker", "RunWorkflow:CronWorkflow").is_some());
            complete_below(trace, &PARTICIPANTS, &CALLER[36..52])
        })
        .await;
    assert_eq!(way_to(&trace, "RunWorkflow:CronWorkflow"), WAY, "{trace:?}");
    let first: Vec<_> = trace.orphans().map(|span| &*span.name).collect();
    assert_eq!((&first[..], trace.roots().count()), (&WAY[..1], 0), "{trace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_trace_begins_one_that_its_outcomes_name() {
    let (traced, _api) = traced().await;
    let mut ledger = ledger(&traced).await;
    let event_id = unique("untraced-event");
    let subject = format!("events.lab.trigger.{}", unique("untraced"));
    publish(&traced, &subject, &[("Nats-Msg-Id", &event_id)], "{}").await;
    let started = outcome_of(&mut ledger, &event_id).await;
    let trace_id = &started.trace.as_ref().context("no trace").unwrap().traceparent[3..35];
    let trace = traced.whole(trace_id, "RunWorkflow:CronWorkflow", &PARTICIPANTS).await;
    assert_eq!(way_to(&trace, "RunWorkflow:CronWorkflow"), WAY, "{trace:?}");
    let matched = trace.find("signal-router", WAY[0]).unwrap();
    for (name, value) in [
        ("messaging.system", "nats"),
        ("messaging.destination.name", &subject),
        ("messaging.message.id", &event_id),
        ("cloudevents.event_id", &event_id),
    ] {
        assert_eq!(matched.text(name), value, "{name} of {matched}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_run_begins_a_trace_that_names_its_schedule() {
    let (traced, api) = traced().await;
    let id = unique("traced-schedule");
    let path = format!("/schedule-workflow/{id}");
    let made = post(&api, &format!("{path}?cron=*/2+*+*+*+*+*")).await;
    let runs = eventually(SOON, async || {
        let runs = traced
            .collector
            .spans(|span| span.name == "RunWorkflow:CronWorkflow" && span.text("temporalScheduleID") == id);
        ensure!(runs.spans().len() >= 2, "{runs:?}");
        Ok(runs)
    })
    .await;
    expect(&api.delete(&path).await.unwrap(), 200);
    assert_eq!(runs.ids().len(), runs.spans().len(), "{runs:?}");
    assert!(runs.spans().iter().all(|run| run.parent.is_empty()), "{runs:?}");
    assert!(!runs.ids().contains(made.trace_id()), "the call's own trace ends with its answer");
    let services = ["ingress", "scheduler-manager", "io.temporal.frontend"];
    traced.until(made.trace_id(), |trace| complete(trace, &services)).await;
    for run in runs.spans() {
        post(&api, &format!("/stop-workflow/{}", run.text("temporalWorkflowID"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_links_to_its_members() {
    let (traced, _api) = traced().await;
    let subject = format!("events.lab.batch.{}", unique("traced-batch"));
    let members: BTreeSet<_> = (0..10).map(|n| format!("5759e988bd862e3fe1be46a9942728{n:02}")).collect();
    for (n, member) in members.iter().enumerate() {
        let traceparent = format!("00-{member}-53995c3f42cd8ad8-01");
        publish(&traced, &subject, &[("traceparent", &traceparent)], &format!(r#"{{"message":"{n}"}}"#))
            .await;
    }
    let batches = eventually(SOON, async || {
        let found = traced.collector.spans(|span| {
            span.name == "RunActivity:process_batch"
                && span.links.iter().any(|(trace, _)| members.contains(trace))
        });
        ensure!(!found.spans().is_empty(), "no batch yet");
        Ok(found)
    })
    .await;
    let [batch] = batches.spans() else { panic!("{batches:?}") };
    let linked: BTreeSet<_> = batch.links.iter().map(|(trace, _)| trace.clone()).collect();
    assert_eq!(linked, members, "{batches:?}");
    assert_eq!(batch.links.len(), members.len());
    // Each link leads to a span that is there.
    for (trace, span) in &batch.links {
        traced
            .until(trace, |trace| {
                trace.by_id(span).context("the link leads nowhere")?;
                Ok(())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_an_activity_publishes_continues_the_trace() {
    let (traced, _api) = traced().await;
    let mut ledger = ledger(&traced).await;
    let (id, event_id) = (unique("emitted"), unique("emit-event"));
    publish(&traced, &format!("events.traces.emit.{id}"), &[("Nats-Msg-Id", &event_id)], "{}").await;
    let outcome = outcome_of(&mut ledger, &event_id).await;
    let trace_id = outcome.trace.unwrap().traceparent[3..35].to_owned();
    let trace = traced.whole(&trace_id, "RunWorkflow:CronWorkflow", &PARTICIPANTS).await;
    let expected = [
        "match events.>",
        "publish commands.*",
        "apply commands.*",
        "StartWorkflow:EmitEvent",
        "RunWorkflow:EmitEvent",
        "StartActivity:emit_event",
        "RunActivity:emit_event",
        "publish events.>",
    ];
    let way = way_to(&trace, "RunWorkflow:CronWorkflow");
    assert_eq!(way[..expected.len()], expected, "{trace:?}");
    assert_eq!(way[expected.len()..], WAY, "{trace:?}");
    one_root(&trace);
}

fn one_root(trace: &Trace) {
    assert_eq!((trace.roots().count(), trace.orphans().count()), (1, 0), "{trace:?}");
}
