//! Calls without Signalbox: what those through it are measured against.

use signalbox_domain::{JsonText, Origin, Start};
use temporalio_client::{
    UntypedSignal, UntypedWorkflow, WorkflowSignalOptions, WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
};
use temporalio_common::{MemoValues, data_converters::RawValue};

use crate::{
    Temporal,
    execute::{origin_memo, trigger},
    payload::payload,
};

impl Temporal {
    /// Starts a workflow as a program with the official client does, with the client's own retries and request
    /// id. The run has the memo and the search attribute that one through Signalbox has: it is the same start.
    ///
    /// # Errors
    /// What the client says.
    pub async fn start_directly(
        &self,
        workflow_id: &str,
        start: &Start,
        origin: &Origin,
    ) -> Result<(), WorkflowStartError> {
        let mut memo = MemoValues::new();
        let (name, shown) = origin_memo(origin);
        memo.insert(name, shown);
        let options = WorkflowStartOptions::new(&start.task_queue, workflow_id)
            .memo(memo)
            .maybe_search_attributes(trigger(origin.trigger).map(Into::into))
            .build();
        let workflow = UntypedWorkflow::new(&start.workflow_type);
        self.client
            .start_workflow(workflow, RawValue::new(start.args.iter().map(payload).collect()), options)
            .await?;
        Ok(())
    }

    /// Signals a workflow as a program with the official client does, with the client's own retries and request id.
    ///
    /// # Errors
    /// What the client says.
    pub async fn signal_directly(
        &self,
        workflow_id: &str,
        name: &str,
        args: &[JsonText],
    ) -> Result<(), WorkflowInteractionError> {
        let workflow = self.client.get_workflow_handle::<UntypedWorkflow>(workflow_id);
        let args = RawValue::new(args.iter().map(payload).collect());
        workflow.signal(UntypedSignal::new(name), args, WorkflowSignalOptions::default()).await
    }
}
