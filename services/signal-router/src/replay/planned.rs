//! What the replay of one event leads to. Pure, but for the time at which it is asked for.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use signalbox_bus::Entry;
use signalbox_domain::{
    Command, DeadLetter, Event, EventKey, IfMissing, Outcome, OutcomeExt, OutcomeKind, Verdict, read_event,
};
use signalbox_proto::v1::{ReplayedEffect, ReplayedEvent, ReplayedState};
use signalbox_routing::RouteSet;

use super::wanted::Wanted;
use crate::matcher::Matched;

/// More effects of one event are counted, and not named.
const MOST_NAMED: usize = 32;
/// More of a target or of a reason is not told.
const LONGEST_TOLD: usize = 200;

/// The replay of one event.
pub(super) struct Planned {
    told: ReplayedEvent,
    /// None, if it was not planned.
    matched: Option<Matched>,
    /// Its verdict in the ledger.
    earlier: Option<Outcome>,
}

impl Planned {
    /// What the routes make of it now.
    pub(super) fn of(entry: &Entry, set: &RouteSet, wanted: &Wanted) -> Self {
        match read_event(&entry.raw()) {
            Ok(event) => Self::of_event(&event, entry.stored_at, set, wanted, Utc::now()),
            Err(why) => {
                let event = Some(entry.raw().reference());
                let unreadable = Self::without_plan(entry.stream_sequence, ReplayedState::Unreadable);
                let told = ReplayedEvent { event, detail: brief(&why.to_string()), ..unreadable.told };
                Self { told, ..unreadable }
            }
        }
    }

    pub(super) fn gone(stream_sequence: u64) -> Self {
        Self::without_plan(stream_sequence, ReplayedState::Gone)
    }

    pub(super) fn not_matched_yet(stream_sequence: u64) -> Self {
        Self::without_plan(stream_sequence, ReplayedState::NotMatchedYet)
    }

    fn without_plan(stream_sequence: u64, state: ReplayedState) -> Self {
        let told = ReplayedEvent { stream_sequence, state: state.into(), ..Default::default() };
        Self { told, matched: None, earlier: None }
    }

    fn of_event(
        event: &Event,
        stored_at: DateTime<Utc>,
        set: &RouteSet,
        wanted: &Wanted,
        now: DateTime<Utc>,
    ) -> Self {
        let mut plan = wanted.restrict(set.plan(event, stored_at));
        let of_this_time = |command| of_this_time(command, wanted.again.as_deref(), now);
        plan.commands = plan.commands.into_iter().map(of_this_time).collect();
        let mut told = Self::without_plan(event.stream_sequence, ReplayedState::Planned).told;
        told.event = Some(event.reference());
        told.failed = plan.errors.iter().map(|error| failed(&error.route, &error.detail)).collect();
        told.failed.extend(plan.mismatch.iter().map(|why| failed("", why)));
        let mut matched = Matched::of_plan(event, plan, set.version());
        // The ledger gets it as a verdict of its own: one that lies with an effect would not hold against it.
        matched.commands.iter_mut().for_each(|command| command.matching = None);
        Self { told, matched: Some(matched), earlier: None }
    }

    /// Where the ledger keeps the event, if something of it may be asked for.
    pub(super) fn event_key(&self) -> Option<EventKey> {
        let event = self.told.event.as_ref()?;
        self.matched.as_ref().map(|_| EventKey::derive(&event.source, &event.id))
    }

    /// Source and id.
    pub(super) fn key(&self) -> Option<(String, String)> {
        self.told.event.as_ref().map(|event| (event.source.clone(), event.id.clone()))
    }

    /// What has come to its end is not asked for; if dead letters are wanted, they are no end.
    pub(super) fn pass_over(&mut self, known: Option<&Vec<Outcome>>, wanted: &Wanted) {
        let known = known.map(Vec::as_slice).unwrap_or_default();
        self.earlier = verdict_of(known);
        let Some(matched) = &mut self.matched else { return };
        let of_effects = known.iter().filter(|outcome| !outcome.effect_key.is_empty());
        let ended = of_effects.filter(|outcome| !(wanted.dead && outcome.kind() == OutcomeKind::Dead));
        let by_key: HashMap<_, _> =
            ended.map(|outcome| (outcome.effect_key.clone(), outcome.clone())).collect();
        let effects: Vec<_> = matched.commands.iter().take(MOST_NAMED).map(effect).collect();
        matched.pass_over(&by_key);
        for command in &mut matched.commands {
            let named =
                |verdict: &Outcome| verdict.effect_keys.iter().any(|key| key == command.effect_key.as_str());
            // Without a verdict nobody knows.
            command.repeated |= wanted.repeated || self.earlier.as_ref().is_none_or(named);
        }
        self.told.asked_for = count(matched.commands.len());
        self.told.passed_over = count(matched.happened.len());
        let known = |key: &str| matched.happened.iter().find(|outcome| outcome.effect_key == key);
        let kind = |key: &str| known(key).map(|outcome| outcome.kind).unwrap_or_default();
        let with_end = |effect: ReplayedEffect| ReplayedEffect { known: kind(&effect.effect_key), ..effect };
        self.told.effects = effects.into_iter().map(with_end).collect();
    }

    pub(super) fn take_commands(&mut self) -> Vec<Command> {
        self.matched.as_mut().map(|matched| std::mem::take(&mut matched.commands)).unwrap_or_default()
    }

    pub(super) fn led_to(&self, command: &Command) -> bool {
        self.matched.as_ref().is_some_and(|matched| matched.led_to(command))
    }

    pub(super) fn command_too_large(&mut self, command: &Command) {
        let Some(matched) = &mut self.matched else { return };
        matched.command_too_large(command);
        let detail = matched.letters.last().and_then(|letter| letter.outcome.as_ref());
        let detail = detail.map(|outcome| outcome.detail.clone()).unwrap_or_default();
        self.told.failed.push(failed(command.origin.route.as_deref().unwrap_or_default(), &detail));
        self.told.asked_for = self.told.asked_for.saturating_sub(1);
    }

    pub(super) fn letters(&self) -> impl Iterator<Item = &DeadLetter> {
        self.matched.iter().flat_map(|matched| &matched.letters)
    }

    /// Outcomes of commands that were not published.
    pub(super) fn dead_effects(&self) -> impl Iterator<Item = &Outcome> {
        let outcomes = self.letters().filter_map(|letter| letter.outcome.as_ref());
        outcomes.filter(|outcome| !outcome.effect_key.is_empty())
    }

    /// The verdict that the ledger is to have, if it is another one than it has.
    pub(super) fn verdict(&self, letters: bool) -> Option<Outcome> {
        let now = &self.matched.as_ref()?.outcome;
        let earlier = self.earlier.as_ref();
        let is_known = |key: &String| earlier.is_some_and(|earlier| earlier.effect_keys.contains(key));
        let is_said = earlier.is_some_and(|earlier| earlier.kind() == OutcomeKind::Matched)
            && now.effect_keys.iter().all(is_known);
        let leads_on = !now.effect_keys.is_empty() && !is_said;
        let ends = letters && now.effect_keys.is_empty() && self.nothing_came_of_it();
        (leads_on || ends).then(|| together(now, earlier))
    }

    fn nothing_came_of_it(&self) -> bool {
        self.earlier.as_ref().is_none_or(|earlier| earlier.effect_keys.is_empty())
    }

    pub(super) fn told(self) -> ReplayedEvent {
        self.told
    }
}

/// A command as it is asked for now: nobody waits for it any more, and what it may last is counted from now.
fn of_this_time(mut command: Command, again: Option<&str>, now: DateTime<Utc>) -> Command {
    let late = now - command.accepted_at;
    let terms = &mut command.terms;
    terms.give_up_at = terms.give_up_at.and_then(|at| at.checked_add_signed(late));
    if let IfMissing::Park { until } = &mut terms.if_missing {
        *until = until.checked_add_signed(late).unwrap_or(*until);
    }
    command.reply_to = None;
    match again {
        None => command,
        // Runs that were there for the first time are none for this one.
        Some(id) => Command { accepted_at: now, ..command.again(id) },
    }
}

/// The verdict of an event, from all that the ledger has of it: one for itself, or one that lies with an effect.
fn verdict_of(known: &[Outcome]) -> Option<Outcome> {
    let own = known.iter().find(|outcome| outcome.effect_key.is_empty()).cloned();
    own.or_else(|| known.iter().find_map(|outcome| outcome.clone().take_matching()))
}

/// What routes made of an event before stays true, but for the routes that were asked again.
fn together(now: &Outcome, earlier: Option<&Outcome>) -> Outcome {
    let mut all = now.clone();
    let Some(earlier) = earlier else { return all };
    let verdicts = earlier.verdicts.iter().chain(&now.verdicts);
    let by_route: BTreeMap<_, _> = verdicts.map(|verdict| (verdict.route.clone(), verdict.clone())).collect();
    all.verdicts = by_route.into_values().collect();
    let added = now.effect_keys.iter().filter(|key| !earlier.effect_keys.contains(key));
    all.effect_keys = earlier.effect_keys.iter().chain(added).cloned().collect();
    all
}

fn effect(command: &Command) -> ReplayedEffect {
    ReplayedEffect {
        effect_key: command.effect_key.to_string(),
        route: command.origin.route.clone().unwrap_or_default(),
        action: brief(&command.action.label()),
        target: brief(command.key()),
        known: OutcomeKind::Unspecified.into(),
    }
}

fn failed(route: &str, detail: &str) -> Verdict {
    Verdict { route: route.to_owned(), matched: false, detail: brief(detail) }
}

fn brief(text: &str) -> String {
    text.chars().take(LONGEST_TOLD).collect()
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "planned_tests.rs"]
mod tests;
