//! A start without Signalbox: what one through it is measured against.

use signalbox_domain::{JsonText, Start};
use temporalio_client::{UntypedWorkflow, WorkflowStartOptions, errors::WorkflowStartError};
use temporalio_common::data_converters::RawValue;

use crate::{Temporal, payload::json_payload};

impl Temporal {
    /// Starts a workflow as any program with the official client does: no request id of ours, no memo, no search
    /// attribute, and the client's own retries.
    ///
    /// # Errors
    /// What the client says.
    pub async fn start_directly(&self, workflow_id: &str, start: &Start) -> Result<(), WorkflowStartError> {
        let payloads = start.args.iter().map(JsonText::bytes).map(|json| json_payload(json.to_vec()));
        let options = WorkflowStartOptions::new(&start.task_queue, workflow_id).build();
        let workflow = UntypedWorkflow::new(&start.workflow_type);
        self.client.start_workflow(workflow, RawValue::new(payloads.collect()), options).await?;
        Ok(())
    }
}
