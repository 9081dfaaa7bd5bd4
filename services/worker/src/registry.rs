//! What this worker can run.

use std::time::Duration;

use signalbox_bus::Bus;
use signalbox_workflows::{
    AggregateWorkflow, BatchWorkflow, CoordinatorWorkflow, CronWorkflow, EmitEventWorkflow,
};
use temporalio_sdk::WorkerOptions;
use temporalio_sdk::error::WorkflowRegistrationError;
use temporalio_sdk::workflow_replayer::WorkflowReplayerOptions;

use crate::activities::{BatchActivities, EventActivities};
use crate::journal::journal;
use crate::spans;

/// All workflows and activities, on `task_queue`; activities have `grace` to finish when the worker stops.
pub(crate) fn worker_options(task_queue: &str, grace: Duration, bus: Bus) -> anyhow::Result<WorkerOptions> {
    let mut options = WorkerOptions::new(task_queue)
        .graceful_shutdown_period(grace)
        .register_workflow::<CronWorkflow>()?
        .register_workflow::<BatchWorkflow>()?
        .register_workflow::<CoordinatorWorkflow>()?
        .register_workflow::<AggregateWorkflow>()?
        .register_workflow::<EmitEventWorkflow>()?
        .register_activities(BatchActivities)
        .register_activities(EventActivities { bus })
        .build();
    let traced = spans::trace(&mut options)?;
    options.workflow_interceptor(journal(traced));
    Ok(options)
}

/// The same workflows, to replay histories with.
///
/// # Errors
/// When two workflows have the same name.
pub fn replayer_options() -> Result<WorkflowReplayerOptions, WorkflowRegistrationError> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<CronWorkflow>()?
        .register_workflow::<BatchWorkflow>()?
        .register_workflow::<CoordinatorWorkflow>()?
        .register_workflow::<AggregateWorkflow>()?
        .register_workflow::<EmitEventWorkflow>()?;
    Ok(options.build())
}
