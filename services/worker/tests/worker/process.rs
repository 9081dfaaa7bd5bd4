//! The worker as a process: it waits for Temporal, survives it, stops in order, and may be killed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use signalbox_servers::{TemporalServer, free_port};
use signalbox_service::{Process, Readiness};
use signalbox_telemetry::Metrics;
use signalbox_testkit::nats_server;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lab::{Lab, server_options, within, worker_options};
use crate::worker_process::WorkerProcess;

#[tokio::test]
async fn a_killed_worker_is_taken_over_from_and_sigterm_ends_with_0() {
    let lab = Lab::without_worker().await;
    let mut first = WorkerProcess::start(&lab, None);
    let cron = lab.run("CronWorkflow", "t").await;
    let batch = lab.run("BatchWorkflow", json!({ "task": "t", "batch_size": 2 })).await;
    cron.add("a").await;
    for text in ["a", "b", "c"] {
        batch.add(text).await;
    }
    cron.until("messages_processed", 1).await;
    batch.until("batches", 1).await;
    first.kill();
    cron.add("b").await;
    batch.add("d").await;
    let mut second = WorkerProcess::start(&lab, None);
    for run in [&cron, &batch] {
        run.stop().await;
    }
    assert_eq!(cron.result().await["messages"], json!(["a", "b"]));
    let result = batch.result().await;
    assert_eq!((&result["batches"], &result["messages_processed"]), (&json!(2), &json!(4)));
    assert!(second.terminate().await.success());
}

struct InProcess {
    readiness: Readiness,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    worker: JoinSet<anyhow::Result<()>>,
}

impl InProcess {
    fn start(address: &str, queue: &str, nats: &str) -> Self {
        let process = Process::new("worker");
        let (readiness, stop) = (process.readiness.clone(), process.stop.clone());
        let metrics = Arc::clone(&process.metrics);
        let mut worker = JoinSet::new();
        worker.spawn(signalbox_worker::run_in(process, worker_options(address, queue, nats)));
        Self { readiness, metrics, stop, worker }
    }

    async fn until(&self, name: &str, met: bool) {
        let condition = async {
            while self.readiness.snapshot().iter().any(|it| it.name == name && it.met != met) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(&format!("the condition `{name}` = {met}"), condition).await;
    }

    /// Until `/metrics` tells a sample of `metric` above zero with these labels.
    async fn until_measured(&self, metric: &str, labels: &str) {
        let measured = async {
            let is_it = |line: &str| {
                let sample = line.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{'));
                sample && line.contains(labels) && !line.ends_with(" 0")
            };
            while !self.metrics.encode().lines().any(is_it) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(&format!("{metric}{{{labels}}}"), measured).await;
    }

    async fn end(mut self) {
        self.stop.cancel();
        within("the worker's end", self.worker.join_next()).await.unwrap().unwrap().unwrap();
    }
}

fn nowhere() -> String {
    format!("127.0.0.1:{}", free_port().unwrap())
}

#[tokio::test]
async fn it_waits_for_temporal_and_survives_its_restart() {
    let port = free_port().unwrap();
    let nats = nats_server().await.unwrap();
    let worker = InProcess::start(&format!("127.0.0.1:{port}"), "q", &nats.url());
    worker.until("temporal", false).await;
    let database = tempfile::tempdir().unwrap();
    let options = server_options().port(port).database(database.path().join("temporal.db"));
    let mut server = TemporalServer::start(options).await.unwrap();
    within("readiness", worker.readiness.ready()).await;
    server.kill().unwrap();
    worker.until("temporal", false).await;
    server.start_again().await.unwrap();
    worker.until("temporal", true).await;

    let lab = Lab::at(&server.address(), "q", &nats.url()).await;
    let run = lab.run("CronWorkflow", "after the restart").await;
    run.stop().await;
    assert_eq!(run.result().await["task"], "after the restart");
    worker.end().await;
}

#[tokio::test]
async fn without_nats_it_is_not_ready_and_workflows_run() {
    let lab = Lab::without_worker().await;
    let worker = InProcess::start(&lab.address, &lab.queue, &nowhere());
    worker.until("temporal", true).await;
    worker.until("nats", false).await;
    let run = lab.run("CronWorkflow", "t").await;
    run.stop().await;
    assert_eq!(run.result().await["task"], "t");
    worker.end().await;
}

#[tokio::test]
async fn it_stops_while_it_waits_for_servers() {
    let worker = InProcess::start(&nowhere(), "q", &nowhere());
    worker.end().await;
}

#[tokio::test]
async fn what_the_sdk_measures_is_among_its_metrics() {
    let lab = Lab::without_worker().await;
    let worker = InProcess::start(&lab.address, &lab.queue, &lab.nats);
    let queue = format!("task_queue=\"{}\"", lab.queue);
    worker.until_measured("temporal_num_pollers", &queue).await;
    worker.until_measured("temporal_worker_task_slots_available", &queue).await;
    let run = lab.run("BatchWorkflow", json!({ "task": "t", "batch_size": 1 })).await;
    run.add("a").await;
    for metric in ["workflow_task_schedule_to_start", "activity_schedule_to_start", "activity_execution"] {
        worker.until_measured(&format!("temporal_{metric}_latency_seconds_count"), &queue).await;
    }
    // Nobody can do this one, so its tasks fail.
    lab.run("NoSuchWorkflow", "t").await;
    worker.until_measured("temporal_workflow_task_execution_failed_total", "NoSuchWorkflow").await;
    worker.end().await;
}
