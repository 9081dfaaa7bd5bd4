//! Cancel and terminate.

use serde_json::Value;
use temporalio_common::protos::temporal::api::{
    common::v1::Payloads,
    workflowservice::v1::{RequestCancelWorkflowExecutionRequest, TerminateWorkflowExecutionRequest},
};

use super::{Accepted, Attempt, attempt::while_open, in_time};
use crate::{
    Failure,
    connect::{DEADLINE, within},
    payload::json_payload,
    resolve::Standing,
};

impl Attempt<'_> {
    /// Temporal takes it of a workflow that has closed, too.
    pub(super) async fn cancel(&self, reason: &str) -> Result<Accepted, Failure> {
        match self.standing().await? {
            Standing::Done(run_id) => Ok(Accepted::earlier(run_id)),
            Standing::Open(run_id) => self.cancel_run(reason, &run_id).await,
            Standing::Clear => self.cancel_run(reason, "").await,
        }
    }

    async fn cancel_run(&self, reason: &str, run_id: &str) -> Result<Accepted, Failure> {
        let request = RequestCancelWorkflowExecutionRequest {
            namespace: self.namespace(),
            // The history tells who asked, and not by which request.
            identity: format!("{} {}", self.identity(), self.key()),
            request_id: self.key().to_string(),
            workflow_execution: self.execution(run_id),
            reason: reason.to_owned(),
            ..Default::default()
        };
        let mut service = self.temporal.service();
        in_time(service.request_cancel_workflow_execution(within(DEADLINE, request))).await?;
        Ok(Accepted::by(run_id))
    }

    pub(super) async fn terminate(&self, reason: &str) -> Result<Accepted, Failure> {
        match self.standing().await? {
            Standing::Done(run_id) => Ok(Accepted::earlier(run_id)),
            Standing::Open(run_id) => while_open(self.terminate_run(reason, &run_id).await),
            Standing::Clear => self.terminate_run(reason, "").await,
        }
    }

    async fn terminate_run(&self, reason: &str, run_id: &str) -> Result<Accepted, Failure> {
        let key = json_payload(Value::from(self.key().as_str()).to_string());
        let request = TerminateWorkflowExecutionRequest {
            namespace: self.namespace(),
            identity: self.identity(),
            workflow_execution: self.execution(run_id),
            reason: reason.to_owned(),
            // Temporal takes no request id for it.
            details: Some(Payloads { payloads: vec![key] }),
            ..Default::default()
        };
        let mut service = self.temporal.service();
        in_time(service.terminate_workflow_execution(within(DEADLINE, request))).await?;
        Ok(Accepted::by(run_id))
    }
}
