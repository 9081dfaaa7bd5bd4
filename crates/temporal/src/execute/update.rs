//! Update and update-with-start.

use signalbox_domain::{Fault, JsonText, Reason, Start, Update, UpdateWait};
use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::{
    temporal::api::{
        common::v1::Payloads,
        enums::v1::{UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowIdConflictPolicy},
        errordetails::v1::MultiOperationExecutionFailure,
        update::v1 as pu,
        workflowservice::v1::{
            ExecuteMultiOperationRequest, ExecuteMultiOperationResponse, UpdateWorkflowExecutionRequest,
            UpdateWorkflowExecutionResponse,
            execute_multi_operation_request::{Operation, operation},
            execute_multi_operation_response::response,
        },
    },
    utilities::decode_status_detail,
};

use super::{Accepted, Attempt, answered_in_time, attempt::while_open};
use crate::{
    Failure,
    connect::{DEADLINE, within},
    payload::{all_to_json, arguments, trace_header},
    resolve::Standing,
};

/// How Temporal marks an operation that failed only because another one did.
const ABORTED: &str = "MultiOperationExecutionAborted";

impl Attempt<'_> {
    pub(super) async fn update(&self, update: &Update) -> Result<Accepted, Failure> {
        self.update_from(self.standing().await?, update).await
    }

    async fn update_from(&self, standing: Standing, update: &Update) -> Result<Accepted, Failure> {
        match standing {
            // Its run tells what came of it.
            Standing::Done(run_id) => {
                let told = self.update_run(update, &run_id).await?;
                Ok(Accepted { deduplicated: true, ..told })
            }
            Standing::Open(run_id) => while_open(self.update_run(update, &run_id).await),
            Standing::Clear => self.update_run(update, "").await,
        }
    }

    /// A run that has the update already answers what came of it.
    async fn update_run(&self, update: &Update, run_id: &str) -> Result<Accepted, Failure> {
        let mut service = self.temporal.service();
        let request = self.update_request(update, run_id);
        let call = service.update_workflow_execution(within(DEADLINE, request));
        match answered_in_time(call).await {
            Ok(answer) => taken(update, answer.into_inner()),
            // Before a repetition it is looked: no run was open, or `while_open` says the rest.
            Err(status) if self.repeated => Err(Failure::of_worker(status)),
            Err(status) => Err(not_taken(status)),
        }
    }

    /// The open run is used, whatever the start's conflict policy.
    pub(super) async fn update_with_start(
        &self,
        start: &Start,
        update: &Update,
    ) -> Result<Accepted, Failure> {
        let standing = self.standing().await?;
        if standing != Standing::Clear {
            return self.update_from(standing, update).await;
        }
        let mut started = self.start_request(start)?;
        started.workflow_id_conflict_policy = WorkflowIdConflictPolicy::UseExisting as i32;
        let operations = [
            operation::Operation::StartWorkflow(started),
            operation::Operation::UpdateWorkflow(self.update_request(update, "")),
        ];
        let request = ExecuteMultiOperationRequest {
            namespace: self.namespace(),
            resource_id: format!("workflow:{}", self.id),
            operations: operations.map(|operation| Operation { operation: Some(operation) }).into(),
        };
        let mut service = self.temporal.service();
        let call = service.execute_multi_operation(within(DEADLINE, request));
        let answer = answered_in_time(call).await.map_err(|status| not_taken(culprit(status)))?;
        taken(update, second(answer.into_inner()))
    }

    fn update_request(&self, update: &Update, run_id: &str) -> UpdateWorkflowExecutionRequest {
        UpdateWorkflowExecutionRequest {
            namespace: self.namespace(),
            workflow_execution: self.execution(run_id),
            wait_policy: Some(pu::WaitPolicy { lifecycle_stage: stage(update.wait) as i32 }),
            request: Some(pu::Request {
                meta: Some(pu::Meta { update_id: self.key().to_string(), identity: self.identity() }),
                input: Some(pu::Input {
                    header: trace_header(&self.trace),
                    name: update.name.clone(),
                    args: arguments(&update.args),
                }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

fn stage(wait: UpdateWait) -> Stage {
    match wait {
        UpdateWait::Unspecified | UpdateWait::Accepted => Stage::Accepted,
        UpdateWait::Completed => Stage::Completed,
    }
}

fn taken(update: &Update, answer: UpdateWorkflowExecutionResponse) -> Result<Accepted, Failure> {
    let run = answer.update_ref.and_then(|update| update.workflow_execution).unwrap_or_default();
    let accepted = Accepted::by(run.run_id);
    match answer.outcome.and_then(|outcome| outcome.value) {
        Some(pu::outcome::Value::Success(Payloads { payloads })) => {
            let result = Some(JsonText::from_value(&all_to_json(&payloads)));
            Ok(Accepted { result, ..accepted })
        }
        Some(pu::outcome::Value::Failure(failure)) => {
            Err(Failure::permanent(Reason::UpdateRejected, failure.message))
        }
        None if answer.stage >= stage(update.wait) as i32 => Ok(accepted),
        // The server answers before the deadline, too. The same id asks again, not for another update.
        None => Err(Failure::transient("the workflow has not answered the update yet")),
    }
}

fn not_taken(status: Status) -> Failure {
    // The run closed before it took the update. Another may follow at once; the next attempt looks.
    let aborted = status.code() == Code::NotFound && status.message().contains("aborted");
    let failure = Failure::of_worker(status);
    if aborted { Failure { fault: Fault::Transient, ..failure } } else { failure }
}

/// Of several operations, why the one failed that failed by itself.
fn culprit(status: Status) -> Status {
    let failed = decode_status_detail::<MultiOperationExecutionFailure>(status.details());
    let itself = failed.into_iter().flat_map(|failure| failure.statuses).find(|operation| {
        let aborted = operation.details.iter().any(|detail| detail.type_url.ends_with(ABORTED));
        operation.code != Code::Ok as i32 && !aborted
    });
    itself.map_or(status, |operation| Status::new(operation.code.into(), operation.message))
}

/// What became of the update, which is asked for after the start.
fn second(answer: ExecuteMultiOperationResponse) -> UpdateWorkflowExecutionResponse {
    let update = answer.responses.into_iter().find_map(|response| match response.response? {
        response::Response::UpdateWorkflow(update) => Some(update),
        response::Response::StartWorkflow(_) => None,
    });
    update.unwrap_or_default()
}
