//! Outcomes: what happened to an event or to one of its commands.

use chrono::{DateTime, Utc};
use signalbox_proto::{
    names::subject,
    v1::{DeadLetter, Outcome, OutcomeKind},
};

use crate::{
    Action, Command, Event, EventKey, Reason, WorkflowAction, WorkflowId,
    command::{time, wire_time},
};

/// An outcome of a command, still to be told what happened.
pub fn of_command(command: &Command, attempts: u32, at: DateTime<Utc>) -> Outcome {
    Outcome {
        event: Some(command.origin.event.clone()),
        effect_key: command.effect_key.as_str().to_owned(),
        route: command.origin.route.clone().unwrap_or_default(),
        route_set: command.origin.route_set.clone(),
        workflow_id: command.action.workflow_id().map(WorkflowId::to_string).unwrap_or_default(),
        target: if command.action.workflow_id().is_some() { String::new() } else { command.key().to_owned() },
        attempts,
        at: Some(wire_time(at)),
        trace: command.trace.to_wire(),
        action: command.action.kind().to_owned(),
        accepted_at: Some(wire_time(command.accepted_at)),
        verdicts: command.matching.iter().flat_map(|matching| matching.verdicts.clone()).collect(),
        effect_keys: command.matching.iter().flat_map(|matching| matching.effect_keys.clone()).collect(),
        ..Default::default()
    }
}

/// A dead letter that says no more than its outcome does.
pub fn dead_letter(outcome: Outcome) -> DeadLetter {
    DeadLetter { event: outcome.event.clone(), outcome: Some(outcome), ..Default::default() }
}

/// What the rest of the house asks of an outcome.
pub trait OutcomeExt {
    /// The verdict of the matching of an event.
    fn of_matching(event: &Event, route_set: &str, at: DateTime<Utc>) -> Self;
    /// Says when it was written.
    fn at(self, at: DateTime<Utc>) -> Self;
    /// Says that `action` was accepted by the run `run_id`.
    fn accepted(self, action: &Action, run_id: String) -> Self;
    /// Says why it was not.
    fn because(self, kind: OutcomeKind, reason: Reason, detail: impl Into<String>) -> Self;
    /// Where the ledger keeps it.
    fn ledger_subject(&self) -> String;
    /// When it was written.
    fn time(&self) -> Option<DateTime<Utc>>;
    /// Whether nothing more will come of its command.
    fn is_final(&self) -> bool;
    /// The outcome of the matching of its event, if this, of the first effect, has that with it. It is taken out.
    fn take_matching(&mut self) -> Option<Self>
    where
        Self: Sized;
}

impl OutcomeExt for Outcome {
    fn of_matching(event: &Event, route_set: &str, at: DateTime<Utc>) -> Self {
        Self {
            event: Some(event.reference()),
            route_set: route_set.to_owned(),
            attempts: 1,
            at: Some(wire_time(at)),
            trace: event.trace.to_wire(),
            ..Default::default()
        }
    }

    fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = Some(wire_time(at));
        self
    }

    fn accepted(mut self, action: &Action, run_id: String) -> Self {
        let kind = match action {
            Action::SignalAll(_) => OutcomeKind::Signalled,
            Action::Schedule(..) => OutcomeKind::Scheduled,
            Action::Publish(_) => OutcomeKind::Published,
            Action::Workflow(_, action) => match action {
                WorkflowAction::Start(_) => OutcomeKind::Started,
                WorkflowAction::Signal(_) | WorkflowAction::SignalWithStart(..) => OutcomeKind::Signalled,
                WorkflowAction::Update(_) | WorkflowAction::UpdateWithStart(..) => OutcomeKind::Updated,
                WorkflowAction::Query(_) => OutcomeKind::Answered,
                WorkflowAction::Cancel { .. } => OutcomeKind::Cancelled,
                WorkflowAction::Terminate { .. } => OutcomeKind::Terminated,
            },
        };
        self.set_kind(kind);
        self.run_id = run_id;
        self
    }

    fn because(mut self, kind: OutcomeKind, reason: Reason, detail: impl Into<String>) -> Self {
        self.set_kind(kind);
        self.reason = reason.code().to_owned();
        self.detail = detail.into();
        self
    }

    fn ledger_subject(&self) -> String {
        let (source, id) =
            self.event.as_ref().map_or(("", ""), |event| (event.source.as_str(), event.id.as_str()));
        let leaf = if self.effect_key.is_empty() { subject::MATCH_LEAF } else { &self.effect_key };
        EventKey::derive(source, id).outcome_subject(leaf)
    }

    fn time(&self) -> Option<DateTime<Utc>> {
        self.at.and_then(time)
    }

    fn is_final(&self) -> bool {
        !matches!(self.kind(), OutcomeKind::Retrying | OutcomeKind::Parked | OutcomeKind::Held)
    }

    fn take_matching(&mut self) -> Option<Self> {
        if self.effect_key.is_empty() || self.effect_keys.is_empty() {
            return None;
        }
        let mut matching = Self {
            event: self.event.clone(),
            route_set: self.route_set.clone(),
            attempts: 1,
            at: self.at,
            trace: self.trace.clone(),
            verdicts: std::mem::take(&mut self.verdicts),
            effect_keys: std::mem::take(&mut self.effect_keys),
            ..Default::default()
        };
        matching.set_kind(OutcomeKind::Matched);
        Some(matching)
    }
}
