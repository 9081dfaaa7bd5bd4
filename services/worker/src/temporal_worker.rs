//! The SDK's worker on a thread of its own: its future cannot move between threads.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use signalbox_bus::Bus;
use signalbox_telemetry::Chain;
use signalbox_temporal::Temporal;
use temporalio_common::telemetry::TelemetryOptions;
use temporalio_common::telemetry::metrics::CoreMeter;
use temporalio_sdk::Worker;
use temporalio_sdk::runtime::{Runtime, RuntimeOptions};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::registry;
use crate::sdk_metrics::SdkMeter;

/// Longest pause before a worker that failed is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A worker on one task queue. Clones measure the same.
#[derive(Clone)]
pub(crate) struct TemporalWorker {
    pub(crate) temporal: Temporal,
    /// Where activities publish.
    pub(crate) bus: Bus,
    pub(crate) meter: Arc<SdkMeter>,
    pub(crate) task_queue: String,
    /// What activities have to finish when the worker stops.
    pub(crate) grace: Duration,
}

impl TemporalWorker {
    /// Polls the task queue until `stop`, then finishes the tasks that it has. A worker that fails is started again.
    pub(crate) async fn run_until_stopped(self, stop: CancellationToken) -> anyhow::Result<()> {
        let backoff =
            ExponentialBuilder::new().with_max_delay(LONGEST_PAUSE).without_max_times().with_jitter();
        for pause in backoff.build() {
            match self.clone().run_once(stop.clone()).await {
                Ok(()) if stop.is_cancelled() => return Ok(()),
                Ok(()) => warn!("temporal worker ended, starting it again"),
                Err(why) => {
                    let error: &dyn std::error::Error = why.as_ref();
                    warn!(error = %Chain(error), "temporal worker failed, starting it again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
        Ok(())
    }

    async fn run_once(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (ended, end) = oneshot::channel();
        let runtime = Handle::current();
        let on_thread = move || {
            let result = runtime.block_on(self.poll(&stop));
            ended.send(result).ok();
        };
        thread::Builder::new()
            .name("temporal-worker".into())
            .spawn(on_thread)
            .context("cannot start a thread")?;
        end.await.context("the temporal worker's thread panicked")?
    }

    async fn poll(self, stop: &CancellationToken) -> anyhow::Result<()> {
        let meter: Arc<dyn CoreMeter> = self.meter;
        let telemetry = TelemetryOptions::builder().metrics(meter).attach_service_name(false).build();
        let runtime_options =
            RuntimeOptions::builder().telemetry_options(telemetry).build().map_err(anyhow::Error::msg)?;
        let runtime = Runtime::from_current_tokio(runtime_options)?;
        let options = registry::worker_options(&self.task_queue, self.grace, self.bus)?;
        // A worker that fails while it starts stays registered with its client, which then takes no other.
        let temporal = self.temporal.another().await?;
        let mut worker = Worker::new(&runtime, temporal.client().clone(), options)?;
        let shutdown = worker.shutdown_handle();
        let stopped = async {
            stop.cancelled().await;
            shutdown();
            std::future::pending::<()>().await;
        };
        info!(task_queue = self.task_queue, "taking tasks");
        tokio::select! {
            result = worker.run() => Ok(result?),
            () = stopped => Ok(()),
        }
    }
}
