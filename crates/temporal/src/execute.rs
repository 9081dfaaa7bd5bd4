//! Carrying out one command.

use serde_json::{Value, json};
use signalbox_domain::{
    Action, Command, ConflictPolicy, Origin, Signal, Start, TraceContext, Trigger, WorkflowAction, WorkflowId,
};
use signalbox_proto::names::search_attribute;
use temporalio_client::{NamespacedClient, tonic::Status};
use temporalio_common::protos::temporal::api::{
    common::v1::{SearchAttributes, WorkflowExecution, WorkflowType},
    enums::v1::{TaskQueueKind, WorkflowIdConflictPolicy},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        SignalWithStartWorkflowExecutionRequest, SignalWorkflowExecutionRequest,
        StartWorkflowExecutionRequest,
    },
};

use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    payload::{arguments, keyword, memo, trace_header},
    spans,
};

/// A command that Temporal has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The run; empty where Temporal does not say, which is for a signal.
    pub run_id: String,
    /// Whether the effect had happened before, or an open run was used instead of a new one.
    pub deduplicated: bool,
}

impl Temporal {
    /// Carries out a command, once. A command that may have been tried before (`repeated`) is resolved first
    /// where Temporal's own deduplication has a hole.
    ///
    /// # Errors
    /// [`Failure`] says whether to try again; then `repeated` is true.
    pub async fn execute(&self, command: &Command, repeated: bool) -> Result<Accepted, Failure> {
        let span = spans::attempt(command);
        let answer = span.around(self.attempt(command, repeated, span.context())).await;
        spans::answered(span, &answer);
        answer
    }

    async fn attempt(
        &self,
        command: &Command,
        repeated: bool,
        trace: TraceContext,
    ) -> Result<Accepted, Failure> {
        let Action::Workflow(id, action) = &command.action else {
            return Err(Failure::unsupported(command.action.kind()));
        };
        match action {
            WorkflowAction::Start(start) => self.start(command, id, start, &trace).await,
            WorkflowAction::Signal(signal) => self.signal(command, id, signal, &trace).await,
            WorkflowAction::SignalWithStart(start, signal) => {
                if repeated && let Some(earlier) = self.earlier_signal_with_start(command, id).await? {
                    return Ok(earlier);
                }
                self.signal_with_start(command, id, start, signal, &trace).await
            }
            other => Err(Failure::unsupported(other.kind())),
        }
    }

    async fn start(
        &self,
        command: &Command,
        id: &WorkflowId,
        start: &Start,
        trace: &TraceContext,
    ) -> Result<Accepted, Failure> {
        let request = StartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            request_id: command.effect_key.to_string(),
            workflow_id: id.to_string(),
            workflow_type: workflow_type(start),
            task_queue: task_queue(start),
            input: arguments(&start.args),
            header: trace_header(trace),
            memo: Some(memo([origin_memo(&command.origin)])),
            search_attributes: trigger(command.origin.trigger),
            workflow_id_conflict_policy: conflict_policy(start.conflict_policy) as i32,
            ..Default::default()
        };
        let mut service = self.service();
        let call = service.start_workflow_execution(within(DEADLINE, request));
        let started = in_time(call).await?.into_inner();
        Ok(Accepted { run_id: started.run_id, deduplicated: !started.started })
    }

    async fn signal(
        &self,
        command: &Command,
        id: &WorkflowId,
        signal: &Signal,
        trace: &TraceContext,
    ) -> Result<Accepted, Failure> {
        let request = SignalWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            request_id: command.effect_key.to_string(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: id.to_string(),
                run_id: String::new(),
            }),
            signal_name: signal.name.clone(),
            input: arguments(&signal.args),
            header: trace_header(trace),
            ..Default::default()
        };
        let mut service = self.service();
        in_time(service.signal_workflow_execution(within(DEADLINE, request))).await?;
        Ok(Accepted { run_id: String::new(), deduplicated: false })
    }

    async fn signal_with_start(
        &self,
        command: &Command,
        id: &WorkflowId,
        start: &Start,
        signal: &Signal,
        trace: &TraceContext,
    ) -> Result<Accepted, Failure> {
        let request = SignalWithStartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            request_id: command.effect_key.to_string(),
            workflow_id: id.to_string(),
            workflow_type: workflow_type(start),
            task_queue: task_queue(start),
            input: arguments(&start.args),
            signal_name: signal.name.clone(),
            signal_input: arguments(&signal.args),
            header: trace_header(trace),
            memo: Some(memo([origin_memo(&command.origin)])),
            search_attributes: trigger(command.origin.trigger),
            ..Default::default()
        };
        let mut service = self.service();
        let call = service.signal_with_start_workflow_execution(within(DEADLINE, request));
        let answer = in_time(call).await?.into_inner();
        Ok(Accepted { run_id: answer.run_id, deduplicated: false })
    }
}

/// The deadline in the request is the server's; this one holds when the server is gone.
pub(crate) async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Status::deadline_exceeded("Temporal did not answer in time").into()),
    }
}

fn workflow_type(start: &Start) -> Option<WorkflowType> {
    Some(WorkflowType { name: start.workflow_type.clone() })
}

fn task_queue(start: &Start) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: start.task_queue.clone(),
        kind: TaskQueueKind::Normal as i32,
        ..Default::default()
    })
}

fn conflict_policy(policy: ConflictPolicy) -> WorkflowIdConflictPolicy {
    match policy {
        ConflictPolicy::Unspecified | ConflictPolicy::Fail => WorkflowIdConflictPolicy::Fail,
        ConflictPolicy::UseExisting => WorkflowIdConflictPolicy::UseExisting,
        ConflictPolicy::TerminateExisting => WorkflowIdConflictPolicy::TerminateExisting,
    }
}

/// By which runs are found in Temporal: how they were triggered.
pub(crate) fn trigger(trigger: Trigger) -> Option<SearchAttributes> {
    let name = match trigger {
        Trigger::Unspecified => return None,
        Trigger::Http => "http",
        Trigger::Schedule => "schedule",
        Trigger::Event => "event",
        Trigger::Cli => "cli",
        Trigger::Workflow => "workflow",
    };
    Some(keyword(search_attribute::TRIGGER, name))
}

/// What the Temporal UI shows of where a run comes from.
pub(crate) fn origin_memo(origin: &Origin) -> (&'static str, Value) {
    let event = &origin.event;
    let shown = json!({
        "event_id": event.id,
        "event_source": event.source,
        "event_type": event.r#type,
        "route": origin.route,
    });
    ("signalbox", shown)
}
