//! One trace for all that comes of a call, as a collector gets it.

use std::{
    fs,
    sync::{Arc, Weak},
};

use anyhow::ensure;
use serde_json::{Value, json};
use signalbox_servers::local_http;
use signalbox_testkit::{Answer, Api, OtlpReceiver, Service, Span, SpanKind, Stack, Trace, eventually, root};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{SIGNALBOX, SOON, expect, shared, unique};

/// A stack that sends its traces to a collector.
pub struct Traced {
    pub stack: Stack,
    pub collector: OtlpReceiver,
    _routes: TempDir,
}

impl Traced {
    /// Starts it, with routes of its own besides those that `up` has.
    pub async fn start() -> Self {
        let routes = TempDir::new().unwrap();
        for file in fs::read_dir(root().join("routes")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), routes.path().join(file.file_name())).unwrap();
        }
        fs::write(routes.path().join("traces.yaml"), ROUTES).unwrap();
        let collector = OtlpReceiver::start().unwrap();
        let mut stack = Stack::traced(SIGNALBOX, &[], &collector.url()).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", routes.path());
        stack.launch_all(&Service::ALL).await.unwrap();
        Self { stack, collector, _routes: routes }
    }

    /// Waits until the collector has a trace to its end: the span `last` of the worker, these services, and no parent
    /// in it is missing.
    pub async fn whole(&self, trace_id: &str, last: &str, services: &[&str]) -> Trace {
        self.until(trace_id, |trace| {
            ensure!(trace.find("worker", last).is_some(), "no {last} of the worker");
            complete(trace, services)
        })
        .await
    }

    /// Waits until this holds of what the collector has of a trace.
    pub async fn until(&self, trace_id: &str, holds: impl Fn(&Trace) -> anyhow::Result<()>) -> Trace {
        assert_eq!(trace_id.len(), 32, "{trace_id}");
        eventually(SOON, async || {
            let trace = self.collector.trace(trace_id);
            holds(&trace).map_err(|why| why.context(format!("{trace:?}")))?;
            Ok(trace)
        })
        .await
    }
}

/// A workflow whose activity publishes an event, of which another workflow comes.
const ROUTES: &str = r#"
version: 1
routes:
  - name: emit
    on: events.traces.emit.*
    start:
      workflow: EmitEvent
      workflow_id: emit-${ event.tokens[3] }
      args:
        - subject: events.lab.trigger.${ event.tokens[3] }
          data: { name: Emitted }
"#;

/// One traced stack for all tests that break nothing; it goes with the last of them.
pub async fn traced() -> (Arc<Traced>, Api) {
    static STACK: Mutex<Weak<Traced>> = Mutex::const_new(Weak::new());
    let mut place = STACK.lock().await;
    let traced = match place.upgrade() {
        Some(traced) => traced,
        None => Arc::new(Traced::start().await),
    };
    *place = Arc::downgrade(&traced);
    let api = traced.stack.api();
    (traced, api)
}

/// The names of a span and of what it hangs on, the first one first.
pub fn way<'a>(trace: &'a Trace, to: &'a Span) -> Vec<&'a str> {
    let mut names: Vec<_> = trace.ancestors(to).map(|span| &*span.name).collect();
    names.reverse();
    names.push(&to.name);
    names
}

/// The way to a span of the worker.
pub fn way_to<'a>(trace: &'a Trace, name: &str) -> Vec<&'a str> {
    way(trace, trace.find("worker", name).unwrap_or_else(|| panic!("no {name}: {trace:?}")))
}

/// What takes part in whatever reaches a workflow.
const PARTICIPANTS: [&str; 5] =
    ["ingress", "signal-router", "io.temporal.frontend", "io.temporal.history", "worker"];

/// Fails while these services or the parents of spans are missing.
pub fn complete(trace: &Trace, services: &[&str]) -> anyhow::Result<()> {
    complete_below(trace, services, "")
}

/// The same, where one span, which the caller did not send, is the parent of the first one.
pub fn complete_below(trace: &Trace, services: &[&str], caller: &str) -> anyhow::Result<()> {
    let found = trace.services();
    let missing: Vec<_> = services.iter().filter(|service| !found.contains(*service)).collect();
    ensure!(missing.is_empty(), "{missing:?} are missing");
    ensure!(trace.orphans().all(|span| span.parent == caller), "parents are missing");
    Ok(())
}

/// Calls, and expects success and to be told the trace.
pub async fn post(api: &Api, path: &str) -> Answer {
    let answer = api.post(path).await.unwrap();
    expect(&answer, 200);
    assert!(answer.traceparent.ends_with("-01"), "{answer:?}");
    answer
}

/// The one root of a trace, which is the span that the caller was told of.
fn root_of<'a>(trace: &'a Trace, answer: &Answer) -> &'a Span {
    let roots: Vec<_> = trace.roots().collect();
    let [root] = roots[..] else { panic!("{} roots: {trace:?}", roots.len()) };
    assert_eq!(answer.traceparent, format!("00-{}-{}-01", root.trace_id, root.id));
    root
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_one_trace_from_http_to_the_workflow() {
    let (traced, api) = traced().await;
    let id = unique("traced");
    let started = post(&api, &format!("/trigger-workflow/{id}")).await;
    let signalled = post(&api, &format!("/signal-workflow/{id}?message=hi")).await;
    let stopped = post(&api, &format!("/stop-workflow/{id}")).await;

    let trace = traced.whole(started.trace_id(), "CompleteWorkflow:CronWorkflow", &PARTICIPANTS).await;
    let start = [
        "POST /trigger-workflow/{workflow_id}",
        "publish commands.*",
        "apply commands.*",
        "StartWorkflow:CronWorkflow",
        "RunWorkflow:CronWorkflow",
    ];
    assert_eq!(way_to(&trace, "RunWorkflow:CronWorkflow"), start, "{trace:?}");
    let frontend = trace.filter(|span| span.service == "io.temporal.frontend").next().unwrap();
    assert_eq!(way(&trace, frontend)[..4], start[..4], "{trace:?}");
    is_told_by_the_conventions(&trace, root_of(&trace, &started), &id);

    for (answer, path, call, handler) in [
        (&signalled, "signal", "SignalWorkflow:add_message", "HandleSignal:add_message"),
        (&stopped, "stop", "SignalWorkflow:stop_processing", "HandleSignal:stop_processing"),
    ] {
        let trace = traced.whole(answer.trace_id(), handler, &PARTICIPANTS).await;
        let called = format!("POST /{path}-workflow/{{workflow_id}}");
        let expected = [&called, "publish commands.*", "apply commands.*", call, handler];
        assert_eq!(way_to(&trace, handler), expected, "{trace:?}");
        root_of(&trace, answer);
    }
    let ids = [&started, &signalled, &stopped].map(Answer::trace_id);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
}

/// OpenTelemetry's semantic conventions for HTTP and messaging.
fn is_told_by_the_conventions(trace: &Trace, root: &Span, workflow_id: &str) {
    let find = |service, name| trace.find(service, name).unwrap();
    let publish = find("ingress", "publish commands.*");
    let apply = find("signal-router", "apply commands.*");
    let start = find("signal-router", "StartWorkflow:CronWorkflow");
    let expected = [SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Client];
    assert_eq!([root, publish, apply, start].map(|span| span.kind), expected, "{trace:?}");
    for (span, name, value) in [
        (root, "http.request.method", json!("POST")),
        (root, "http.route", json!("/trigger-workflow/{workflow_id}")),
        (root, "url.path", json!(format!("/trigger-workflow/{workflow_id}"))),
        (root, "http.response.status_code", json!(200)),
        (publish, "messaging.system", json!("nats")),
        (publish, "messaging.operation.type", json!("send")),
        (apply, "messaging.operation.type", json!("process")),
        (apply, "messaging.message.id", publish.attribute("messaging.message.id").clone()),
        (apply, "messaging.destination.name", publish.attribute("messaging.destination.name").clone()),
        (start, "temporalWorkflowID", json!(workflow_id)),
    ] {
        assert_eq!(span.attribute(name), &value, "{name} of {span}");
    }
    assert!(publish.text("messaging.destination.name").starts_with("commands."));
    // Temporal says so of what is not there yet: the first command that a router gets of a partition is looked up, as
    // another router may have tried it.
    let failed = |span: &Span| span.error.is_some() && !span.name.ends_with("/DescribeWorkflowExecution");
    assert!(trace.filter(failed).next().is_none(), "{trace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_one_trace_too() {
    let (traced, api) = traced().await;
    let id = unique("asked");
    post(&api, &format!("/trigger-workflow/{id}")).await;
    let asked = api.get(&format!("/workflows/{id}/queries/progress")).await.unwrap();
    expect(&asked, 200);
    post(&api, &format!("/stop-workflow/{id}")).await;
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);

    let lookup = ["ingress", "signal-router", "worker"];
    let trace = traced.whole(asked.trace_id(), "HandleQuery:progress", &lookup).await;
    let expected = [
        "GET /workflows/{workflow_id}/queries/{query}",
        "request signalbox.router.lookup",
        "answer signalbox.router.lookup",
        "QueryWorkflow:progress",
        "HandleQuery:progress",
    ];
    assert_eq!(way_to(&trace, "HandleQuery:progress"), expected, "{trace:?}");
    root_of(&trace, &asked);
    let trace = traced.until(result.trace_id(), |trace| complete(trace, &lookup[..2])).await;
    root_of(&trace, &result);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_nothing_is_traced() {
    const CALLER: &str = "00-5759e988bd862e3fe1be46a994272796-53995c3f42cd8ad8-01";
    let (stack, api) = shared().await;
    let path = format!("/trigger-workflow/{}", unique("nobody-collects"));
    let answer = api.post_body(&path, &[("traceparent", CALLER)], "").await.unwrap();
    expect(&answer, 200);
    // A trace is handed on all the same, and none begun.
    assert_eq!(answer.traceparent, CALLER);
    assert_eq!(api.get("/").await.unwrap().traceparent, "");
    for service in Service::ALL {
        let metrics = stack.ask(service, "/metrics").await.unwrap();
        let text = metrics.body.as_str().unwrap();
        assert!(text.contains("\nsignalbox_") && !text.contains("\nsignalbox_spans_total"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_own_trace_is_continued() {
    const CALLER: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    let (traced, api) = traced().await;
    let path = format!("/trigger-workflow/{}", unique("continued"));
    let answer = api.post_body(&path, &[("traceparent", CALLER), ("tracestate", "a=b")], "").await.unwrap();
    expect(&answer, 200);
    assert_eq!(answer.trace_id(), &CALLER[3..35]);
    let trace = traced
        .until(answer.trace_id(), |trace| {
            ensure!(trace.find("worker", "RunWorkflow:CronWorkflow").is_some());
            complete_below(trace, &PARTICIPANTS, &CALLER[36..52])
        })
        .await;
    let first: Vec<_> = trace.orphans().map(|span| &*span.name).collect();
    assert_eq!(first, ["POST /trigger-workflow/{workflow_id}"], "{trace:?}");
    assert_eq!(trace.roots().count(), 0, "{trace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_does_not_record_nobody_does() {
    const CALLER: &str = "00-5759e988bd862e3fe1be46a994272794-53995c3f42cd8ad8-00";
    let (traced, api) = traced().await;
    let id = unique("not-recorded");
    let path = format!("/trigger-workflow/{id}");
    let answer = api.post_body(&path, &[("traceparent", CALLER)], "").await.unwrap();
    expect(&answer, 200);
    assert_eq!((answer.trace_id(), &answer.traceparent[52..]), (&CALLER[3..35], "-00"), "{answer:?}");
    post(&api, &format!("/stop-workflow/{id}")).await;
    expect(&api.get(&format!("/workflow-result/{id}")).await.unwrap(), 200);
    // What came later has been sent by all.
    let recorded = post(&api, &path).await;
    traced.whole(recorded.trace_id(), "RunWorkflow:CronWorkflow", &PARTICIPANTS).await;
    let trace = traced.collector.trace(answer.trace_id());
    assert!(trace.spans().is_empty(), "{trace:?}");
    // It has been handed on all the same.
    let header = tracer_data(&traced.stack, &id, answer.text("run_id")).await;
    assert!(header.contains(&CALLER[3..35]) && header.contains("-00"), "{header}");
}

/// The header of a run that Temporal's interceptors read.
async fn tracer_data(stack: &Stack, workflow_id: &str, run_id: &str) -> String {
    let http = format!("http://127.0.0.1:{}/api/v1/namespaces/default/workflows", stack.temporal.http_port());
    let client = local_http().build().unwrap();
    let url = format!("{http}/{workflow_id}/history?execution.runId={run_id}");
    let history: Value = client.get(url).send().await.unwrap().json().await.unwrap();
    let begun = &history["history"]["events"][0]["workflowExecutionStartedEventAttributes"];
    begun["header"]["fields"]["_tracer-data"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_one_trace_through_both_stages_of_the_router() {
    let (traced, api) = traced().await;
    let shop = unique("traced-shop");
    let headers = [("content-type", "application/json"), ("x-github-event", "push")];
    let push = json!({"repository": {"name": shop}}).to_string();
    let answer = api.post_body("/webhook/github", &headers, push).await.unwrap();
    expect(&answer, 200);
    let trace = traced.whole(answer.trace_id(), "RunWorkflow:CronWorkflow", &PARTICIPANTS).await;
    assert_eq!(
        way_to(&trace, "RunWorkflow:CronWorkflow"),
        [
            "POST /webhook/github",
            "publish events.>",
            "match events.>",
            "publish commands.*",
            "apply commands.*",
            "StartWorkflow:CronWorkflow",
            "RunWorkflow:CronWorkflow",
        ],
        "{trace:?}"
    );
    root_of(&trace, &answer);
    post(&api, &format!("/stop-workflow/deploy-{shop}")).await;
}
