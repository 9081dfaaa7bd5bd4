//! What an attempt comes to. Pure.

use chrono::{DateTime, Utc};
use signalbox_domain::{Command, Fault, JsonText, Outcome, OutcomeExt, OutcomeKind, Reason, of_command};
use signalbox_temporal::{Accepted, Failure};

/// A result that is larger is not kept: the ledger is for what happened, and NATS takes no message of any size.
const LARGEST_RESULT: usize = 256 * 1024;

pub(super) fn outcome(
    command: &Command,
    attempt: u32,
    answer: Result<Accepted, Failure>,
    at: DateTime<Utc>,
) -> Outcome {
    let outcome = of_command(command, attempt, at);
    match answer {
        Ok(accepted) => of_accepted(outcome, command, accepted),
        Err(Failure { fault: Fault::Transient, reason, detail }) => {
            outcome.because(OutcomeKind::Retrying, reason, detail)
        }
        Err(Failure { fault: Fault::Permanent, reason, detail }) => {
            outcome.because(refusal(command, reason), reason, detail)
        }
    }
}

fn of_accepted(outcome: Outcome, command: &Command, accepted: Accepted) -> Outcome {
    let Accepted { run_id, deduplicated, result, workflows } = accepted;
    let mut outcome = Outcome { workflows, ..outcome.accepted(&command.action, run_id) };
    if deduplicated {
        outcome.set_kind(OutcomeKind::Deduplicated);
    }
    match result.as_ref().map(JsonText::bytes) {
        Some(text) if text.len() > LARGEST_RESULT => {
            outcome.detail = format!("its result of {} bytes is larger than what is kept", text.len());
        }
        Some(text) => outcome.result = text.clone(),
        None => {}
    }
    outcome
}

/// A caller that named its workflow itself is told what Temporal says, and may call again. For an event nobody
/// stands by, so what it asked for is kept.
fn refusal(command: &Command, reason: Reason) -> OutcomeKind {
    let told = matches!(
        reason,
        Reason::WorkflowRunning
            | Reason::WorkflowNotFound
            | Reason::InvalidArgument
            | Reason::UpdateRejected
            | Reason::TooManyWorkflows
            | Reason::ScheduleExists
            | Reason::ScheduleNotFound
    );
    if command.origin.route.is_none() && told { OutcomeKind::Refused } else { OutcomeKind::Dead }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signalbox_domain::{
        Action, EffectKey, EventRef, Origin, Query, Terms, TraceContext, Trigger, WorkflowAction,
    };

    use super::*;

    fn command(route: Option<&str>) -> Command {
        let (source, id) = ("/s".parse().unwrap(), "e".parse().unwrap());
        let query = WorkflowAction::Query(Query { name: "q".into(), args: vec![] });
        Command {
            effect_key: EffectKey::derive(&source, &id, "r", 0, "query:q", "w"),
            origin: Origin {
                event: EventRef { id: "e".into(), source: "/s".into(), ..Default::default() },
                route: route.map(str::to_owned),
                route_set: String::new(),
                trigger: Trigger::Event,
            },
            reply_to: None,
            trace: TraceContext::default(),
            accepted_at: DateTime::UNIX_EPOCH,
            repeated: false,
            matching: None,
            terms: Terms::default(),
            action: Action::Workflow("w".parse().unwrap(), query),
        }
    }

    fn of(route: Option<&str>, answer: Result<Accepted, Failure>) -> Outcome {
        outcome(&command(route), 1, answer, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_result_is_kept_unless_it_is_too_large() {
        let answered = |length| {
            let result = Some(JsonText::from_value(&json!("x".repeat(length))));
            of(None, Ok(Accepted { result, ..Accepted::default() }))
        };
        assert_eq!((answered(1).kind(), &*answered(1).result), (OutcomeKind::Answered, &b"\"x\""[..]));
        let large = answered(LARGEST_RESULT);
        assert_eq!((large.kind(), large.result.len()), (OutcomeKind::Answered, 0));
        assert!(large.detail.contains("262146 bytes"), "{}", large.detail);
    }

    #[test]
    fn whoever_stands_by_is_refused_and_the_rest_is_kept() {
        let fail = |fault, reason| Err(Failure { fault, reason, detail: String::new() });
        let kind = |route, fault, reason| of(route, fail(fault, reason)).kind();
        let rejected = Reason::UpdateRejected;
        assert_eq!(kind(None, Fault::Permanent, rejected), OutcomeKind::Refused);
        assert_eq!(kind(Some("r"), Fault::Permanent, rejected), OutcomeKind::Dead);
        assert_eq!(kind(None, Fault::Permanent, Reason::PermissionDenied), OutcomeKind::Dead);
        assert_eq!(kind(Some("r"), Fault::Transient, rejected), OutcomeKind::Retrying);
    }
}
