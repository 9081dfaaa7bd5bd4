//! Traces when something is away: Temporal, so that calls are tried again, or the collector, which nobody may notice
//! but whoever looks for it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};
use signalbox_testkit::{Api, Collecting, OtlpReceiver, Service, Stack, eventually};

use crate::{
    SIGNALBOX, SOON, expect,
    traces::{Traced, complete, way},
    unique,
};

/// Those whose spans come of a trigger.
const SENDERS: [Service; 3] = [Service::Ingress, Service::SignalRouter, Service::Worker];

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_siblings() {
    let mut traced = Traced::start().await;
    let api = traced.stack.api();
    traced.stack.temporal.kill().unwrap();
    let accepted = api.post("/trigger-workflow/tried-again").await.unwrap();
    expect(&accepted, 202);
    traced.stack.temporal.start_again().await.unwrap();

    let name = "StartWorkflow:CronWorkflow";
    let services = ["ingress", "signal-router", "io.temporal.frontend", "io.temporal.history", "worker"];
    let trace = traced.whole(accepted.trace_id(), "RunWorkflow:CronWorkflow", &services).await;
    let apply = trace.find("signal-router", "apply commands.*").unwrap();
    let attempts: Vec<_> = trace.filter(|span| span.name == name).collect();
    let [failed @ .., last] = &attempts[..] else { panic!("{trace:?}") };
    assert!(!failed.is_empty(), "{trace:?}");
    assert!(attempts.iter().all(|attempt| attempt.parent == apply.id), "{trace:?}");
    assert!(failed.iter().all(|attempt| attempt.error.is_some()) && last.error.is_none(), "{trace:?}");
    assert_eq!(
        apply.attribute("signalbox.attempts").as_u64(),
        u64::try_from(attempts.len()).ok(),
        "{trace:?}"
    );
    let run = trace.find("worker", "RunWorkflow:CronWorkflow").unwrap();
    assert_eq!(run.parent, last.id, "{trace:?}");
    assert_eq!(way(&trace, run).len(), 5, "{trace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sampling_is_configurable() {
    let collector = OtlpReceiver::start().unwrap();
    let mut stack = Stack::traced(SIGNALBOX, &[], &collector.url()).await.unwrap();
    stack.set("OTEL_TRACES_SAMPLER", "always_off");
    stack.launch_all(&Service::ALL).await.unwrap();
    let api = stack.api();
    let none = api.post("/trigger-workflow/none").await.unwrap();
    expect(&none, 200);
    assert!(none.traceparent.ends_with("-00"), "{none:?}");
    let despite = "00-5759e988bd862e3fe1be46a994272797-53995c3f42cd8ad8-01";
    let despite = api.post_body("/stop-workflow/none", &[("traceparent", despite)], "").await.unwrap();
    assert!(despite.traceparent.ends_with("-00"), "{despite:?}");
    expect(&api.get("/workflow-result/none").await.unwrap(), 200);

    // Of the services, only the first one need decide: the others do as their callers.
    stack.set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    stack.set("OTEL_TRACES_SAMPLER_ARG", "0.5");
    stop(&mut stack, Service::Ingress).await;
    stop(&mut stack, Service::SignalRouter).await;
    stack.launch_all(&[Service::SignalRouter, Service::Ingress]).await.unwrap();
    const CALLS: usize = 200;
    let calls = stream::iter(0..CALLS).map(|_| api.get("/workflows/nobody")).buffer_unordered(8);
    let answers: Vec<_> = calls.try_collect().await.unwrap();
    let (kept, dropped): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.traceparent.ends_with("-01"));
    // With a share of one half, less than a quarter has a chance of one to 10¹².
    assert!(kept.len() > CALLS / 4 && dropped.len() > CALLS / 4, "{} of {CALLS}", kept.len());
    for answer in &kept {
        eventually(SOON, async || {
            let trace = collector.trace(answer.trace_id());
            complete(&trace, &["ingress", "signal-router"]).map_err(|why| why.context(format!("{trace:?}")))
        })
        .await;
    }
    let all = collector.spans(|_| true);
    let mut not_kept = dropped.into_iter().chain([&none, &despite]);
    assert!(!not_kept.any(|answer| all.ids().contains(answer.trace_id())), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_slow_or_full_changes_nothing_for_events() {
    let mut collector = OtlpReceiver::start().unwrap();
    let mut stack = Stack::traced(SIGNALBOX, &[], &collector.url()).await.unwrap();
    // No line per request, so that the last lines are all; and less patience than the usual 10 s.
    stack.set("SIGNALBOX_LOG", "warn,signalbox_telemetry=info");
    stack.set("OTEL_EXPORTER_OTLP_TIMEOUT", "2000");
    stack.launch_all(&Service::ALL).await.unwrap();
    let api = stack.api();
    started(&api, "before").await;

    let mut episodes = Episodes { stack: &stack, told: 0 };
    collector.stop();
    started(&api, "down").await;
    episodes.losing().await;
    collector.start_again().unwrap();
    episodes.over(&api).await;
    for (collecting, name) in [(Collecting::Silent, "slow"), (Collecting::Full, "full")] {
        collector.collect(collecting);
        started(&api, name).await;
        episodes.losing().await;
        collector.collect(Collecting::Taking);
        episodes.over(&api).await;
    }

    // Nor does anybody wait for it in the end.
    collector.collect(Collecting::Silent);
    started(&api, "last").await;
    for service in Service::ALL.into_iter().rev() {
        let began = Instant::now();
        stop(&mut stack, service).await;
        assert!(began.elapsed() < Duration::from_secs(6), "{service:?} stops for {:?}", began.elapsed());
    }
}

/// Starts a hundred workflows, each of which is answered with Temporal's word.
async fn started(api: &Api, name: &str) {
    let calls =
        stream::iter(0..100).map(|n| async move { api.post(&format!("/trigger-workflow/{name}-{n}")).await });
    let answers = calls.buffer_unordered(16);
    answers
        .try_for_each(async |answer| {
            expect(&answer, 200);
            assert_eq!(answer.text("status"), "started");
            Ok(())
        })
        .await
        .unwrap();
}

/// The times when spans are lost, as a service's log and metrics tell of them.
struct Episodes<'a> {
    stack: &'a Stack,
    told: usize,
}

impl Episodes<'_> {
    /// Each service says it once, and counts.
    async fn losing(&mut self) {
        self.told += 1;
        for service in SENDERS {
            eventually(SOON, async || {
                let told = lines(self.stack, service, "spans are lost until the collector takes them");
                ensure!(told == self.told, "{service:?} tells of {told} episodes, not {}", self.told);
                Ok(())
            })
            .await;
            assert!(spans(self.stack, service, "failed").await > 0);
        }
    }

    /// After further calls, each says so, once.
    async fn over(&self, api: &Api) {
        for service in SENDERS {
            eventually(SOON, async || {
                expect(&api.post(&format!("/trigger-workflow/{}", unique("over"))).await?, 200);
                let told = lines(self.stack, service, "the collector takes all spans again");
                ensure!(told == self.told, "{service:?} tells of {told} ends, not {}", self.told);
                Ok(())
            })
            .await;
            let lost = lines(self.stack, service, "spans are lost until the collector takes them");
            assert_eq!(lost, self.told, "{:?}", self.stack.log(service));
        }
    }
}

fn lines(stack: &Stack, service: Service, message: &str) -> usize {
    stack.log(service).iter().filter(|line| line.contains(message)).count()
}

/// How many spans ended so, as `/metrics` tells.
async fn spans(stack: &Stack, service: Service, result: &str) -> u64 {
    let metrics = stack.ask(service, "/metrics").await.unwrap();
    let text = metrics.body.as_str().unwrap();
    let mut samples = text.lines().filter(|line| line.starts_with("signalbox_spans_total{"));
    let sample = samples.find(|line| line.contains(&format!("result=\"{result}\"")));
    sample.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

async fn stop(stack: &mut Stack, service: Service) {
    let code = stack.stop(service).await.unwrap();
    assert_eq!(code, Some(0), "{service:?}");
}
