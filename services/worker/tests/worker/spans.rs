//! What a collector gets of workflows and activities.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use signalbox_servers::free_port;
use signalbox_testkit::{OtlpReceiver, Span, SpanKind, Trace, eventually};
use temporalio_client::schedules::{
    CreateScheduleOptions, ScheduleAction, ScheduleOverlapPolicy, ScheduleSpec,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;

use crate::lab::{Lab, payload};
use crate::replay::record;
use crate::worker_process::WorkerProcess;

const PATIENCE: Duration = Duration::from_secs(60);

/// A span that somebody else has made, in a trace of its own.
struct Outside {
    trace_id: String,
    id: String,
}

impl Outside {
    fn new() -> Self {
        let (trace, span) =
            (uuid::Uuid::now_v7().simple().to_string(), uuid::Uuid::now_v7().simple().to_string());
        Self { trace_id: trace, id: span[16..].to_owned() }
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.id)
    }

    fn link(&self) -> (String, String) {
        (self.trace_id.clone(), self.id.clone())
    }
}

/// The trace, once it has a span of this name.
async fn trace_with(collector: &OtlpReceiver, id: &str, name: &str) -> Trace {
    eventually(PATIENCE, async || {
        let trace = collector.trace(id);
        ensure!(trace.find("worker", name).is_some(), "no {name} in {trace:?}");
        Ok(trace)
    })
    .await
}

fn span<'a>(trace: &'a Trace, name: &str) -> &'a Span {
    let named: Vec<_> = trace.spans().iter().filter(|span| span.name == name).collect();
    assert_eq!(named.len(), 1, "{name} in {trace:?}");
    named[0]
}

#[tokio::test]
async fn a_run_its_signals_and_its_end_are_in_the_trace_of_who_sent_them() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let mut worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let (starter, sender) = (Outside::new(), Outside::new());
    let run = lab.run_traced("CronWorkflow", "t", &starter.traceparent()).await;
    // A run that goes on for long is seen from its beginning.
    let begun = trace_with(&collector, &starter.trace_id, "RunWorkflow:CronWorkflow").await;
    let begun = span(&begun, "RunWorkflow:CronWorkflow");
    assert_eq!((&begun.parent, begun.kind), (&starter.id, SpanKind::Server));
    assert_eq!(begun.text("temporalWorkflowID"), run.id);

    run.add_traced("a", &sender.traceparent()).await;
    let signal = trace_with(&collector, &sender.trace_id, "HandleSignal:add_message").await;
    assert_eq!(span(&signal, "HandleSignal:add_message").parent, sender.id);
    run.stop().await;
    run.result().await;

    let trace = trace_with(&collector, &starter.trace_id, "CompleteWorkflow:CronWorkflow").await;
    let ended = span(&trace, "CompleteWorkflow:CronWorkflow");
    assert_eq!((&ended.parent, &ended.error), (&begun.id, &None));
    assert_eq!(ended.text("temporalRunID"), begun.text("temporalRunID"));
    assert_eq!(ended.links, [sender.link()]);
    assert!(ended.began > begun.ended, "{trace:?}");
    // A signal of no trace belongs to the run.
    assert_eq!(span(&trace, "HandleSignal:stop_processing").parent, begun.id);
    assert!(worker.terminate().await.success());
    let trace = collector.trace(&starter.trace_id);
    assert!(trace.orphans().all(|orphan| orphan.parent == starter.id), "{trace:?}");
    assert_eq!(trace.spans().len(), 3, "{trace:?}");
}

#[tokio::test]
async fn a_failed_run_ends_with_an_error() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let starter = Outside::new();
    lab.run_traced("BatchWorkflow", json!({ "batch_size": 3 }), &starter.traceparent()).await.failure().await;
    let trace = trace_with(&collector, &starter.trace_id, "CompleteWorkflow:BatchWorkflow").await;
    let error = span(&trace, "CompleteWorkflow:BatchWorkflow").error.as_deref().unwrap_or_default();
    assert!(error.contains("missing field `task`"), "{error}");
}

#[tokio::test]
async fn a_batch_links_to_its_members() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let (starter, members) = (Outside::new(), [Outside::new(), Outside::new()]);
    let input = json!({ "task": "t", "batch_size": 3 });
    let run = lab.run_traced("BatchWorkflow", input, &starter.traceparent()).await;
    for member in &members {
        run.add_traced("a", &member.traceparent()).await;
    }
    run.add("of no trace").await;
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let trace = trace_with(&collector, &starter.trace_id, "RunActivity:process_batch").await;
    let processed = span(&trace, "RunActivity:process_batch");
    assert_eq!(processed.links, members.each_ref().map(Outside::link));
    let scheduled = trace.by_id(&processed.parent).unwrap();
    assert_eq!(scheduled.name, "StartActivity:process_batch");
    assert_eq!(scheduled.parent, span(&trace, "RunWorkflow:BatchWorkflow").id);
    run.stop().await;
    run.result().await;
    record("batch-of-traces", &run).await;
}

#[tokio::test]
async fn an_aggregate_links_to_its_members() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let (starter, members) = (Outside::new(), [Outside::new(), Outside::new()]);
    let input = json!({ "task": "t", "until": { "count": 2 } });
    let run = lab.run_traced("AggregateWorkflow", input, &starter.traceparent()).await;
    for member in &members {
        run.add_traced("a", &member.traceparent()).await;
    }
    run.result().await;
    let trace = trace_with(&collector, &starter.trace_id, "CompleteWorkflow:AggregateWorkflow").await;
    let ended = span(&trace, "CompleteWorkflow:AggregateWorkflow");
    assert_eq!(ended.links, members.each_ref().map(Outside::link));
}

#[tokio::test]
async fn what_a_second_worker_does_hangs_on_what_the_first_did() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let starter = Outside::new();
    let mut first = WorkerProcess::start(&lab, Some(&collector.url()));
    let input = json!({ "task": "t", "batch_size": 1 });
    let run = lab.run_traced("BatchWorkflow", input, &starter.traceparent()).await;
    run.add("a").await;
    trace_with(&collector, &starter.trace_id, "RunActivity:process_batch").await;
    run.until("batches", 1).await;
    first.kill();
    run.add("b").await;
    run.stop().await;
    let _second = WorkerProcess::start(&lab, Some(&collector.url()));
    assert_eq!(run.result().await["batches"], 2);
    let trace = trace_with(&collector, &starter.trace_id, "CompleteWorkflow:BatchWorkflow").await;
    assert!(trace.orphans().all(|orphan| orphan.parent == starter.id), "{trace:?}");
    let begun = span(&trace, "RunWorkflow:BatchWorkflow");
    let below: Vec<_> = trace.children(begun).map(|span| &*span.name).collect();
    let expected = [
        "HandleSignal:add_message",
        "StartActivity:process_batch",
        "HandleSignal:add_message",
        "HandleSignal:stop_processing",
        "StartActivity:process_batch",
        "CompleteWorkflow:BatchWorkflow",
    ];
    assert_eq!(below, expected, "{trace:?}");
}

#[tokio::test]
async fn what_an_activity_publishes_is_in_its_trace() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let starter = Outside::new();
    let subject = format!("events.shop.{}", lab.queue);
    lab.run_traced("EmitEvent", subject.as_str(), &starter.traceparent()).await.result().await;
    let trace = trace_with(&collector, &starter.trace_id, "RunActivity:emit_event").await;
    let activity = span(&trace, "RunActivity:emit_event");
    let published = trace.children(activity).next().unwrap();
    assert_eq!((&*published.name, published.kind), ("publish events.>", SpanKind::Producer));
    let client = async_nats::connect(&lab.nats).await.unwrap();
    let stream = async_nats::jetstream::new(client).get_stream("EVENTS").await.unwrap();
    let message = stream.get_last_raw_message_by_subject(&subject).await.unwrap();
    let expected = format!("00-{}-{}-01", starter.trace_id, published.id);
    assert_eq!(message.headers.get("traceparent").unwrap().as_str(), expected);
}

#[tokio::test]
async fn attempts_at_an_activity_are_siblings() {
    let shared = Lab::without_worker().await;
    let nowhere = format!("127.0.0.1:{}", free_port().unwrap());
    let lab = Lab::at(&shared.address, &shared.queue, &nowhere).await;
    let collector = OtlpReceiver::start().unwrap();
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let starter = Outside::new();
    lab.run_traced("EmitEvent", "events.a", &starter.traceparent()).await;
    let attempts = eventually(PATIENCE, async || {
        let attempts = collector
            .spans(|span| span.trace_id == starter.trace_id && span.name == "RunActivity:emit_event");
        ensure!(attempts.spans().len() >= 2, "{attempts:?}");
        Ok(attempts)
    })
    .await;
    let scheduled = trace_with(&collector, &starter.trace_id, "StartActivity:emit_event").await;
    let scheduled = span(&scheduled, "StartActivity:emit_event");
    assert!(
        attempts.spans().iter().all(|it| it.parent == scheduled.id && it.error.is_some()),
        "{attempts:?}"
    );
}

#[tokio::test]
async fn each_run_of_a_schedule_begins_a_trace_that_names_it() {
    let lab = Lab::without_worker().await;
    let collector = OtlpReceiver::start().unwrap();
    let _worker = WorkerProcess::start(&lab, Some(&collector.url()));
    let schedule = format!("schedule of {}", lab.queue);
    let task = RawValue::new(vec![payload("json/plain", "\"t\"")]);
    let workflow = UntypedWorkflow::new("CronWorkflow");
    let action = ScheduleAction::start_workflow(workflow, task, &lab.queue, &schedule);
    let options = CreateScheduleOptions::builder()
        .action(action)
        .spec(ScheduleSpec::from_interval(Duration::from_secs(1)))
        .overlap_policy(ScheduleOverlapPolicy::AllowAll)
        .build();
    let handle = lab.client.create_schedule(&schedule, options).await.unwrap();
    let begun = eventually(PATIENCE, async || {
        let begun = collector.spans(|span| span.text("temporalScheduleID") == schedule);
        ensure!(begun.spans().len() >= 2, "{begun:?}");
        Ok(begun)
    })
    .await;
    handle.delete(Default::default()).await.unwrap();
    let begun = begun.spans();
    assert!(begun.iter().all(|span| span.name == "RunWorkflow:CronWorkflow" && span.parent.is_empty()));
    assert_ne!(begun[0].trace_id, begun[1].trace_id);
    let run = lab.existing(begun[0].text("temporalWorkflowID"));
    run.stop().await;
    let trace = trace_with(&collector, &begun[0].trace_id, "CompleteWorkflow:CronWorkflow").await;
    assert_eq!(trace.roots().count(), 1, "{trace:?}");
    assert_eq!(trace.orphans().count(), 0, "{trace:?}");
}
