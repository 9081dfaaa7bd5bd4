//! The SDK's worker on a thread of its own: its future cannot move between threads.

use std::thread;
use std::time::Duration;

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use signalbox_telemetry::Chain;
use signalbox_temporal::Temporal;
use temporalio_sdk::Worker;
use temporalio_sdk::runtime::{Runtime, RuntimeOptions};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Options, registry};

/// Longest pause before a worker that failed is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Polls the task queue until `stop`, then finishes the tasks that it has. A worker that fails is started again.
pub(crate) async fn run_until_stopped(
    temporal: &Temporal,
    options: &Options,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let backoff = ExponentialBuilder::new().with_max_delay(LONGEST_PAUSE).without_max_times().with_jitter();
    for pause in backoff.build() {
        match run_once(temporal, options, stop).await {
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

async fn run_once(temporal: &Temporal, options: &Options, stop: &CancellationToken) -> anyhow::Result<()> {
    let (temporal, queue) = (temporal.clone(), options.task_queue.clone());
    let (stop, grace) = (stop.clone(), options.service.grace / 2);
    let (ended, end) = oneshot::channel();
    let runtime = Handle::current();
    let on_thread = move || {
        let result = runtime.block_on(poll(&temporal, &queue, grace, &stop));
        ended.send(result).ok();
    };
    thread::Builder::new()
        .name("temporal-worker".into())
        .spawn(on_thread)
        .context("cannot start a thread")?;
    end.await.context("the temporal worker's thread panicked")?
}

async fn poll(
    temporal: &Temporal,
    task_queue: &str,
    grace: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let runtime_options = RuntimeOptions::builder().build().map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(runtime_options)?;
    let options = registry::worker_options(task_queue, grace)?;
    let mut worker = Worker::new(&runtime, temporal.client().clone(), options)?;
    let shutdown = worker.shutdown_handle();
    let stopped = async {
        stop.cancelled().await;
        shutdown();
        std::future::pending::<()>().await;
    };
    info!(task_queue, "taking tasks");
    tokio::select! {
        result = worker.run() => Ok(result?),
        () = stopped => Ok(()),
    }
}
