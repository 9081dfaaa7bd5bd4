//! What effects leave in the history of a run.

use chrono::{DateTime, Utc};
use signalbox_domain::WorkflowAction;
use temporalio_common::protos::temporal::api::{
    history::v1::{HistoryEvent, history_event::Attributes},
    workflowservice::v1::GetWorkflowExecutionHistoryReverseRequest,
};

use super::Run;
use crate::{
    Failure,
    connect::{DEADLINE, within},
    execute::{Attempt, in_time},
    payload::to_json,
    time::utc,
};

/// Events that are asked for together. Temporal ends a run of 51,200.
const PAGE: i32 = 200;

impl Attempt<'_> {
    /// Whether the effect is in the history of a run. It is read from its end, and no further back than to when the
    /// command was accepted.
    pub(super) async fn left_in(&self, run: &Run, since: DateTime<Utc>) -> Result<bool, Failure> {
        let mut next_page_token = Vec::new();
        loop {
            let request = GetWorkflowExecutionHistoryReverseRequest {
                namespace: self.namespace(),
                execution: self.execution(&run.id),
                maximum_page_size: PAGE,
                next_page_token,
            };
            let mut service = self.temporal.service();
            let call = service.get_workflow_execution_history_reverse(within(DEADLINE, request));
            let page = in_time(call).await?.into_inner();
            let events = page.history.map(|history| history.events).unwrap_or_default();
            if events.iter().any(|event| is_left_by(self.action, self.key().as_str(), event)) {
                return Ok(true);
            }
            let before = |event: &HistoryEvent| event.event_time.and_then(utc).is_some_and(|at| at < since);
            if page.next_page_token.is_empty() || events.iter().any(before) {
                return Ok(false);
            }
            next_page_token = page.next_page_token;
        }
    }
}

/// Whether an event comes from the command with this action and effect key.
fn is_left_by(action: &WorkflowAction, key: &str, event: &HistoryEvent) -> bool {
    use WorkflowAction::{Cancel, Signal, SignalWithStart, Terminate, Update, UpdateWithStart};
    let Some(attributes) = &event.attributes else { return false };
    match (action, attributes) {
        (Signal(_) | SignalWithStart(..), Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) => {
            signaled.request_id == key
        }
        (
            Update(_) | UpdateWithStart(..),
            Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted),
        ) => accepted.protocol_instance_id == key,
        (Cancel { .. }, Attributes::WorkflowExecutionCancelRequestedEventAttributes(asked)) => {
            asked.identity.split(' ').any(|part| part == key)
        }
        (Terminate { .. }, Attributes::WorkflowExecutionTerminatedEventAttributes(terminated)) => terminated
            .details
            .iter()
            .flat_map(|details| &details.payloads)
            .any(|payload| to_json(payload).as_str() == Some(key)),
        _ => false,
    }
}
