//! Spans of workflows and activities. Temporal's own interceptors make them, as those of every SDK do; what they do not
//! tell is added here.

use signalbox_domain::TraceContext;
use signalbox_telemetry::{IdGenerator, SpanDetails, WorkflowTracer};
use signalbox_workflows::Batch;
use temporalio_client::plugins::PluginError;
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_sdk::interceptors::{
    ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next,
};
use temporalio_sdk::opentelemetry::{OpenTelemetryPlugin, WorkflowIdGenerator};
use temporalio_sdk::workflow_interceptors::{
    ExecuteWorkflowInput, ExecuteWorkflowResult, WorkflowInterceptor, WorkflowInterceptorConstructor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};
use temporalio_sdk::{WorkerOptions, WorkerPlugin, WorkflowContextView};

/// The schedule that started a run, as Temporal notes it.
const SCHEDULED_BY: SearchAttributeKey<String> = SearchAttributeKey::keyword("TemporalScheduledById");

/// Span ids for `start_tracing_with_ids`: those of a workflow are the same whenever it is replayed, so that what it
/// does later hangs on what it did before, on whichever worker.
pub fn span_ids() -> impl IdGenerator + 'static {
    WorkflowIdGenerator::default()
}

/// Has workflows and activities traced, if this process is; tells whether it is.
pub(crate) fn trace(options: &mut WorkerOptions) -> Result<bool, PluginError> {
    let Some(tracer) = WorkflowTracer::of_process() else { return Ok(false) };
    // The earlier one is registered, the further out it stands: these are around the plugin's, to add to its spans.
    options.workflow_interceptor(WorkflowInterceptorConstructor::new(Scheduled::of));
    options.activity_inbound_interceptor(Members);
    OpenTelemetryPlugin::builder().tracer(tracer).build().configure_worker_options(options)?;
    Ok(true)
}

/// Names the schedule in the span with which a run begins: it is the first of a trace, since nobody called.
struct Scheduled {
    by: Option<String>,
}

impl Scheduled {
    fn of(workflow: &WorkflowContextView) -> Self {
        Self { by: workflow.search_attributes().and_then(|attributes| attributes.get(&SCHEDULED_BY)) }
    }
}

impl WorkflowInterceptor for Scheduled {
    fn execute<'a>(
        &'a self,
        _workflow: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        match &self.by {
            Some(schedule) => SpanDetails::default()
                .attribute("temporalScheduleID", schedule.clone())
                .during(|| next.run(input)),
            None => next.run(input),
        }
    }
}

/// Links the work on a batch to the traces of its members.
struct Members;

impl ActivityInboundInterceptor for Members {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let Some(batch) = input.args_ref::<Batch>() else { return next.run(input) };
        let members = batch.traces.iter().map(|trace| TraceContext::from_headers(Some(trace), None));
        SpanDetails::default().links(members).during(|| next.run(input))
    }
}
