use std::collections::BTreeMap;

use serde_json::{Value, json};
use signalbox_domain::{Outcome, OutcomeKind};
use signalbox_proto::v1::{Replayed, ReplayedEffect, ReplayedEvent, ReplayedState};

use super::asked::Asked;
use super::pass::Ended;
use crate::commands::outcome;

/// Effects that are told one by one.
const EXAMPLES: usize = 20;
/// Reasons that are told of each route.
const REASONS: usize = 5;

/// What was answered, counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub dry_run: bool,
    route_set: String,
    last_sequence: u64,
    events: u64,
    matched: u64,
    asked_for: u64,
    passed_over: u64,
    failed: u64,
    gone: u64,
    no_events: u64,
    not_matched_yet: u64,
    routes: BTreeMap<String, OfRoute>,
    effects: Vec<Example>,
}

/// What was answered about one route.
#[derive(Debug, Default)]
pub struct OfRoute {
    pub asked_for: u64,
    /// By their end.
    pub passed_over: BTreeMap<String, u64>,
    pub failed: u64,
    /// How often, by the reason.
    pub reasons: BTreeMap<String, u64>,
}

/// An effect that is asked for.
#[derive(Debug)]
pub struct Example {
    pub stream_sequence: u64,
    pub event_id: String,
    pub effect: ReplayedEffect,
}

impl Tally {
    pub fn new(dry_run: bool) -> Self {
        Self { dry_run, ..Self::default() }
    }

    /// Counts an answer.
    pub fn add(&mut self, replayed: &Replayed) {
        self.route_set.clone_from(&replayed.route_set);
        for event in &replayed.events {
            self.last_sequence = event.stream_sequence;
            self.events += 1;
            match event.state() {
                ReplayedState::Planned => self.planned(event),
                ReplayedState::Gone => self.gone += 1,
                ReplayedState::NotMatchedYet => self.not_matched_yet += 1,
                ReplayedState::Unreadable | ReplayedState::Unspecified => self.no_events += 1,
            }
        }
    }

    fn planned(&mut self, event: &ReplayedEvent) {
        self.matched += u64::from(event.asked_for + event.passed_over > 0);
        self.asked_for += u64::from(event.asked_for);
        self.passed_over += u64::from(event.passed_over);
        self.failed += u64::from(!event.failed.is_empty());
        for effect in &event.effects {
            let route = self.routes.entry(effect.route.clone()).or_default();
            match effect.known() {
                OutcomeKind::Unspecified => {
                    route.asked_for += 1;
                    self.example(event, effect);
                }
                kind => *route.passed_over.entry(word(kind)).or_default() += 1,
            }
        }
        for failed in &event.failed {
            let route = self.routes.entry(failed.route.clone()).or_default();
            route.failed += 1;
            if route.reasons.len() < REASONS || route.reasons.contains_key(&failed.detail) {
                *route.reasons.entry(failed.detail.clone()).or_default() += 1;
            }
        }
    }

    fn example(&mut self, event: &ReplayedEvent, effect: &ReplayedEffect) {
        if self.effects.len() < EXAMPLES {
            self.effects.push(Example {
                stream_sequence: event.stream_sequence,
                event_id: event.event.as_ref().map(|event| event.id.clone()).unwrap_or_default(),
                effect: effect.clone(),
            });
        }
    }

    /// How many events were answered.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many effects were asked for.
    pub fn asked_for(&self) -> u64 {
        self.asked_for
    }

    /// On how many events a route failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// What there is to count, in the order in which it is told.
    pub fn counts(&self) -> [(&'static str, u64); 8] {
        [
            ("events", self.events),
            ("matched", self.matched),
            ("asked_for", self.asked_for),
            ("passed_over", self.passed_over),
            ("failed", self.failed),
            ("gone", self.gone),
            ("no_events", self.no_events),
            ("not_matched_yet", self.not_matched_yet),
        ]
    }

    /// By route; what failed before any route was asked has an empty name.
    pub fn routes(&self) -> &BTreeMap<String, OfRoute> {
        &self.routes
    }

    /// The first effects that are asked for.
    pub fn effects(&self) -> &[Example] {
        &self.effects
    }

    /// Version of the routes.
    pub fn route_set(&self) -> &str {
        &self.route_set
    }

    /// For scripts.
    pub fn value(&self, asked: &Asked, ended: Ended) -> Value {
        let mut value: Value =
            self.counts().into_iter().map(|(name, count)| (name.to_owned(), Value::from(count))).collect();
        value["name"] = asked.name.as_str().into();
        value["asked"] = asked.words.as_str().into();
        value["dry_run"] = self.dry_run.into();
        value["ended"] = ended.word().into();
        value["route_set"] = self.route_set.as_str().into();
        value["last_sequence"] = self.last_sequence.into();
        value["resume"] = (ended != Ended::Finished && !self.dry_run).then(|| asked.resume()).into();
        value["routes"] = self.routes.iter().map(|(name, route)| route.value(name)).collect();
        value["effects"] = self.effects.iter().map(Example::value).collect();
        value
    }
}

impl OfRoute {
    fn value(&self, name: &str) -> Value {
        json!({
            "route": name, "asked_for": self.asked_for, "passed_over": self.passed_over,
            "failed": self.failed, "reasons": self.reasons,
        })
    }
}

impl Example {
    fn value(&self) -> Value {
        json!({
            "stream_sequence": self.stream_sequence, "event_id": self.event_id,
            "route": self.effect.route, "action": self.effect.action, "target": self.effect.target,
            "effect_key": self.effect.effect_key,
        })
    }
}

impl Ended {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::AtLimit => "at_limit",
            Self::Stopped => "stopped",
        }
    }
}

fn word(kind: OutcomeKind) -> String {
    outcome::result(&Outcome { kind: kind.into(), ..Default::default() })
}
