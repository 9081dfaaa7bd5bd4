//! Look-ups: result, description, query.

use std::time::Duration;

use serde_json::{Map, Value, json};
use signalbox_domain::{JsonText, WorkflowId};
use signalbox_telemetry::current;
use temporalio_client::{
    Client, NamespacedClient, UntypedQuery, UntypedWorkflow, WorkflowExecutionInfo, WorkflowGetResultOptions,
    WorkflowHandle, WorkflowQueryOptions,
    errors::{WorkflowGetResultError, WorkflowQueryError},
    tonic::{Code, Status},
};
use temporalio_common::{
    data_converters::RawValue,
    protos::temporal::api::{
        common::v1::WorkflowExecution, workflow::v1::WorkflowExecutionInfo as RunInfo,
        workflowservice::v1::DescribeWorkflowExecutionRequest,
    },
};

use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    failure::detail,
    payload::{all_to_json, json_payload, to_json, trace_header},
    spans,
    time::rfc3339,
};

/// What there is to say of a workflow's end.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkflowResult {
    /// Its own result.
    Completed(Value),
    /// It still runs.
    Running,
}

/// Why a look-up has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No workflow of that id is known.
    #[error("no workflow has the id `{0}`")]
    NotFound(WorkflowId),
    /// It ended without a result.
    #[error("workflow `{id}` has no result: {how}")]
    NoResult {
        /// The workflow.
        id: WorkflowId,
        /// How it ended.
        how: String,
    },
    /// The workflow cannot answer that query.
    #[error("workflow `{id}` does not answer the query: {why}")]
    BadQuery {
        /// The workflow.
        id: WorkflowId,
        /// In the words of Temporal or the workflow.
        why: String,
    },
    /// A query for workflows, or the place in its answer, cannot be read.
    #[error("the query for workflows cannot be read: {0}")]
    BadList(String),
    /// Nobody works for the workflow now, so nobody can answer.
    #[error("no worker answered for workflow `{0}` in time")]
    NoWorker(WorkflowId),
    /// Temporal is away or busy.
    #[error("Temporal does not answer now: {0}")]
    Away(String),
}

impl LookupError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "workflow-not-found",
            Self::NoResult { .. } => "workflow-without-result",
            Self::BadQuery { .. } | Self::BadList(_) => "bad-query",
            Self::NoWorker(_) => "no-worker",
            Self::Away(_) => "temporal-away",
        }
    }
}

impl Temporal {
    /// Waits at most `wait` for the end of the workflow, over continue-as-new.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn result(
        &self,
        id: &WorkflowId,
        run_id: Option<&str>,
        wait: Duration,
    ) -> Result<WorkflowResult, LookupError> {
        spans::of_workflow(|| "GetWorkflowResult".to_owned(), id, self.ended(id, run_id, wait)).await
    }

    async fn ended(
        &self,
        id: &WorkflowId,
        run_id: Option<&str>,
        wait: Duration,
    ) -> Result<WorkflowResult, LookupError> {
        let handle = self.handle(id, run_id);
        let ended = tokio::time::timeout(wait, handle.get_result(WorkflowGetResultOptions::default())).await;
        let no_result = |how: String| LookupError::NoResult { id: id.clone(), how };
        match ended {
            Err(_) => Ok(WorkflowResult::Running),
            Ok(Ok(RawValue { payloads, .. })) => Ok(WorkflowResult::Completed(all_to_json(&payloads))),
            Ok(Err(error)) => Err(match error {
                WorkflowGetResultError::Failed(cause) => no_result(format!("it failed: {cause}")),
                WorkflowGetResultError::Cancelled { .. } => no_result("it was cancelled".to_owned()),
                WorkflowGetResultError::Terminated { .. } => no_result("it was terminated".to_owned()),
                WorkflowGetResultError::TimedOut => no_result("it timed out".to_owned()),
                WorkflowGetResultError::NotFound(status) => self.missing(id, &status),
                WorkflowGetResultError::Rpc(status) if status.code() == Code::InvalidArgument => {
                    no_result(detail(&status))
                }
                other => LookupError::Away(other.to_string()),
            }),
        }
    }

    /// Asks the workflow.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn query(
        &self,
        id: &WorkflowId,
        run_id: Option<&str>,
        name: &str,
        args: &[JsonText],
    ) -> Result<Value, LookupError> {
        spans::of_workflow(|| format!("QueryWorkflow:{name}"), id, self.queried(id, run_id, name, args)).await
    }

    async fn queried(
        &self,
        id: &WorkflowId,
        run_id: Option<&str>,
        name: &str,
        args: &[JsonText],
    ) -> Result<Value, LookupError> {
        let arguments = RawValue::new(args.iter().map(|arg| json_payload(arg.bytes().to_vec())).collect());
        let handle = self.handle(id, run_id);
        let options = WorkflowQueryOptions::builder().maybe_header(trace_header(&current())).build();
        let query = handle.query(UntypedQuery::new(name), arguments, options);
        let bad = |why: String| LookupError::BadQuery { id: id.clone(), why };
        match tokio::time::timeout(DEADLINE, query).await {
            Err(_) => Err(LookupError::NoWorker(id.clone())),
            Ok(Ok(RawValue { payloads, .. })) => Ok(all_to_json(&payloads)),
            Ok(Err(error)) => Err(match error {
                WorkflowQueryError::NotFound(status) => self.missing(id, &status),
                WorkflowQueryError::Rejected { status } => bad(format!("rejected in state {status:?}")),
                WorkflowQueryError::Rpc(status) => match status.code() {
                    Code::InvalidArgument => bad(detail(&status)),
                    Code::NotFound => self.missing(id, &status),
                    Code::Cancelled | Code::DeadlineExceeded | Code::FailedPrecondition => {
                        LookupError::NoWorker(id.clone())
                    }
                    _ => LookupError::Away(detail(&status)),
                },
                WorkflowQueryError::PayloadConversion(error) => bad(error.to_string()),
                other => LookupError::Away(other.to_string()),
            }),
        }
    }

    /// What Temporal knows of a workflow.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn describe(&self, id: &WorkflowId, run_id: Option<&str>) -> Result<Value, LookupError> {
        spans::of_workflow(|| "DescribeWorkflow".to_owned(), id, self.description(id, run_id)).await
    }

    async fn description(&self, id: &WorkflowId, run_id: Option<&str>) -> Result<Value, LookupError> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            execution: Some(WorkflowExecution {
                workflow_id: id.to_string(),
                run_id: run_id.unwrap_or_default().to_owned(),
            }),
        };
        let mut service = self.service();
        let described = in_time(service.describe_workflow_execution(within(DEADLINE, request))).await;
        let info = described.map_err(|failure| unanswered(id, failure))?.into_inner().workflow_execution_info;
        let info = info.ok_or_else(|| LookupError::NotFound(id.clone()))?;
        Ok(describe(info))
    }

    /// A page of the workflows that a visibility query finds; the empty query finds all. The place of the next page comes
    /// with it, empty after the last.
    ///
    /// # Errors
    /// [`LookupError::BadList`] or [`LookupError::Away`].
    pub async fn list(
        &self,
        query: &str,
        limit: i32,
        page_token: Vec<u8>,
    ) -> Result<(Vec<Value>, Vec<u8>), LookupError> {
        let listed = self.page(query, limit, page_token).await.map_err(|failure| match failure.reason {
            signalbox_domain::Reason::InvalidArgument => LookupError::BadList(failure.detail),
            _ => LookupError::Away(failure.detail),
        })?;
        Ok((listed.executions.into_iter().map(describe).collect(), listed.next_page_token))
    }

    /// How many workflows run in the namespace, as far as its index of them has got.
    ///
    /// # Errors
    /// [`LookupError::Away`].
    pub async fn running_workflows(&self) -> Result<i64, LookupError> {
        let counted = self.count("ExecutionStatus = 'Running'").await;
        counted.map_err(|failure| LookupError::Away(failure.detail))
    }

    fn handle(&self, id: &WorkflowId, run_id: Option<&str>) -> WorkflowHandle<Client, UntypedWorkflow> {
        match run_id {
            None => self.client.get_workflow_handle::<UntypedWorkflow>(id.as_str()),
            Some(run_id) => WorkflowExecutionInfo::builder()
                .namespace(self.client.namespace())
                .workflow_id(id.as_str())
                .run_id(run_id)
                .build()
                .bind_untyped(self.client.clone()),
        }
    }

    fn missing(&self, id: &WorkflowId, status: &Status) -> LookupError {
        unanswered(id, Failure::from(status.clone()))
    }
}

fn describe(info: RunInfo) -> Value {
    let fields = |map: Option<std::collections::HashMap<String, _>>| -> Map<String, Value> {
        map.unwrap_or_default().iter().map(|(name, payload)| (name.clone(), to_json(payload))).collect()
    };
    let status = info.status().as_str_name().trim_start_matches("WORKFLOW_EXECUTION_STATUS_").to_lowercase();
    json!({
        "workflow_id": info.execution.as_ref().map(|e| e.workflow_id.as_str()),
        "run_id": info.execution.as_ref().map(|e| e.run_id.as_str()),
        "type": info.r#type.as_ref().map(|t| t.name.as_str()),
        "status": status,
        "task_queue": info.task_queue,
        "start_time": rfc3339(info.start_time),
        "close_time": rfc3339(info.close_time),
        "history_length": info.history_length,
        "memo": fields(info.memo.map(|memo| memo.fields)),
        "search_attributes": fields(info.search_attributes.map(|attributes| attributes.indexed_fields)),
    })
}

fn unanswered(id: &WorkflowId, failure: Failure) -> LookupError {
    match failure.reason {
        signalbox_domain::Reason::WorkflowNotFound => LookupError::NotFound(id.clone()),
        _ => LookupError::Away(failure.detail),
    }
}
