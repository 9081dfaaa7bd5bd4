use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use signalbox_bus::{Bus, Stored, Waiting};
use signalbox_domain::{EventRef, Outcome, OutcomeExt, OutcomeKind};
use tokio::time::{interval, timeout};

use crate::commands::outcome;
use crate::exit::Exit;

/// How often the ledger is read for a message that was stored before: no reply comes for those.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is known so far of an event and its effects.
pub struct Outcomes {
    event: EventRef,
    /// By effect; that of the matching has none.
    known: BTreeMap<String, Outcome>,
}

/// Waits until nothing more will come of an event, at least not soon, or `within` is over.
pub async fn outcomes(
    bus: &Bus,
    event: &EventRef,
    stored: Stored,
    waiting: &mut Waiting,
    within: Duration,
) -> Outcomes {
    let mut outcomes = Outcomes { event: event.clone(), known: BTreeMap::new() };
    let mut look = interval(LOOK_EVERY);
    let settled = async {
        while !outcomes.is_at_rest() {
            tokio::select! {
                outcome = waiting.next() => outcomes.learn(outcome),
                _ = look.tick(), if stored.duplicate => {
                    // What cannot be read now is read the next time.
                    bus.outcomes_of(&event.id).await.into_iter().flatten().for_each(|outcome| outcomes.learn(outcome));
                }
            }
        }
    };
    // What is known when the time is over is told, too.
    let _ = timeout(within, settled).await;
    outcomes
}

impl Outcomes {
    fn learn(&mut self, outcome: Outcome) {
        let ours =
            outcome.event.as_ref().is_some_and(|e| e.id == self.event.id && e.source == self.event.source);
        let known = self.known.get(&outcome.effect_key).is_some_and(OutcomeExt::is_final);
        if ours && !known {
            self.known.insert(outcome.effect_key.clone(), outcome);
        }
    }

    /// Whether nothing more will come.
    pub fn is_complete(&self) -> bool {
        self.all(OutcomeExt::is_final)
    }

    /// Whether all else that will come is of commands that are parked, which may be for long.
    fn is_at_rest(&self) -> bool {
        self.all(|outcome| outcome.is_final() || outcome.kind() == OutcomeKind::Parked)
    }

    fn all(&self, so: impl Fn(&Outcome) -> bool) -> bool {
        let known = |key: &String| self.known.get(key).is_some_and(&so);
        self.known
            .get("")
            .is_some_and(|matching| matching.is_final() && matching.effect_keys.iter().all(known))
    }

    /// How the command ends that waited for it.
    pub fn exit(&self) -> Exit {
        let refused = |outcome: &Outcome| matches!(outcome.kind(), OutcomeKind::Refused | OutcomeKind::Dead);
        match self.is_complete() {
            false => Exit::Pending,
            true if self.known.values().any(refused) => Exit::Refused,
            true => Exit::Done,
        }
    }

    /// For scripts.
    pub fn values(&self) -> Vec<Value> {
        self.known.values().map(outcome::value).collect()
    }

    /// For people.
    pub fn text(&self) -> String {
        let waited = match self.is_at_rest() {
            true => "What is parked waits for its workflow to run; `signalbox events show` tells later.",
            false => "Nothing more is known yet; `signalbox events show` tells later.",
        };
        match (self.is_complete(), self.known.is_empty()) {
            (true, _) => outcome::table(&self.values()),
            (false, true) => waited.to_owned(),
            (false, false) => format!("{}\n\n{waited}", outcome::table(&self.values())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(outcomes: &[(&str, OutcomeKind, &[&str])]) -> Outcomes {
        let event = EventRef { id: "e".into(), source: "s".into(), ..Default::default() };
        let mut all = Outcomes { event: event.clone(), known: BTreeMap::new() };
        for (effect_key, kind, effect_keys) in outcomes {
            all.learn(Outcome {
                event: Some(event.clone()),
                effect_key: (*effect_key).into(),
                kind: (*kind).into(),
                effect_keys: effect_keys.iter().map(|key| (*key).to_owned()).collect(),
                ..Default::default()
            });
        }
        all
    }

    #[test]
    fn the_exit_code_says_what_came_of_it() {
        use OutcomeKind::{Dead, Matched, Parked, Retrying, Started, Unmatched};
        let matched = ("", Matched, &["a", "b"][..]);
        for (outcomes, exit) in [
            (&[][..], Exit::Pending),
            (&[matched, ("a", Started, &[])], Exit::Pending),
            (&[matched, ("a", Started, &[]), ("b", Retrying, &[])], Exit::Pending),
            (&[matched, ("a", Started, &[]), ("b", Parked, &[])], Exit::Pending),
            (&[("b", Started, &[]), matched, ("a", Started, &[])], Exit::Done),
            (&[matched, ("a", Started, &[]), ("b", Dead, &[])], Exit::Refused),
            (&[("", Unmatched, &[])], Exit::Done),
            (&[("", Dead, &[])], Exit::Refused),
        ] {
            assert_eq!(known(outcomes).exit(), exit, "{:?}", known(outcomes).values());
        }
    }

    #[test]
    fn what_is_parked_is_not_waited_for() {
        use OutcomeKind::{Matched, Parked, Retrying};
        let matched = ("", Matched, &["a"][..]);
        let parked = known(&[matched, ("a", Parked, &[])]);
        assert!(parked.is_at_rest() && !parked.is_complete());
        assert!(parked.text().contains("parked"), "{}", parked.text());
        assert!(!known(&[matched, ("a", Retrying, &[])]).is_at_rest());
        assert!(!known(&[("a", Parked, &[])]).is_at_rest(), "not matched yet");
    }

    #[test]
    fn outcomes_of_others_are_ignored() {
        let mut all = known(&[]);
        all.learn(Outcome::default());
        assert!(all.known.is_empty());
    }
}
