//! The worker as a process of its own, which can be killed and, other than the tests, traced.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use signalbox_telemetry::start_tracing_with_ids;

use crate::lab::{Lab, within, worker_options};

const ADDRESS: &str = "SIGNALBOX_TEST_WORKER_ADDRESS";
const QUEUE: &str = "SIGNALBOX_TEST_WORKER_QUEUE";
const NATS: &str = "SIGNALBOX_TEST_WORKER_NATS";

/// The body of the worker processes that the other tests start; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_process() {
    if let [Ok(address), Ok(queue), Ok(nats)] = [ADDRESS, QUEUE, NATS].map(std::env::var) {
        let options = worker_options(&address, &queue, &nats);
        let traces = &options.service.traces;
        let _tracing = start_tracing_with_ids("worker", traces, signalbox_worker::span_ids()).unwrap();
        signalbox_worker::run(options).await.unwrap();
    }
}

pub struct WorkerProcess(Child);

impl WorkerProcess {
    /// Starts a worker for `lab`, which sends its traces to `collector`.
    pub fn start(lab: &Lab, collector: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "worker_process::as_a_process", "--nocapture"]).stdout(Stdio::null());
        command.env(ADDRESS, &lab.address).env(QUEUE, &lab.queue).env(NATS, &lab.nats);
        command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.unwrap_or_default());
        Self(command.spawn().unwrap())
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub async fn terminate(&mut self) -> ExitStatus {
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
