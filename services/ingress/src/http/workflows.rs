//! Start, signal and stop: the lab's, and any other workflow.

pub mod calls;
pub mod list;
mod new;

pub use new::name as named;

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_domain::{
    ConflictPolicy, EventId, JsonText, Signal, Start, StartOptions, WorkflowAction, WorkflowId,
};
use signalbox_proto::names::lab;
use utoipa::{IntoParams, ToSchema};

use super::refusals::{Away, BadInput, NotRunning, NotYet, Running};
use crate::{
    accept::Progress,
    app::App,
    extract::{Caller, Path, Query},
    links,
    problem::Problem,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TriggerParameters {
    /// What the workflow calls its task.
    #[serde(default = "default_name")]
    #[param(default = "HTTP Triggered", min_length = 1)]
    name: String,
}

fn default_name() -> String {
    "HTTP Triggered".into()
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SignalParameters {
    /// The message.
    #[param(required = true, example = "hi")]
    message: Option<String>,
}

/// A started workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Started {
    #[schema(example = "hello")]
    workflow_id: String,
    #[schema(value_type = String, example = "started")]
    status: &'static str,
    #[schema(example = "0198c0de-1111-7000-8000-000000000000")]
    run_id: String,
    /// Id of the event that the call stands for.
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    links: Links,
}

/// Where to look next.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// Waits for the workflow's result.
    #[schema(example = "/workflow-result/hello")]
    result: String,
    /// Describes the workflow.
    #[schema(example = "/workflows/hello")]
    workflow: String,
    /// What became of this call.
    #[schema(example = "/events/0198c0de-0000-7000-8000-000000000000")]
    event: String,
}

impl Links {
    fn of(workflow_id: &WorkflowId, event_id: &EventId) -> Self {
        Self {
            result: links::result(workflow_id.as_str()),
            workflow: links::workflow(workflow_id.as_str()),
            event: links::event(event_id),
        }
    }
}

/// A message that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signalled {
    #[schema(example = "hello")]
    workflow_id: String,
    #[schema(value_type = String, example = "sent")]
    signal: &'static str,
    #[schema(example = "hi")]
    message: String,
    /// The run, where Temporal tells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "0198c0de-1111-7000-8000-000000000000", required = false)]
    run_id: String,
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
}

/// A workflow that was told to stop.
#[derive(Debug, Serialize, ToSchema)]
pub struct StopSent {
    #[schema(example = "hello")]
    workflow_id: String,
    #[schema(value_type = String, example = "stop sent")]
    signal: &'static str,
    /// The run, where Temporal tells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "0198c0de-1111-7000-8000-000000000000", required = false)]
    run_id: String,
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
}

/// Start a workflow
///
/// Starts `CronWorkflow(name)`, and answers when Temporal has accepted it.
#[utoipa::path(
    post, path = "/trigger-workflow/{workflow_id}", operation_id = "trigger_workflow", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id for the workflow", max_length = 255, example = "hello"),
        TriggerParameters, super::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It runs", body = Started),
        NotYet, Running, BadInput, Away,
    )
)]
pub async fn trigger(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    Query(parameters): Query<TriggerParameters>,
    caller: Caller,
) -> Result<Response, Problem> {
    let workflow_id: WorkflowId = workflow_id.parse()?;
    if parameters.name.is_empty() {
        return Err(Problem::malformed("name is empty"));
    }
    let start = WorkflowAction::Start(cron_workflow(&parameters.name));
    let answer = app.accept.command(caller, workflow_id.clone(), start).await?;
    Ok(answer.respond(|accepted, progress| Started {
        workflow_id: workflow_id.to_string(),
        status: "started",
        run_id: run_id(progress),
        event_id: accepted.event_id().to_string(),
        links: Links::of(&workflow_id, accepted.event_id()),
    }))
}

/// Send a message
///
/// Sends the signal `add_message` to a running workflow.
#[utoipa::path(
    post, path = "/signal-workflow/{workflow_id}", operation_id = "signal_cron_workflow", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        SignalParameters, super::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal has the signal", body = Signalled),
        NotYet, NotRunning, BadInput, Away,
    )
)]
pub async fn signal(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    Query(parameters): Query<SignalParameters>,
    caller: Caller,
) -> Result<Response, Problem> {
    let workflow_id: WorkflowId = workflow_id.parse()?;
    let message = parameters.message.ok_or_else(|| Problem::missing("message"))?;
    let args = vec![JsonText::from_value(&json!(message))];
    let signal = WorkflowAction::Signal(Signal { name: lab::ADD_MESSAGE.into(), args });
    let answer = app.accept.command(caller, workflow_id.clone(), signal).await?;
    Ok(answer.respond(|accepted, progress| Signalled {
        workflow_id: workflow_id.to_string(),
        signal: "sent",
        message,
        run_id: run_id(progress),
        event_id: accepted.event_id().to_string(),
    }))
}

/// Stop a workflow
///
/// Sends the signal `stop_processing`: the workflow ends with what it has.
#[utoipa::path(
    post, path = "/stop-workflow/{workflow_id}", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        super::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal has the signal", body = StopSent),
        NotYet, NotRunning, BadInput, Away,
    )
)]
pub async fn stop(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    caller: Caller,
) -> Result<Response, Problem> {
    let workflow_id: WorkflowId = workflow_id.parse()?;
    let signal = WorkflowAction::Signal(Signal { name: lab::STOP_PROCESSING.into(), args: Vec::new() });
    let answer = app.accept.command(caller, workflow_id.clone(), signal).await?;
    Ok(answer.respond(|accepted, progress| StopSent {
        workflow_id: workflow_id.to_string(),
        signal: "stop sent",
        run_id: run_id(progress),
        event_id: accepted.event_id().to_string(),
    }))
}

/// A start of the lab's workflow.
pub fn cron_workflow(name: &str) -> Start {
    Start {
        workflow_type: lab::CRON_WORKFLOW.into(),
        task_queue: lab::TASK_QUEUE.into(),
        args: vec![JsonText::from_value(&json!(name))],
        conflict_policy: ConflictPolicy::Fail,
        options: StartOptions::default(),
    }
}

/// The run that the command of a direct call went to.
fn run_id(progress: &Progress) -> String {
    progress.effects().map(|outcome| outcome.run_id.clone()).next().unwrap_or_default()
}
