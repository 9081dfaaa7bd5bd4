//! What is known so far of an event and its effects.

use std::collections::BTreeMap;

use signalbox_domain::{EventRef, Outcome, OutcomeExt, OutcomeKind};

/// What is known so far of an event and its effects. Outcomes come in any order, and some come twice.
#[derive(Debug, Default)]
pub struct Progress {
    event_id: String,
    source: String,
    matching: Option<Outcome>,
    effects: BTreeMap<String, Outcome>,
}

impl Progress {
    /// Nothing is known of `event`.
    pub fn of(event: &EventRef) -> Self {
        Self { event_id: event.id.clone(), source: event.source.clone(), ..Self::default() }
    }

    /// Id of the event.
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    /// Adds an outcome, unless it is about another event or older than what is known.
    pub fn learn(&mut self, outcome: Outcome) {
        let ours = outcome.event.as_ref().is_some_and(|e| e.id == self.event_id && e.source == self.source);
        if !ours {
            return;
        }
        if outcome.effect_key.is_empty() {
            self.matching = Some(outcome);
        } else if !self.is_final(&outcome.effect_key) {
            self.effects.insert(outcome.effect_key.clone(), outcome);
        }
    }

    /// The last outcome of an effect.
    pub fn effect(&self, key: &str) -> Option<&Outcome> {
        self.effects.get(key)
    }

    /// Whether nothing more will come of an effect.
    pub fn is_final(&self, key: &str) -> bool {
        self.effect(key).is_some_and(OutcomeExt::is_final)
    }

    /// Whether an effect needs no other attempt. What was refused has not happened, and may be asked for again.
    pub fn has_happened(&self, key: &str) -> bool {
        self.effect(key).is_some_and(|outcome| outcome.is_final() && outcome.kind() != OutcomeKind::Refused)
    }

    /// Whether the event was matched and nothing more will come of any of its effects.
    pub fn is_complete(&self) -> bool {
        self.matching.as_ref().is_some_and(|matching| {
            OutcomeExt::is_final(matching) && matching.effect_keys.iter().all(|key| self.is_final(key))
        })
    }

    /// Whether the event was matched, and each of its effects has come to its end or is parked, which may be for long.
    pub fn is_at_rest(&self) -> bool {
        self.matching.as_ref().is_some_and(|matching| {
            let rests = |key: &String| self.is_final(key) || self.effect(key).is_some_and(is_parked);
            OutcomeExt::is_final(matching) && matching.effect_keys.iter().all(rests)
        })
    }

    /// Whether an effect waits for a run of its workflow, and none is tried again.
    pub fn is_parked(&self) -> bool {
        self.is_at_rest() && self.effects().any(is_parked)
    }

    /// The verdict of the matching.
    pub fn matching(&self) -> Option<&Outcome> {
        self.matching.as_ref()
    }

    /// The last outcome of each effect.
    pub fn effects(&self) -> impl Iterator<Item = &Outcome> {
        self.effects.values()
    }

    /// Why it is not settled, in words.
    pub fn pending_because(&self) -> String {
        let of_kind = |kind| self.effects().find(move |outcome| outcome.kind() == kind);
        match of_kind(OutcomeKind::Retrying) {
            None if self.effects().any(is_parked) => "parked until its workflow runs".into(),
            Some(outcome) if !outcome.detail.is_empty() => {
                format!("stored; is tried again: {}", outcome.detail)
            }
            Some(_) => "stored; is tried again".into(),
            None if of_kind(OutcomeKind::Held).is_some() => {
                "stored; waits, as the flow of its route says".into()
            }
            None => "stored; what comes of it is not known yet".into(),
        }
    }
}

fn is_parked(outcome: &Outcome) -> bool {
    outcome.kind() == OutcomeKind::Parked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EventRef {
        EventRef { id: "e".into(), source: "s".into(), ..Default::default() }
    }

    fn outcome(effect_key: &str, kind: OutcomeKind, effect_keys: &[&str]) -> Outcome {
        Outcome {
            event: Some(event()),
            effect_key: effect_key.into(),
            kind: kind.into(),
            effect_keys: effect_keys.iter().map(|key| (*key).to_owned()).collect(),
            detail: "Temporal is away".into(),
            ..Default::default()
        }
    }

    #[test]
    fn an_event_is_complete_when_all_its_effects_are() {
        let mut progress = Progress::of(&event());
        progress.learn(outcome("a", OutcomeKind::Started, &[]));
        assert!(!progress.is_complete(), "not matched yet");
        progress.learn(outcome("", OutcomeKind::Matched, &["a", "b"]));
        assert!(!progress.is_complete(), "b is missing");
        progress.learn(outcome("b", OutcomeKind::Held, &[]));
        assert!(!progress.is_complete(), "b waits");
        assert_eq!(progress.pending_because(), "stored; waits, as the flow of its route says");
        progress.learn(outcome("b", OutcomeKind::Retrying, &[]));
        assert!(!progress.is_complete(), "b is tried again");
        assert_eq!(progress.pending_because(), "stored; is tried again: Temporal is away");
        progress.learn(outcome("b", OutcomeKind::Signalled, &[]));
        assert!(progress.is_complete());
    }

    #[test]
    fn what_is_parked_is_an_answer_and_no_end() {
        let mut progress = Progress::of(&event());
        progress.learn(outcome("a", OutcomeKind::Parked, &[]));
        assert!(!progress.is_at_rest(), "not matched yet");
        progress.learn(outcome("", OutcomeKind::Matched, &["a", "b"]));
        progress.learn(outcome("b", OutcomeKind::Retrying, &[]));
        assert!(!progress.is_at_rest(), "b is tried again");
        progress.learn(outcome("b", OutcomeKind::Started, &[]));
        assert!(progress.is_at_rest() && progress.is_parked() && !progress.is_complete());
        assert_eq!(progress.pending_because(), "parked until its workflow runs");
        progress.learn(outcome("a", OutcomeKind::Signalled, &[]));
        assert!(progress.is_complete() && !progress.is_parked());
    }

    #[test]
    fn an_unmatched_event_is_complete() {
        let mut progress = Progress::of(&event());
        progress.learn(outcome("", OutcomeKind::Unmatched, &[]));
        assert!(progress.is_complete());
    }

    #[test]
    fn a_late_retry_does_not_undo_an_end() {
        let mut progress = Progress::of(&event());
        progress.learn(outcome("a", OutcomeKind::Started, &[]));
        progress.learn(outcome("a", OutcomeKind::Retrying, &[]));
        assert!(progress.is_final("a"));
    }

    #[test]
    fn outcomes_of_other_events_are_ignored() {
        let mut progress = Progress::of(&event());
        let mut other = outcome("a", OutcomeKind::Started, &[]);
        other.event = Some(EventRef { source: "another".into(), ..event() });
        progress.learn(other);
        progress.learn(Outcome::default());
        assert!(progress.effect("a").is_none() && progress.matching().is_none());
    }
}
