//! What of a partition that was taken over has begun elsewhere. Pure.
//!
//! Commands of one key begin in the order of their stream, each after the outcome of the one before it is recorded. So
//! the first of a key of which nothing is recorded may have begun, and none behind it has.

use std::collections::HashSet;

use signalbox_domain::{Command, Outcome, OutcomeExt, OutcomeKind};

/// So many keys are kept in mind; the commands of others count as begun.
const MOST_KEYS: usize = 100_000;

/// Whether a command was begun by whoever had the partition before.
#[derive(Debug, PartialEq)]
pub(super) enum Begun<'a> {
    /// It has come to its end, and this is recorded of it.
    Ended(&'a Outcome),
    Perhaps,
    No,
}

/// What is known of one opening.
#[derive(Default)]
pub(super) struct TakenOver {
    /// Keys whose first command without an end was seen.
    keys: HashSet<Box<str>>,
}

impl TakenOver {
    /// Of a command of a delivery that others may have had, in the order of the stream. A batch is recorded under its members.
    pub(super) fn begun<'a>(&mut self, command: &Command, recorded: Option<&'a Outcome>) -> Begun<'a> {
        let batch = !command.terms.members.is_empty();
        match recorded {
            Some(outcome) if outcome.is_final() && !batch && !command.repeated => Begun::Ended(outcome),
            // Others of its key may have begun behind it.
            Some(outcome) if outcome.kind() != OutcomeKind::Retrying => Begun::Perhaps,
            _ if batch => Begun::Perhaps,
            _ if self.keys.contains(command.key()) => Begun::No,
            _ => {
                if self.keys.len() < MOST_KEYS {
                    self.keys.insert(command.key().into());
                }
                Begun::Perhaps
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use signalbox_domain::{BatchMember, Query, WorkflowAction};

    use super::*;
    use crate::apply::example;

    fn command(id: &str, key: &str) -> Command {
        example::command(id, key, WorkflowAction::Query(Query { name: "q".into(), args: vec![] }))
    }

    fn recorded(kind: OutcomeKind) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.set_kind(kind);
        outcome
    }

    #[test]
    fn behind_the_first_of_a_key_that_has_no_end_nothing_has_begun() {
        let mut before = TakenOver::default();
        let signalled = recorded(OutcomeKind::Signalled);
        assert_eq!(before.begun(&command("1", "a"), Some(&signalled)), Begun::Ended(&signalled));
        assert_eq!(before.begun(&command("2", "a"), None), Begun::Perhaps);
        assert_eq!(before.begun(&command("3", "a"), None), Begun::No);
        assert_eq!(before.begun(&command("4", "b"), None), Begun::Perhaps, "another key");
        let retrying = recorded(OutcomeKind::Retrying);
        assert_eq!(before.begun(&command("5", "c"), Some(&retrying)), Begun::Perhaps);
        assert_eq!(before.begun(&command("6", "c"), None), Begun::No);
    }

    #[test]
    fn what_waits_elsewhere_lets_others_pass() {
        let mut before = TakenOver::default();
        let parked = recorded(OutcomeKind::Parked);
        assert_eq!(before.begun(&command("1", "a"), Some(&parked)), Begun::Perhaps);
        assert_eq!(before.begun(&command("2", "a"), None), Begun::Perhaps, "the parked one let it pass");
    }

    #[test]
    fn what_is_tried_on_purpose_and_batches_are_looked_at() {
        let mut before = TakenOver::default();
        let dead = recorded(OutcomeKind::Dead);
        let redriven = Command { repeated: true, ..command("1", "a") };
        assert_eq!(before.begun(&redriven, Some(&dead)), Begun::Perhaps);
        let mut batch = command("2", "b");
        batch.terms.members = vec![BatchMember::default()];
        assert_eq!(before.begun(&batch, Some(&dead)), Begun::Perhaps);
        assert_eq!(before.begun(&batch, None), Begun::Perhaps);
        assert_eq!(before.begun(&command("3", "b"), None), Begun::Perhaps, "nothing is known behind a batch");
    }
}
