//! What workflows say and return, which the router looks up.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_domain::WorkflowId;
use signalbox_proto::v1::{
    DescribeLookup, LookupRequest, QueryLookup, ResultLookup, lookup_reply, lookup_request::What,
};
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};

use super::{
    refusals::{Away, BadInput, BadJson},
    workflows::{calls::Arguments, named},
};
use crate::{
    app::App,
    body::JsonBody,
    extract::{Path, Query},
    problem::{Problem, ProblemBody},
};

/// How long the router is asked to wait for the end of a workflow at a time.
const ASK_FOR: Duration = Duration::from_secs(20);

/// Less leaves the router no time to look.
const ASK_AT_LEAST_FOR: Duration = Duration::from_millis(500);

/// How much longer its reply may take than what it is asked for: it knows better why there is none.
pub const REPLY_WITHIN: Duration = Duration::from_secs(5);

/// Pause before the router is asked again that did not reply.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResultParameters {
    /// How long to wait for the end, such as `30s`. Without it, until the workflow ends.
    #[param(example = "30s")]
    wait: Option<String>,
}

/// A workflow that has no result yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct StillRunning {
    #[schema(example = "hello")]
    workflow_id: String,
    #[schema(value_type = String, example = "running")]
    status: &'static str,
    #[schema(example = "0198c0de-1111-7000-8000-000000000000")]
    run_id: String,
    #[schema(value_type = String, example = "it still runs; ask again")]
    detail: &'static str,
}

/// Get the result
///
/// Waits for the end of the workflow. The answer is the workflow's own result.
#[utoipa::path(
    get, path = "/workflow-result/{workflow_id}", tag = "results",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ResultParameters,
    ),
    responses(
        (status = 200, description = "The workflow's own result", body = serde_json::Value, example = json!({
            "task": "HTTP Triggered", "messages_processed": 1, "messages": ["hi"],
            "completed_at": "2026-01-01T00:00:30Z"
        })),
        (status = 202, description = "The wait is over, and it still runs", body = StillRunning),
        (status = 404, description = "There is no such workflow, or it ended without a result; `detail` says which",
         body = ProblemBody,
         example = json!({"detail": "no workflow has the id 'hello'", "code": "workflow-not-found", "repeat": "later"})),
        BadInput, Away,
    )
)]
pub async fn result(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
    Query(parameters): Query<ResultParameters>,
) -> Result<Response, Problem> {
    let workflow_id: WorkflowId = workflow_id.parse()?;
    let wait = parameters.wait.as_deref().map(duration).transpose()?;
    tokio::select! {
        result = wait_for_result(&app, &workflow_id, wait) => result,
        () = app.stop.cancelled() => Err(Problem::stopping()),
    }
}

/// Get the result of a workflow
///
/// The same as `GET /workflow-result/{workflow_id}`.
#[utoipa::path(
    get, path = "/workflows/{workflow_id}/result", tag = "results",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ResultParameters,
    ),
    responses(
        (status = 200, description = "The workflow's own result", body = serde_json::Value),
        (status = 202, description = "The wait is over, and it still runs", body = StillRunning),
        (status = 404, description = "There is no such workflow, or it ended without a result; `detail` says which",
         body = ProblemBody),
        BadInput, Away,
    )
)]
pub async fn result_of(
    app: State<Arc<App>>,
    workflow_id: Path<String>,
    parameters: Query<ResultParameters>,
) -> Result<Response, Problem> {
    result(app, workflow_id, parameters).await
}

/// Describe a workflow
///
/// Status, type, times and how it was triggered.
#[utoipa::path(
    get, path = "/workflows/{workflow_id}", operation_id = "describe_workflow", tag = "results",
    params(("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello")),
    responses(
        (status = 200, description = "What Temporal knows of it", body = serde_json::Value, example = json!({
            "workflow_id": "hello", "run_id": "0198c0de-1111-7000-8000-000000000000", "status": "running",
            "type": "CronWorkflow", "task_queue": "lab6-queue", "search_attributes": {"SignalboxTrigger": "http"}
        })),
        (status = 404, description = "There is no such workflow", body = ProblemBody,
         example = json!({"detail": "no workflow has the id 'hello'", "code": "workflow-not-found", "repeat": "later"})),
        BadInput, Away,
    )
)]
pub async fn describe(
    State(app): State<Arc<App>>,
    Path(workflow_id): Path<String>,
) -> Result<Response, Problem> {
    described(&app, &workflow_id.parse()?).await.map(json_text)
}

/// The description of a workflow.
///
/// # Errors
/// When there is none, or nobody can tell.
pub async fn description(app: &App, workflow_id: &WorkflowId) -> Result<Value, Problem> {
    let json = described(app, workflow_id).await?;
    serde_json::from_slice(&json).map_err(|_| Problem::unreadable())
}

async fn described(app: &App, workflow_id: &WorkflowId) -> Result<Bytes, Problem> {
    let reply =
        app.look_up(&about(workflow_id, What::Describe(DescribeLookup {})), app.wait + REPLY_WITHIN).await;
    json_of(reply.map_err(|error| Problem::from(&error))?)
}

/// Query a workflow
///
/// The answer is the query's own.
#[utoipa::path(
    get, path = "/workflows/{workflow_id}/queries/{query}", tag = "results",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ("query" = String, Path, description = "Name of the query", max_length = 1000, example = "state"),
    ),
    responses(
        (status = 200, description = "The query's own answer", body = serde_json::Value,
         example = json!({"task": "HTTP Triggered", "messages": ["hi"]})),
        (status = 400, description = "The workflow has no such query, or refused it", body = ProblemBody,
         example = json!({"detail": "no query 'stat'", "code": "bad-query", "repeat": "never"})),
        (status = 404, description = "There is no such workflow", body = ProblemBody,
         example = json!({"detail": "no workflow has the id 'hello'", "code": "workflow-not-found", "repeat": "later"})),
        BadInput, Away,
    )
)]
pub async fn query(
    State(app): State<Arc<App>>,
    Path((workflow_id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    ask(&app, &workflow_id, name, Vec::new()).await
}

/// Query a workflow with arguments
///
/// The answer is the query's own.
#[utoipa::path(
    post, path = "/workflows/{workflow_id}/queries/{query}", tag = "results",
    params(
        ("workflow_id" = String, Path, description = "Id of the workflow", max_length = 255, example = "hello"),
        ("query" = String, Path, description = "Name of the query", max_length = 1000, example = "state"),
    ),
    request_body = Option<Arguments>,
    responses(
        (status = 200, description = "The query's own answer", body = serde_json::Value),
        (status = 404, description = "There is no such workflow", body = ProblemBody),
        BadJson, BadInput, Away,
    )
)]
pub async fn query_with(
    State(app): State<Arc<App>>,
    Path((workflow_id, name)): Path<(String, String)>,
    JsonBody(Arguments { args }): JsonBody<Arguments>,
) -> Result<Response, Problem> {
    let args = args.iter().map(|arg| Bytes::copy_from_slice(arg.get().as_bytes())).collect();
    ask(&app, &workflow_id, name, args).await
}

async fn ask(app: &App, workflow_id: &str, name: String, args: Vec<Bytes>) -> Result<Response, Problem> {
    let workflow_id: WorkflowId = workflow_id.parse()?;
    let name = named("name of the query", name)?;
    let reply = app
        .look_up(&about(&workflow_id, What::Query(QueryLookup { name, args })), app.wait + REPLY_WITHIN)
        .await;
    answer(reply.map_err(|error| Problem::from(&error))?)
}

async fn wait_for_result(
    app: &App,
    workflow_id: &WorkflowId,
    wait: Option<Duration>,
) -> Result<Response, Problem> {
    let until = wait.and_then(|wait| Instant::now().checked_add(wait));
    Ok(match end_of(app, workflow_id, String::new(), until).await? {
        End::Result(json) => json_text(json),
        End::Running(run_id) => still_running(workflow_id, run_id),
    })
}

/// What is known of the end of a workflow.
pub enum End {
    /// Its own result, as JSON text.
    Result(Bytes),
    /// The run that is open still.
    Running(String),
}

/// Asks the router until the run has ended (without its id, the latest one), it is `until`, or the router has been
/// silent for too long.
///
/// # Errors
/// A [`Problem`], also when the workflow ended without a result.
pub async fn end_of(
    app: &App,
    workflow_id: &WorkflowId,
    run_id: String,
    until: Option<Instant>,
) -> Result<End, Problem> {
    let mut request = about(workflow_id, What::Result(ResultLookup { wait_ms: 0 }));
    request.run_id = run_id;
    let mut heard = Instant::now();
    loop {
        let left = until.map_or(ASK_FOR, |until| until.saturating_duration_since(Instant::now()));
        let left = left.clamp(ASK_AT_LEAST_FOR, ASK_FOR);
        request.what =
            Some(What::Result(ResultLookup { wait_ms: u32::try_from(left.as_millis()).unwrap_or(0) }));
        match app.look_up(&request, left + REPLY_WITHIN).await {
            Ok(lookup_reply::What::Running(running)) => {
                heard = Instant::now();
                if until.is_some_and(|until| until <= heard) {
                    return Ok(End::Running(running.run_id));
                }
                // The run that was asked for, not one that comes after it.
                request.run_id = running.run_id;
            }
            Ok(reply) => match json_of(reply) {
                Err(problem) => hope(problem, heard.elapsed() < app.wait).await?,
                Ok(json) => return Ok(End::Result(json)),
            },
            Err(error) => hope(Problem::from(&error), heard.elapsed() < app.wait).await?,
        }
    }
}

/// The router, or Temporal behind it, may be on its way back: pauses, unless patience is over or the problem is
/// of another kind.
async fn hope(problem: Problem, patient: bool) -> Result<(), Problem> {
    if !(patient && problem.is_transient()) {
        return Err(problem);
    }
    sleep(ASK_AGAIN_AFTER).await;
    Ok(())
}

fn about(workflow_id: &WorkflowId, what: What) -> LookupRequest {
    LookupRequest { workflow_id: workflow_id.to_string(), run_id: String::new(), what: Some(what) }
}

fn answer(reply: lookup_reply::What) -> Result<Response, Problem> {
    json_of(reply).map(json_text)
}

fn json_of(reply: lookup_reply::What) -> Result<Bytes, Problem> {
    match reply {
        lookup_reply::What::Json(json) if json.is_empty() => Ok(Bytes::from_static(b"null")),
        lookup_reply::What::Json(json) => Ok(json),
        lookup_reply::What::Problem(problem) => Err(problem.into()),
        lookup_reply::What::Running(_) | lookup_reply::What::Workflows(_) => Err(Problem::unreadable()),
    }
}

fn json_text(json: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Body::from(json)).into_response()
}

fn still_running(workflow_id: &WorkflowId, run_id: String) -> Response {
    let workflow_id = workflow_id.to_string();
    let body = StillRunning { workflow_id, status: "running", run_id, detail: "it still runs; ask again" };
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

fn duration(text: &str) -> Result<Duration, Problem> {
    humantime::parse_duration(text)
        .map_err(|error| Problem::malformed(format!("wait: {error}; write it as in 30s")))
}
