//! What this worker can run.

use std::time::Duration;

use signalbox_workflows::{AggregateWorkflow, BatchWorkflow, CoordinatorWorkflow, CronWorkflow};
use temporalio_sdk::WorkerOptions;
use temporalio_sdk::error::WorkflowRegistrationError;
use temporalio_sdk::workflow_replayer::WorkflowReplayerOptions;

use crate::activities::BatchActivities;
use crate::journal::journal;

/// All workflows and activities, on `task_queue`; activities have `grace` to finish when the worker stops.
pub(crate) fn worker_options(
    task_queue: &str,
    grace: Duration,
) -> Result<WorkerOptions, WorkflowRegistrationError> {
    let options = WorkerOptions::new(task_queue)
        .graceful_shutdown_period(grace)
        .register_workflow::<CronWorkflow>()?
        .register_workflow::<BatchWorkflow>()?
        .register_workflow::<CoordinatorWorkflow>()?
        .register_workflow::<AggregateWorkflow>()?
        .register_activities(BatchActivities)
        .workflow_interceptor(journal());
    Ok(options.build())
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
        .register_workflow::<AggregateWorkflow>()?;
    Ok(options.build())
}
