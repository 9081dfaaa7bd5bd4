//! Start.

use serde_json::{Value, json};
use signalbox_domain::{ConflictPolicy, Origin, Priority, Reason, RetryPolicy, ReusePolicy, Start, Trigger};
use signalbox_proto::names::search_attribute;
use temporalio_common::protos::temporal::api::{
    common::v1 as common,
    enums::v1::{TaskQueueKind, WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::StartWorkflowExecutionRequest,
};

use super::{Accepted, Attempt, in_time};
use crate::{
    Failure,
    connect::{DEADLINE, within},
    payload::{arguments, keyword, memo, payload, trace_header},
    resolve::Standing,
};

impl Attempt<'_> {
    pub(super) async fn start(&self, start: &Start) -> Result<Accepted, Failure> {
        if let Standing::Done(run_id) = self.standing().await? {
            return Ok(Accepted::earlier(run_id));
        }
        let mut service = self.temporal.service();
        let call = service.start_workflow_execution(within(DEADLINE, self.start_request(start)?));
        let started = in_time(call).await?.into_inner();
        Ok(Accepted { deduplicated: !started.started, ..Accepted::by(started.run_id) })
    }

    /// What is asked of Temporal for a start, and for what starts besides.
    pub(super) fn start_request(&self, start: &Start) -> Result<StartWorkflowExecutionRequest, Failure> {
        let options = &start.options;
        Ok(StartWorkflowExecutionRequest {
            namespace: self.namespace(),
            identity: self.identity(),
            request_id: self.key().to_string(),
            workflow_id: self.id.to_string(),
            workflow_type: Some(common::WorkflowType { name: start.workflow_type.clone() }),
            task_queue: Some(TaskQueue {
                name: start.task_queue.clone(),
                kind: TaskQueueKind::Normal as i32,
                ..Default::default()
            }),
            input: arguments(&start.args),
            header: trace_header(&self.trace),
            memo: Some(noted(start, &self.command.origin)),
            search_attributes: found_by(start, self.command.origin.trigger),
            workflow_id_conflict_policy: conflict_policy(start.conflict_policy) as i32,
            workflow_id_reuse_policy: reuse_policy(options.reuse_policy) as i32,
            workflow_execution_timeout: options.execution_timeout.and_then(|span| span.try_into().ok()),
            workflow_run_timeout: options.run_timeout.and_then(|span| span.try_into().ok()),
            workflow_task_timeout: options.task_timeout.and_then(|span| span.try_into().ok()),
            workflow_start_delay: options.start_delay.and_then(|span| span.try_into().ok()),
            retry_policy: options.retry_policy.as_ref().map(retry_policy).transpose()?,
            priority: options.priority.clone().map(priority),
            ..Default::default()
        })
    }
}

fn conflict_policy(policy: ConflictPolicy) -> WorkflowIdConflictPolicy {
    match policy {
        ConflictPolicy::Unspecified | ConflictPolicy::Fail => WorkflowIdConflictPolicy::Fail,
        ConflictPolicy::UseExisting => WorkflowIdConflictPolicy::UseExisting,
        ConflictPolicy::TerminateExisting => WorkflowIdConflictPolicy::TerminateExisting,
    }
}

fn reuse_policy(policy: ReusePolicy) -> WorkflowIdReusePolicy {
    match policy {
        ReusePolicy::Unspecified => WorkflowIdReusePolicy::Unspecified,
        ReusePolicy::AllowDuplicate => WorkflowIdReusePolicy::AllowDuplicate,
        ReusePolicy::AllowDuplicateFailedOnly => WorkflowIdReusePolicy::AllowDuplicateFailedOnly,
        ReusePolicy::RejectDuplicate => WorkflowIdReusePolicy::RejectDuplicate,
    }
}

pub(crate) fn retry_policy(policy: &RetryPolicy) -> Result<common::RetryPolicy, Failure> {
    let bad = |_| Failure::permanent(Reason::InvalidArgument, "retry_policy: an interval is negative");
    let span = |wire: Option<prost_types::Duration>| {
        wire.map(std::time::Duration::try_from).transpose().map_err(bad)
    };
    Ok(common::RetryPolicy {
        initial_interval: span(policy.initial_interval)?.and_then(|span| span.try_into().ok()),
        backoff_coefficient: policy.backoff_coefficient,
        maximum_interval: span(policy.maximum_interval)?.and_then(|span| span.try_into().ok()),
        maximum_attempts: policy.maximum_attempts,
        non_retryable_error_types: policy.non_retryable_error_types.clone(),
    })
}

pub(crate) fn priority(priority: Priority) -> common::Priority {
    common::Priority {
        priority_key: priority.priority_key,
        fairness_key: priority.fairness_key,
        fairness_weight: priority.fairness_weight,
    }
}

/// The start's own memo, and where the run comes from, whatever the start says of that.
fn noted(start: &Start, origin: &Origin) -> common::Memo {
    let ours = memo([origin_memo(origin)]);
    let own = start.options.memo.iter().map(|(name, text)| (name.clone(), payload(text)));
    common::Memo { fields: own.chain(ours.fields).collect() }
}

/// The start's own search attributes, of which the server knows the types, and how it was triggered.
fn found_by(start: &Start, by: Trigger) -> Option<common::SearchAttributes> {
    let ours = trigger(by).map(|attributes| attributes.indexed_fields).unwrap_or_default();
    let own = start.options.search_attributes.iter().map(|(name, text)| (name.clone(), payload(text)));
    let indexed_fields: std::collections::HashMap<_, _> = own.chain(ours).collect();
    (!indexed_fields.is_empty()).then_some(common::SearchAttributes { indexed_fields })
}

/// By which runs are found in Temporal: how they were triggered.
pub(crate) fn trigger(trigger: Trigger) -> Option<common::SearchAttributes> {
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
