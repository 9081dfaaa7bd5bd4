//! What is told of a run: a line in the log when it begins and when it ends, with the event that it comes from, and a
//! span of its end, which links to the messages that it took.

use std::cell::RefCell;

use serde_json::Value;
use signalbox_domain::TraceContext;
use signalbox_telemetry::{Span, current};
use signalbox_workflows::{TRACE_HEADER, trace_of};
use temporalio_sdk::workflow_interceptors::{
    ExecuteWorkflowInput, ExecuteWorkflowResult, HandleSignalInput, HandleSignalResult, WorkflowInterceptor,
    WorkflowInterceptorConstructor, WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};
use temporalio_sdk::{WorkflowContextView, WorkflowTermination};
use tracing::debug;

/// How many links a span has (OpenTelemetry specification, Span Limits).
const MAX_LINKS: usize = 128;

/// Tells, and changes nothing. Stands inside the interceptors that trace, if the process is `traced`.
pub(crate) fn journal(traced: bool) -> WorkflowInterceptorConstructor {
    WorkflowInterceptorConstructor::new(move |workflow| Journal::of(workflow, traced))
}

struct Journal {
    workflow_id: String,
    run_id: String,
    event_id: Option<String>,
    /// None if nothing is traced.
    messages: Option<RefCell<Vec<TraceContext>>>,
}

impl Journal {
    /// The router writes where a run comes from into its memo; schedules and other starters do not.
    fn of(workflow: &WorkflowContextView, traced: bool) -> Self {
        let origin = workflow.memo().get::<Value>("signalbox").ok().flatten();
        let event_id = origin.as_ref().and_then(|origin| origin["event_id"].as_str()).map(str::to_owned);
        Self {
            workflow_id: workflow.workflow_id().to_owned(),
            run_id: workflow.run_id().to_owned(),
            event_id,
            messages: traced.then(RefCell::default),
        }
    }

    fn line(&self, workflow: &WorkflowInterceptorContext, message: &str) {
        debug!(
            event.id = self.event_id,
            workflow.id = self.workflow_id,
            run.id = self.run_id,
            workflow.r#type = workflow.workflow_type(),
            "{message}"
        );
    }

    /// The span of the beginning has long ended: see `WorkflowTracer`.
    fn end(&self, workflow: &WorkflowInterceptorContext, result: &ExecuteWorkflowResult) {
        let Some(messages) = &self.messages else { return };
        let begun = current();
        let mut span =
            Span::internal(&begun, || format!("CompleteWorkflow:{}", workflow.workflow_type()).into());
        span.set("temporalWorkflowID", || self.workflow_id.clone());
        span.set("temporalRunID", || self.run_id.clone());
        if let Err(WorkflowTermination::Failed(why)) = result {
            span.fail(|| why.to_string());
        }
        let of_others = |message: &&TraceContext| message.trace_id() != begun.trace_id();
        messages.borrow().iter().filter(of_others).for_each(|message| span.link(message));
    }
}

impl WorkflowInterceptor for Journal {
    fn execute<'a>(
        &'a self,
        workflow: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        WorkflowInterceptorFuture::new(async move {
            // A replay repeats what was told before.
            if !workflow.is_replaying() {
                self.line(&workflow, "workflow begins");
            }
            let result = next.run(input).await;
            if !workflow.is_replaying() && !matches!(result, Err(WorkflowTermination::Evicted)) {
                self.line(&workflow, "workflow ends");
                self.end(&workflow, &result);
            }
            result
        })
    }

    fn handle_signal<'a>(
        &'a self,
        _workflow: WorkflowInterceptorContext,
        input: HandleSignalInput,
        next: WorkflowNext<'a, HandleSignalInput, WorkflowInterceptorFuture<'a, HandleSignalResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleSignalResult> {
        if let Some(messages) = &self.messages
            && messages.borrow().len() < MAX_LINKS
        {
            messages.borrow_mut().push(trace_of(input.headers().get(TRACE_HEADER)));
        }
        next.run(input)
    }
}
