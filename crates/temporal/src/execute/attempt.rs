//! One attempt to do something to one workflow.

use signalbox_domain::{Command, EffectKey, Fault, Reason, TraceContext, WorkflowAction, WorkflowId};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;

use crate::{Failure, Temporal};

/// One attempt to do something to one workflow.
pub(crate) struct Attempt<'a> {
    pub(crate) temporal: &'a Temporal,
    pub(crate) command: &'a Command,
    pub(crate) id: &'a WorkflowId,
    pub(crate) action: &'a WorkflowAction,
    /// What the run is to join.
    pub(crate) trace: TraceContext,
    /// Whether it may have been tried before.
    pub(crate) repeated: bool,
}

impl Attempt<'_> {
    pub(crate) fn key(&self) -> &EffectKey {
        &self.command.effect_key
    }

    pub(crate) fn namespace(&self) -> String {
        self.temporal.client.namespace()
    }

    pub(crate) fn identity(&self) -> String {
        self.temporal.client.identity()
    }

    /// A run of the workflow; empty is the current one.
    pub(crate) fn execution(&self, run_id: &str) -> Option<WorkflowExecution> {
        Some(WorkflowExecution { workflow_id: self.id.to_string(), run_id: run_id.to_owned() })
    }
}

/// What a call comes to that was for a run which was open a moment ago. If that has closed, the next attempt looks
/// again where the command stands.
pub(super) fn while_open<T>(answer: Result<T, Failure>) -> Result<T, Failure> {
    answer.map_err(|failure| match failure.reason {
        Reason::WorkflowNotFound => Failure { fault: Fault::Transient, ..failure },
        _ => failure,
    })
}
