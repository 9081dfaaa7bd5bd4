//! Spans of calls to Temporal: named as Temporal's SDKs name theirs, with OpenTelemetry's attributes for RPC.

use std::fmt::Display;

use signalbox_domain::{Action, Command, ScheduleId, WorkflowAction, WorkflowId};
use signalbox_telemetry::Span;

use crate::{Accepted, Failure};

const WORKFLOW_ID: &str = "temporalWorkflowID";
const RUN_ID: &str = "temporalRunID";
const SCHEDULE_ID: &str = "temporalScheduleID";

/// One attempt to carry a command out; several are siblings.
pub(crate) fn attempt(command: &Command) -> Span {
    let mut span = Span::client(&command.trace, || match &command.action {
        Action::Workflow(_, action) => of_action(action).into(),
        other => other.kind().into(),
    });
    span.set("rpc.system", || "grpc");
    if let Some(id) = command.action.workflow_id() {
        span.set(WORKFLOW_ID, || id.to_string());
    }
    span
}

fn of_action(action: &WorkflowAction) -> String {
    match action {
        WorkflowAction::Start(start) => format!("StartWorkflow:{}", start.workflow_type),
        WorkflowAction::Signal(signal) => format!("SignalWorkflow:{}", signal.name),
        WorkflowAction::SignalWithStart(start, _) => {
            format!("SignalWithStartWorkflow:{}", start.workflow_type)
        }
        WorkflowAction::Update(update) => format!("UpdateWorkflow:{}", update.name),
        WorkflowAction::UpdateWithStart(start, _) => {
            format!("UpdateWithStartWorkflow:{}", start.workflow_type)
        }
        WorkflowAction::Query(query) => format!("QueryWorkflow:{}", query.name),
        WorkflowAction::Cancel { .. } => "CancelWorkflow".to_owned(),
        WorkflowAction::Terminate { .. } => "TerminateWorkflow".to_owned(),
    }
}

/// What Temporal said.
pub(crate) fn answered(mut span: Span, answer: &Result<Accepted, Failure>) {
    match answer {
        Ok(Accepted { run_id, deduplicated, workflows, .. }) => {
            span.set(RUN_ID, || run_id.clone());
            span.set("signalbox.deduplicated", || *deduplicated);
            if *workflows > 0 {
                span.set("signalbox.workflows", || i64::from(*workflows));
            }
        }
        Err(failure) => span.fail(|| failure.to_string()),
    }
}

/// A call about a workflow that belongs to a trace, until its answer.
pub(crate) async fn of_workflow<T, E: Display>(
    name: impl FnOnce() -> String,
    id: &WorkflowId,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut span = Span::call(|| name().into());
    span.set(WORKFLOW_ID, || id.to_string());
    traced(span, call).await
}

/// The same, about a schedule.
pub(crate) async fn of_schedule<T, E: Display>(
    name: &'static str,
    id: &ScheduleId,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut span = Span::call(|| name.into());
    span.set(SCHEDULE_ID, || id.to_string());
    traced(span, call).await
}

async fn traced<T, E: Display>(mut span: Span, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    span.set("rpc.system", || "grpc");
    let answer = span.around(call).await;
    if let Err(error) = &answer {
        span.fail(|| error.to_string());
    }
    answer
}
