//! Finding out whether an attempt whose answer was lost had its effect.

use signalbox_domain::{Command, WorkflowId};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::{HistoryEventFilterType, WorkflowExecutionStatus},
    history::v1::history_event::Attributes,
    workflowservice::v1::{DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryRequest},
};

use crate::{
    Accepted, Failure, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
};

impl Temporal {
    /// A signal-with-start that is repeated after its run has closed would start and signal again, so the
    /// latest run is looked at before. An open run that has the signal swallows the repetition by itself.
    pub(crate) async fn earlier_signal_with_start(
        &self,
        command: &Command,
        id: &WorkflowId,
    ) -> Result<Option<Accepted>, Failure> {
        let execution = WorkflowExecution { workflow_id: id.to_string(), run_id: String::new() };
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            execution: Some(execution),
        };
        let mut service = self.service();
        let described = match in_time(service.describe_workflow_execution(within(DEADLINE, request))).await {
            Ok(described) => described.into_inner(),
            Err(failure) if failure.reason == signalbox_domain::Reason::WorkflowNotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Some(info) = described.workflow_execution_info else { return Ok(None) };
        let open = info.status == WorkflowExecutionStatus::Running as i32;
        let Some(run) = info.execution.filter(|_| !open) else { return Ok(None) };
        let request_ids =
            described.workflow_extended_info.map(|info| info.request_id_infos).unwrap_or_default();
        let had_it = request_ids.contains_key(command.effect_key.as_str())
            || self.history_has_signal(&run, command.effect_key.as_str()).await?;
        Ok(had_it.then_some(Accepted { run_id: run.run_id, deduplicated: true }))
    }

    async fn history_has_signal(&self, run: &WorkflowExecution, request_id: &str) -> Result<bool, Failure> {
        let mut next_page_token = Vec::new();
        loop {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: self.client.namespace(),
                execution: Some(run.clone()),
                history_event_filter_type: HistoryEventFilterType::AllEvent as i32,
                next_page_token,
                ..Default::default()
            };
            let mut service = self.service();
            let call = service.get_workflow_execution_history(within(DEADLINE, request));
            let page = in_time(call).await?.into_inner();
            let found = page.history.into_iter().flat_map(|history| history.events).any(|event| {
                matches!(event.attributes, Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled))
                    if signaled.request_id == request_id)
            });
            if found || page.next_page_token.is_empty() {
                return Ok(found);
            }
            next_page_token = page.next_page_token;
        }
    }
}
