//! The worker as a process: it waits for Temporal, survives it, stops in order, and may be killed.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;
use signalbox_servers::{TemporalServer, free_port};
use signalbox_service::{Process, Readiness};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lab::{Lab, server_options, within, worker_options};

const ADDRESS: &str = "SIGNALBOX_TEST_WORKER_ADDRESS";
const QUEUE: &str = "SIGNALBOX_TEST_WORKER_QUEUE";

/// The body of the worker processes that the other tests start; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_process() {
    if let (Ok(address), Ok(queue)) = (std::env::var(ADDRESS), std::env::var(QUEUE)) {
        signalbox_worker::run(worker_options(&address, &queue)).await.unwrap();
    }
}

struct WorkerProcess(Child);

impl WorkerProcess {
    fn start(lab: &Lab) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::as_a_process", "--nocapture"]).stdout(Stdio::null());
        Self(command.env(ADDRESS, &lab.address).env(QUEUE, &lab.queue).spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    async fn terminate(&mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = async {
            loop {
                if let Some(status) = self.0.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within("the end of the process", ended).await
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_killed_worker_is_taken_over_from_and_sigterm_ends_with_0() {
    let lab = Lab::without_worker().await;
    let mut first = WorkerProcess::start(&lab);
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
    let mut second = WorkerProcess::start(&lab);
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
    stop: CancellationToken,
    worker: JoinSet<anyhow::Result<()>>,
}

impl InProcess {
    fn start(address: &str, queue: &str) -> Self {
        let process = Process::new("worker");
        let (readiness, stop) = (process.readiness.clone(), process.stop.clone());
        let mut worker = JoinSet::new();
        worker.spawn(signalbox_worker::run_in(process, worker_options(address, queue)));
        Self { readiness, stop, worker }
    }

    async fn until(&self, met: bool) {
        let condition = async {
            while self.readiness.snapshot().iter().any(|it| it.name == "temporal" && it.met != met) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(&format!("the condition `temporal` = {met}"), condition).await;
    }

    async fn end(mut self) {
        self.stop.cancel();
        within("the worker's end", self.worker.join_next()).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn it_waits_for_temporal_and_survives_its_restart() {
    let port = free_port().unwrap();
    let worker = InProcess::start(&format!("127.0.0.1:{port}"), "q");
    worker.until(false).await;
    let database = tempfile::tempdir().unwrap();
    let options = server_options().port(port).database(database.path().join("temporal.db"));
    let mut server = TemporalServer::start(options).await.unwrap();
    within("readiness", worker.readiness.ready()).await;
    server.kill().unwrap();
    worker.until(false).await;
    server.start_again().await.unwrap();
    worker.until(true).await;

    let lab = Lab::at(&server.address(), "q").await;
    let run = lab.run("CronWorkflow", "after the restart").await;
    run.stop().await;
    assert_eq!(run.result().await["task"], "after the restart");
    worker.end().await;
}

#[tokio::test]
async fn it_stops_while_it_waits_for_temporal() {
    let worker = InProcess::start(&format!("127.0.0.1:{}", free_port().unwrap()), "q");
    worker.end().await;
}
