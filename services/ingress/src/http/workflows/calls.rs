//! Any workflow, of any type and task queue: start, signal, update, cancel, terminate.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signalbox_domain::{Signal, Update, UpdateWait, WorkflowAction, WorkflowId};
use utoipa::ToSchema;

use super::{
    Links,
    new::{NewSignal, NewWorkflow, name, texts},
};
use crate::{
    accept::{Accepted, Pending, Progress},
    app::App,
    body::JsonBody,
    extract::{Caller, Path},
    http::{
        IdempotencyKey,
        events::kind,
        refusals::{Away, BadInput, BadJson, NotRunning, NotYet, Running},
    },
    problem::Problem,
};

/// The longest reason for an end, in bytes.
const LONGEST_REASON: usize = 1000;

/// What was done to a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Called {
    #[schema(example = "hello")]
    workflow_id: String,
    /// `started`, `signalled`, `updated`, `cancelled`, `terminated`; or `deduplicated`, if it had been done before.
    #[schema(example = "started")]
    status: String,
    /// The run, where Temporal tells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "0198c0de-1111-7000-8000-000000000000", required = false)]
    run_id: String,
    /// What an update returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    result: Option<Box<RawValue>>,
    /// Id of the event that the call stands for.
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    links: Links,
}

/// Arguments.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"args": ["hi"]}))]
pub struct Arguments {
    /// Each of them.
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    pub args: Vec<Box<RawValue>>,
}

/// An update.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"args": ["hi"], "wait": "completed"}))]
pub struct NewUpdate {
    /// Its arguments.
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    args: Vec<Box<RawValue>>,
    /// How far it is waited for; the workflow's other calls wait as long.
    #[schema(required = false)]
    wait: Stage,
}

/// How far an update has come.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A worker has taken it.
    Accepted,
    /// Its handler has returned.
    #[default]
    Completed,
}

/// A signal, and the workflow to start if none of that id runs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalAndStart {
    /// What to start. Its `workflow_id` is the path's.
    start: NewWorkflow,
    /// What to signal.
    signal: NewSignal,
}

/// Why a workflow is to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"reason": "the order was withdrawn"}))]
pub struct Reason {
    /// For people.
    #[schema(required = false, max_length = 1000)]
    reason: String,
}

impl Called {
    fn of(accepted: &Accepted, progress: &Progress, id: &WorkflowId) -> Self {
        let outcome = progress.effects().next();
        Self {
            workflow_id: id.to_string(),
            status: outcome.map(kind).unwrap_or_default(),
            run_id: outcome.map(|outcome| outcome.run_id.clone()).unwrap_or_default(),
            result: outcome.and_then(|outcome| serde_json::from_slice(&outcome.result).ok()),
            event_id: accepted.event_id().to_string(),
            links: Links::of(id, accepted.event_id()),
        }
    }
}

impl Reason {
    fn read(self) -> Result<String, Problem> {
        if self.reason.len() > LONGEST_REASON {
            let bytes = self.reason.len();
            return Err(Problem::malformed(format!(
                "reason has {bytes} bytes; at most {LONGEST_REASON} are allowed"
            )));
        }
        Ok(self.reason)
    }
}

async fn call(
    app: &App,
    caller: Caller,
    id: WorkflowId,
    action: WorkflowAction,
) -> Result<Response, Problem> {
    let answer = app.accept.command(caller, id.clone(), action).await?;
    Ok(answer.respond(|accepted, progress| Called::of(accepted, progress, &id)))
}

/// Start any workflow
///
/// Of any type and on any task queue; answered when Temporal has accepted it.
#[utoipa::path(
    post, path = "/workflows", tag = "workflows",
    params(IdempotencyKey),
    request_body = NewWorkflow,
    responses(
        (status = 200, description = "It runs", body = Called),
        NotYet, Running, BadJson, BadInput, Away,
    )
)]
pub async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonBody(new): JsonBody<NewWorkflow>,
) -> Result<Response, Problem> {
    let id: WorkflowId = new.id().unwrap_or(caller.call.as_str()).parse()?;
    call(&app, caller, id, WorkflowAction::Start(new.read()?)).await
}

/// Signal a workflow
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/signals/{name}", operation_id = "signal_workflow", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ("name" = String, Path, description = "Name of the signal", max_length = 1000, example = "add_message"),
        IdempotencyKey,
    ),
    request_body = Option<Arguments>,
    responses(
        (status = 200, description = "Temporal has the signal", body = Called),
        NotYet, NotRunning, BadJson, BadInput, Away,
    )
)]
pub async fn signal(
    State(app): State<Arc<App>>,
    Path((workflow_id, signal)): Path<(String, String)>,
    caller: Caller,
    JsonBody(Arguments { args }): JsonBody<Arguments>,
) -> Result<Response, Problem> {
    let signal = Signal { name: name("name of the signal", signal)?, args: texts(args) };
    call(&app, caller, workflow_id.parse()?, WorkflowAction::Signal(signal)).await
}

/// Signal a workflow, or start it
///
/// Signals the workflow of that id, and starts it before if it does not run, in one step.
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/signal-with-start", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        IdempotencyKey,
    ),
    request_body = SignalAndStart,
    responses(
        (status = 200, description = "Temporal has the signal", body = Called),
        NotYet, BadJson, BadInput, Away,
    )
)]
pub async fn signal_with_start(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    caller: Caller,
    JsonBody(SignalAndStart { start, signal }): JsonBody<SignalAndStart>,
) -> Result<Response, Problem> {
    let id: WorkflowId = workflow_id.parse()?;
    if start.id().is_some_and(|other| other != id.as_str()) {
        return Err(Problem::malformed("start: workflow_id is another one than the path's"));
    }
    call(&app, caller, id, WorkflowAction::SignalWithStart(start.read()?, signal.read()?)).await
}

/// Update a workflow
///
/// Answered when a worker has taken the update, or, unless `wait` says otherwise, when its handler has returned.
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/updates/{name}", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ("name" = String, Path, description = "Name of the update", max_length = 1000, example = "set_limit"),
        IdempotencyKey,
    ),
    request_body = Option<NewUpdate>,
    responses(
        (status = 200, description = "The workflow has the update; `result` is what it returned", body = Called),
        (status = 202, description = "Stored, but no worker has taken it, or returned, yet", body = Pending,
         headers(("Location" = String, description = "Where to look"))),
        NotRunning, BadJson, BadInput, Away,
    )
)]
pub async fn update(
    State(app): State<Arc<App>>,
    Path((workflow_id, update)): Path<(String, String)>,
    caller: Caller,
    JsonBody(NewUpdate { args, wait }): JsonBody<NewUpdate>,
) -> Result<Response, Problem> {
    let wait = match wait {
        Stage::Accepted => UpdateWait::Accepted,
        Stage::Completed => UpdateWait::Completed,
    };
    let update = Update { name: name("name of the update", update)?, args: texts(args), wait };
    call(&app, caller, workflow_id.parse()?, WorkflowAction::Update(update)).await
}

/// Cancel a workflow
///
/// Asks it to end; it may clean up first.
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/cancel", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        IdempotencyKey,
    ),
    request_body = Option<Reason>,
    responses(
        (status = 200, description = "It was asked to end", body = Called),
        NotYet, NotRunning, BadJson, BadInput, Away,
    )
)]
pub async fn cancel(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    caller: Caller,
    JsonBody(reason): JsonBody<Reason>,
) -> Result<Response, Problem> {
    call(&app, caller, workflow_id.parse()?, WorkflowAction::Cancel { reason: reason.read()? }).await
}

/// Terminate a workflow
///
/// Ends it where it stands.
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/terminate", tag = "workflows",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        IdempotencyKey,
    ),
    request_body = Option<Reason>,
    responses(
        (status = 200, description = "It has ended", body = Called),
        NotYet, NotRunning, BadJson, BadInput, Away,
    )
)]
pub async fn terminate(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    caller: Caller,
    JsonBody(reason): JsonBody<Reason>,
) -> Result<Response, Problem> {
    call(&app, caller, workflow_id.parse()?, WorkflowAction::Terminate { reason: reason.read()? }).await
}
