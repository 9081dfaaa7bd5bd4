//! Signal and signal-with-start.

use signalbox_domain::{EffectKey, Signal, Start, TraceContext};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{
        SignalWithStartWorkflowExecutionRequest, SignalWorkflowExecutionRequest,
        StartWorkflowExecutionRequest,
    },
};

use super::{Accepted, Attempt, attempt::while_open, in_time};
use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    payload::{arguments, trace_header},
    resolve::Standing,
};

impl Attempt<'_> {
    pub(super) async fn signal(&self, signal: &Signal) -> Result<Accepted, Failure> {
        match self.standing().await? {
            Standing::Done(run_id) => Ok(Accepted::earlier(run_id)),
            Standing::Open(run_id) => {
                self.may_get_a_signal().await?;
                while_open(self.signal_run(signal, &run_id).await)
            }
            Standing::Clear => {
                self.may_get_a_signal().await?;
                self.signal_run(signal, "").await
            }
        }
    }

    /// A run that has the signal already swallows it.
    async fn signal_run(&self, signal: &Signal, run_id: &str) -> Result<Accepted, Failure> {
        self.temporal.signal(self.execution(run_id), self.key(), signal, &self.trace).await?;
        Ok(Accepted::by(run_id))
    }

    /// The open run is used, whatever the start's conflict policy.
    pub(super) async fn signal_with_start(
        &self,
        start: &Start,
        signal: &Signal,
    ) -> Result<Accepted, Failure> {
        match self.standing().await? {
            Standing::Done(run_id) => return Ok(Accepted::earlier(run_id)),
            Standing::Open(run_id) => {
                self.may_get_a_signal().await?;
                return while_open(self.signal_run(signal, &run_id).await);
            }
            Standing::Clear => self.may_get_a_signal().await?,
        }
        let mut service = self.temporal.service();
        let request = with_signal(self.start_request(start)?, signal);
        let call = service.signal_with_start_workflow_execution(within(DEADLINE, request));
        Ok(Accepted::by(in_time(call).await?.into_inner().run_id))
    }
}

impl Temporal {
    /// Signals a run under this key.
    pub(super) async fn signal(
        &self,
        run: impl Into<Option<WorkflowExecution>>,
        key: &EffectKey,
        signal: &Signal,
        trace: &TraceContext,
    ) -> Result<(), Failure> {
        let request = SignalWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            request_id: key.to_string(),
            workflow_execution: run.into(),
            signal_name: signal.name.clone(),
            input: arguments(&signal.args),
            header: trace_header(trace),
            ..Default::default()
        };
        let mut service = self.service();
        in_time(service.signal_workflow_execution(within(DEADLINE, request))).await?;
        Ok(())
    }
}

fn with_signal(
    start: StartWorkflowExecutionRequest,
    signal: &Signal,
) -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        namespace: start.namespace,
        identity: start.identity,
        request_id: start.request_id,
        workflow_id: start.workflow_id,
        workflow_type: start.workflow_type,
        task_queue: start.task_queue,
        input: start.input,
        signal_name: signal.name.clone(),
        signal_input: arguments(&signal.args),
        header: start.header,
        memo: start.memo,
        search_attributes: start.search_attributes,
        workflow_id_reuse_policy: start.workflow_id_reuse_policy,
        workflow_execution_timeout: start.workflow_execution_timeout,
        workflow_run_timeout: start.workflow_run_timeout,
        workflow_task_timeout: start.workflow_task_timeout,
        workflow_start_delay: start.workflow_start_delay,
        retry_policy: start.retry_policy,
        priority: start.priority,
        ..Default::default()
    }
}
