//! What is told of events: where they lie, and whether anything more will come of them. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use signalbox_domain::{EventRef, Outcome, OutcomeExt, TraceContext};
use utoipa::ToSchema;

use crate::links::{self, Elsewhere};

/// One event. Two sources may use one id, and then there are two.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventView {
    #[schema(example = "/shop")]
    source: String,
    #[schema(example = "shop.order.paid")]
    r#type: String,
    /// `accepted`: it is stored, and nothing more is known yet; `matched`, `unmatched` or `dead`; of a call that named its
    /// workflow, `called`.
    #[schema(example = "matched")]
    state: String,
    /// Whether nothing more will come of it, unless somebody redrives or replays it.
    r#final: bool,
    /// The NATS subject; of a call that named its workflow, none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "events.shop.order.paid")]
    subject: String,
    /// Its place in the stream EVENTS; of a call that named its workflow, none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 42)]
    stream_sequence: Option<u64>,
    /// When it was stored, while the stream EVENTS has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    stored_at: Option<String>,
    /// Version of the route set that it was matched with.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    route_set: String,
    /// Where it lies among the dead letters, if routes failed on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!([17]))]
    dead_letters: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// Where people look at its trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

/// What is known of one event.
#[derive(Default)]
struct Known<'a> {
    event: EventRef,
    matching: Option<&'a Outcome>,
    effects: Vec<&'a Outcome>,
}

impl Known<'_> {
    /// A call that named its workflow has one effect and no matching.
    fn is_call(&self) -> bool {
        self.event.stream_sequence == 0
    }

    fn is_final(&self) -> bool {
        let ended =
            |key: &String| self.effects.iter().any(|effect| effect.effect_key == *key && effect.is_final());
        let effects = || self.effects.iter().all(|effect| effect.is_final());
        match self.matching {
            Some(matching) => matching.is_final() && effects() && matching.effect_keys.iter().all(ended),
            None => self.is_call() && !self.effects.is_empty() && effects(),
        }
    }

    fn state(&self) -> String {
        match self.matching {
            Some(matching) => super::kind(matching),
            None if self.is_call() => "called".to_owned(),
            None => "accepted".to_owned(),
        }
    }

    fn trace_id(&self) -> Option<String> {
        self.matching.into_iter().chain(self.effects.iter().copied()).find_map(trace_id)
    }
}

/// The events that outcomes are about, by source; `stored` says when those at some places in the stream were.
pub fn events(
    outcomes: &[Outcome],
    stored: &BTreeMap<u64, DateTime<Utc>>,
    elsewhere: &Elsewhere,
) -> Vec<EventView> {
    let mut by_source: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for outcome in outcomes {
        let Some(event) = &outcome.event else { continue };
        let known = by_source.entry(&event.source).or_default();
        if known.event.stream_sequence == 0 {
            known.event = event.clone();
        }
        match outcome.effect_key.is_empty() {
            true => known.matching = Some(outcome),
            false => known.effects.push(outcome),
        }
    }
    by_source.into_values().map(|known| view(&known, stored, elsewhere)).collect()
}

/// An event that is stored, and of which nothing more is known.
pub fn accepted(
    event: EventRef,
    stored_at: DateTime<Utc>,
    trace: &TraceContext,
    elsewhere: &Elsewhere,
) -> EventView {
    let stored = BTreeMap::from([(event.stream_sequence, stored_at)]);
    let trace_id = trace.trace_id().map(str::to_owned);
    let trace = trace_id.as_deref().map(|id| elsewhere.trace(id));
    EventView { trace_id, trace, ..view(&Known { event, ..Known::default() }, &stored, elsewhere) }
}

fn view(known: &Known<'_>, stored: &BTreeMap<u64, DateTime<Utc>>, elsewhere: &Elsewhere) -> EventView {
    let event = known.event.clone();
    let trace_id = known.trace_id();
    EventView {
        state: known.state(),
        r#final: known.is_final(),
        stream_sequence: (!known.is_call()).then_some(event.stream_sequence),
        stored_at: stored.get(&event.stream_sequence).copied().map(rfc3339),
        route_set: known.matching.map(|matching| matching.route_set.clone()).unwrap_or_default(),
        dead_letters: known.matching.map(|matching| matching.dead_letters.clone()).unwrap_or_default(),
        trace: trace_id.as_deref().map(|id| elsewhere.trace(id)),
        trace_id,
        source: event.source,
        r#type: event.r#type,
        subject: event.nats_subject,
    }
}

impl EventView {
    /// Whether nothing more will come of it.
    pub fn is_final(&self) -> bool {
        self.r#final
    }
}

/// Where people look at what came of an outcome.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct OutcomeLinks {
    /// The run, or all runs of the workflow, in the Temporal Web UI.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://localhost:8233/namespaces/default/workflows/order-7")]
    workflow: Option<String>,
    /// The trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "http://localhost:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736")]
    trace: Option<String>,
}

impl OutcomeLinks {
    /// Of an outcome.
    pub fn of(outcome: &Outcome, elsewhere: &links::Elsewhere) -> Self {
        let id = outcome.workflow_id.as_str();
        let workflow = (!id.is_empty()).then(|| elsewhere.run(id, &outcome.run_id));
        Self { workflow, trace: trace_id(outcome).map(|id| elsewhere.trace(&id)) }
    }
}

/// The trace that an outcome belongs to.
pub fn trace_id(outcome: &Outcome) -> Option<String> {
    TraceContext::from_wire(outcome.trace.as_ref()).trace_id().map(str::to_owned)
}

/// A time for machines.
pub fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use signalbox_domain::OutcomeKind;

    use super::*;

    fn outcome(
        source: &str,
        stream_sequence: u64,
        effect: &str,
        kind: OutcomeKind,
        keys: &[&str],
    ) -> Outcome {
        Outcome {
            event: Some(EventRef {
                id: "e".into(),
                source: source.into(),
                stream_sequence,
                ..Default::default()
            }),
            effect_key: effect.into(),
            kind: kind.into(),
            effect_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Default::default()
        }
    }

    fn told(outcomes: &[Outcome]) -> Vec<(String, String, bool)> {
        let elsewhere = Elsewhere::default();
        let events = events(outcomes, &BTreeMap::new(), &elsewhere);
        events.into_iter().map(|event| (event.source, event.state, event.r#final)).collect()
    }

    #[test]
    fn an_event_is_at_its_end_when_all_its_effects_are() {
        use OutcomeKind::{Dead, Matched, Parked, Retrying, Signalled, Started, Unmatched};
        let one = |state: &str, end| vec![("/a".to_owned(), state.to_owned(), end)];
        let matched = || outcome("/a", 7, "", Matched, &["k1", "k2"]);
        let effect = |key, kind| outcome("/a", 7, key, kind, &[]);
        assert_eq!(told(&[matched()]), one("matched", false));
        assert_eq!(told(&[matched(), effect("k1", Started)]), one("matched", false));
        for (kind, end) in [(Signalled, true), (Dead, true), (Retrying, false), (Parked, false)] {
            assert_eq!(told(&[matched(), effect("k1", Started), effect("k2", kind)]), one("matched", end));
        }
        assert_eq!(told(&[outcome("/a", 7, "", Unmatched, &[])]), one("unmatched", true));
        assert_eq!(told(&[effect("k1", Started)]), one("accepted", false), "the verdict is still to come");
        assert_eq!(told(&[outcome("/a", 0, "k1", Started, &[])]), one("called", true));
    }

    #[test]
    fn two_sources_with_one_id_are_two_events() {
        let outcomes = [
            outcome("/b", 8, "", OutcomeKind::Matched, &["k"]),
            outcome("/a", 7, "", OutcomeKind::Unmatched, &[]),
        ];
        let expected = [("/a", "unmatched", true), ("/b", "matched", false)];
        assert_eq!(told(&outcomes), expected.map(|(source, state, end)| (source.into(), state.into(), end)));
    }
}
