//! What an attempt comes to. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use signalbox_domain::{
    Command, Fault, IfMissing, JsonText, Outcome, OutcomeExt, OutcomeKind, Reason, of_command,
};
use signalbox_temporal::{Accepted, Failure};

/// A result that is larger is not kept: the ledger is for what happened, and NATS takes no message of any size.
const LARGEST_RESULT: usize = 256 * 1024;

/// By so much the last attempt comes before the command is given up.
const LAST_BEFORE: Duration = Duration::from_millis(50);

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
        Err(Failure { fault: Fault::Permanent, reason: Reason::WorkflowNotFound, detail }) => {
            of_missing(outcome, command, detail, at)
        }
        Err(Failure { fault: Fault::Permanent, reason, detail }) => {
            outcome.because(refusal(command, reason), reason, detail)
        }
    }
}

/// No run is open: its terms say what becomes of it.
fn of_missing(outcome: Outcome, command: &Command, detail: String, at: DateTime<Utc>) -> Outcome {
    let reason = Reason::WorkflowNotFound;
    match command.terms.if_missing {
        IfMissing::Dead => outcome.because(refusal(command, reason), reason, detail),
        IfMissing::Drop => outcome.because(OutcomeKind::Dropped, reason, detail),
        IfMissing::Park { until } if at < until => outcome.because(OutcomeKind::Parked, reason, detail),
        IfMissing::Park { .. } => expired(outcome, detail),
    }
}

/// It has waited for a run for as long as it may.
pub(super) fn expired(outcome: Outcome, detail: impl Into<String>) -> Outcome {
    outcome.because(OutcomeKind::Dead, Reason::ParkExpired, detail)
}

/// It was tried for as long as it may be; the outcome of the last attempt says why in vain.
pub(super) fn given_up(outcome: Outcome) -> Outcome {
    let detail = outcome.detail.clone();
    outcome.because(OutcomeKind::Dead, Reason::DeadlineExceeded, detail)
}

/// How long to wait before the next attempt, of which the last comes just before the command is given up. `None` if
/// there is none before that.
pub(super) fn pause_before(
    give_up_at: Option<DateTime<Utc>>,
    pause: Duration,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let Some(give_up_at) = give_up_at else { return Some(pause) };
    let left = (give_up_at - now).to_std().unwrap_or_default();
    let left = left.checked_sub(LAST_BEFORE).filter(|left| !left.is_zero())?;
    Some(pause.min(left))
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
    use signalbox_domain::{Query, WorkflowAction};

    use super::*;
    use crate::apply::example;

    fn command(route: Option<&str>) -> Command {
        let query = WorkflowAction::Query(Query { name: "q".into(), args: vec![] });
        let mut command = example::command("e", "w", query);
        command.origin.route = route.map(str::to_owned);
        command
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

    #[test]
    fn terms_say_what_becomes_of_a_command_without_a_run() {
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let missing = |if_missing, now| {
            let mut command = command(Some("r"));
            command.terms.if_missing = if_missing;
            let failure = Failure::permanent(Reason::WorkflowNotFound, "no run");
            let outcome = outcome(&command, 1, Err(failure), at(now));
            assert_eq!(outcome.detail, "no run");
            (outcome.kind(), outcome.reason)
        };
        let park = IfMissing::Park { until: at(60) };
        let code = |kind, reason: Reason| (kind, reason.code().to_owned());
        assert_eq!(missing(IfMissing::Dead, 0), code(OutcomeKind::Dead, Reason::WorkflowNotFound));
        assert_eq!(missing(IfMissing::Drop, 0), code(OutcomeKind::Dropped, Reason::WorkflowNotFound));
        assert_eq!(missing(park, 59), code(OutcomeKind::Parked, Reason::WorkflowNotFound));
        assert_eq!(missing(park, 60), code(OutcomeKind::Dead, Reason::ParkExpired));
    }

    #[test]
    fn the_last_attempt_comes_just_before_the_deadline() {
        let at = |millis| DateTime::UNIX_EPOCH + Duration::from_millis(millis);
        let before = |now| pause_before(Some(at(1000)), Duration::from_millis(400), at(now));
        assert_eq!(before(0), Some(Duration::from_millis(400)));
        assert_eq!(before(900), Some(Duration::from_millis(50)));
        assert_eq!(before(950), None);
        assert_eq!(before(2000), None, "it has passed");
        assert_eq!(pause_before(None, Duration::from_secs(9), at(2000)), Some(Duration::from_secs(9)));
    }

    #[test]
    fn who_gives_up_says_what_the_last_attempt_said() {
        let retrying = of(Some("r"), Err(Failure::transient("Temporal is away")));
        let dead = given_up(retrying);
        assert_eq!((dead.kind(), &*dead.reason), (OutcomeKind::Dead, "deadline-exceeded"));
        assert_eq!(dead.detail, "Temporal is away");
    }
}
