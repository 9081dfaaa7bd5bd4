//! A line in the log when a workflow begins and when it ends, with the event that it comes from.

use serde_json::Value;
use temporalio_sdk::WorkflowContextView;
use temporalio_sdk::workflow_interceptors::{
    ExecuteWorkflowInput, ExecuteWorkflowResult, WorkflowInterceptor, WorkflowInterceptorConstructor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};
use tracing::debug;

/// Logs, and changes nothing.
pub(crate) fn journal() -> WorkflowInterceptorConstructor {
    WorkflowInterceptorConstructor::new(Journal::of)
}

struct Journal {
    workflow_id: String,
    run_id: String,
    event_id: Option<String>,
}

impl Journal {
    /// The router writes where a run comes from into its memo; schedules and other starters do not.
    fn of(workflow: &WorkflowContextView) -> Self {
        let origin = workflow.memo().get::<Value>("signalbox").ok().flatten();
        let event_id = origin.as_ref().and_then(|origin| origin["event_id"].as_str()).map(str::to_owned);
        Self {
            workflow_id: workflow.workflow_id().to_owned(),
            run_id: workflow.run_id().to_owned(),
            event_id,
        }
    }
}

impl WorkflowInterceptor for Journal {
    fn execute<'a>(
        &'a self,
        workflow: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        // A replay repeats what was logged before.
        macro_rules! line {
            ($message:literal) => {
                if !workflow.is_replaying() {
                    debug!(
                        event.id = self.event_id,
                        workflow.id = self.workflow_id,
                        run.id = self.run_id,
                        workflow.r#type = workflow.workflow_type(),
                        $message
                    );
                }
            };
        }
        WorkflowInterceptorFuture::new(async move {
            line!("workflow begins");
            let result = next.run(input).await;
            line!("workflow ends");
            result
        })
    }
}
