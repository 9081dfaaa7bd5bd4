//! What one message leads to. Pure.

use std::collections::HashMap;

use chrono::Utc;
use signalbox_domain::{
    Command, DeadLetter, Event, Matching, Outcome, OutcomeExt, OutcomeKind, RawMessage, Reason, ReplyTo,
    dead_letter, of_command,
};
use signalbox_routing::Plan;
use signalbox_telemetry::Span;

use crate::{metrics::name, routes::Unroutable};

/// Of a message that is no event, this much goes into its dead letter; the whole stays in its stream.
const RAW_KEPT: usize = 512 * 1024;

/// Everything that one message leads to.
pub(crate) struct Matched {
    pub(crate) commands: Vec<Command>,
    pub(crate) letters: Vec<DeadLetter>,
    pub(crate) outcome: Outcome,
    /// What is recorded of commands that are not published again.
    pub(crate) happened: Vec<Outcome>,
    pub(crate) reply_to: Option<ReplyTo>,
}

impl Matched {
    /// The ledger gets it with the outcome of that command, unless something went wrong besides.
    pub(crate) fn verdict_is_with_a_command(&self) -> bool {
        self.outcome.kind() == OutcomeKind::Matched && self.letters.is_empty()
    }

    /// Whether anybody waits for it, or the ledger gets anything of it now.
    pub(crate) fn is_to_be_told(&self) -> bool {
        self.reply_to.is_some() || !self.verdict_is_with_a_command()
    }

    pub(crate) fn led_to(&self, command: &Command) -> bool {
        let key = command.effect_key.as_str();
        self.outcome.effect_keys.iter().any(|own| own == key)
    }

    /// Commands whose outcome is known are not published again; the others may have been carried out, too.
    pub(crate) fn pass_over(&mut self, known: &HashMap<String, Outcome>) {
        for mut command in std::mem::take(&mut self.commands) {
            match known.get(command.effect_key.as_str()) {
                Some(outcome) if outcome.is_final() => self.happened.push(outcome.clone()),
                tried => {
                    command.repeated |= tried.is_some();
                    self.commands.push(command);
                }
            }
        }
    }

    /// Says that the event was delivered before.
    pub(crate) fn again(&mut self) {
        self.commands.iter_mut().for_each(|command| command.repeated = true);
    }

    pub(crate) fn of_plan(event: &Event, plan: Plan, route_set: &str) -> Self {
        let mut outcome = Outcome::of_matching(event, route_set, Utc::now());
        outcome.effect_keys =
            plan.commands.iter().map(|command| command.effect_key.as_str().to_owned()).collect();
        outcome.verdicts = plan.verdicts;
        outcome.set_kind(match (plan.commands.is_empty(), plan.errors.is_empty()) {
            (false, _) => OutcomeKind::Matched,
            (true, true) => OutcomeKind::Unmatched,
            (true, false) => OutcomeKind::Dead,
        });
        if let (OutcomeKind::Dead, Some(first)) = (outcome.kind(), plan.errors.first()) {
            outcome = outcome.because(OutcomeKind::Dead, Reason::RouteError, first.to_string());
        }
        let mut letters = Vec::new();
        if let Some(mismatch) = plan.mismatch {
            outcome = outcome.because(OutcomeKind::Dead, Reason::SchemaMismatch, mismatch);
            letters.push(dead_letter(outcome.clone()));
        }
        letters.extend(plan.errors.iter().map(|error| {
            let mut dead = Outcome::of_matching(event, route_set, Utc::now());
            dead.route = error.route.clone();
            dead_letter(dead.because(OutcomeKind::Dead, Reason::RouteError, error.to_string()))
        }));
        let mut commands = plan.commands;
        if let Some(first) = commands.first_mut() {
            let (verdicts, effect_keys) = (outcome.verdicts.clone(), outcome.effect_keys.clone());
            first.matching = Some(Matching { verdicts, effect_keys });
        }
        Self { letters, commands, outcome, happened: Vec::new(), reply_to: event.reply_to.clone() }
    }

    /// Which routes it had is known, but they are not to be had any more.
    pub(crate) fn without_routes(event: &Event, Unroutable { version, why }: &Unroutable) -> Self {
        let detail = format!("its routes, {version}, cannot be used: {why}");
        let outcome = Outcome::of_matching(event, version, Utc::now());
        let outcome = outcome.because(OutcomeKind::Dead, Reason::RouteError, detail);
        let letter = dead_letter(outcome.clone());
        Self { letters: vec![letter], ..Self::nothing_but(outcome, event.reply_to.clone()) }
    }

    fn nothing_but(outcome: Outcome, reply_to: Option<ReplyTo>) -> Self {
        Self { commands: Vec::new(), letters: Vec::new(), outcome, happened: Vec::new(), reply_to }
    }

    pub(crate) fn describe(&self, event: &Event, span: &mut Span) {
        span.set("cloudevents.event_id", || event.id.to_string());
        span.set("cloudevents.event_source", || event.source.to_string());
        span.set("cloudevents.event_type", || event.kind.to_string());
        span.set("signalbox.commands", || i64::try_from(self.commands.len()).unwrap_or(i64::MAX));
        span.set("signalbox.outcome", || name(self.outcome.kind()));
        if self.outcome.kind() == OutcomeKind::Dead {
            span.fail(|| self.outcome.detail.clone());
        }
    }

    pub(crate) fn of_no_event(message: &RawMessage<'_>, why: &str) -> Self {
        let outcome = Outcome { event: Some(message.reference()), attempts: 1, ..Default::default() }
            .at(Utc::now())
            .because(OutcomeKind::Dead, Reason::BadEvent, why);
        let raw = message.body.slice(..message.body.len().min(RAW_KEPT));
        let letter = DeadLetter { raw, ..dead_letter(outcome.clone()) };
        Self { letters: vec![letter], ..Self::nothing_but(outcome, message.reply_to()) }
    }

    pub(crate) fn command_too_large(&mut self, command: &Command) {
        let outcome = of_command(command, 1, Utc::now()).because(
            OutcomeKind::Dead,
            Reason::InvalidArgument,
            "the command is larger than NATS takes: pass on a part of the event's data",
        );
        self.letters.push(dead_letter(outcome));
    }
}
