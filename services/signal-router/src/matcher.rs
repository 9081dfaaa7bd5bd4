//! Match: events in the order of their stream, to commands by the routes.

use std::sync::Arc;

use chrono::Utc;
use signalbox_bus::{Bus, Delivery, PublishError, Settlement};
use signalbox_domain::{
    Command, DeadLetter, Event, Outcome, OutcomeExt, OutcomeKind, RawMessage, Reason, read_event,
};
use signalbox_routing::Plan;
use signalbox_telemetry::Span;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::{RouterMetrics, name},
    routes::{Loaded, Running, Unroutable},
};

/// Events that are matched together: their commands are stored in one wait.
const TOGETHER: usize = 64;

/// Of a message that is no event, this much goes into its dead letter; the whole stays in its stream.
const RAW_KEPT: usize = 512 * 1024;

pub(crate) struct Matcher {
    pub(crate) bus: Bus,
    pub(crate) metrics: RouterMetrics,
}

impl Matcher {
    /// Matches until `stop`. What was taken and not settled by then is delivered again to whoever comes next.
    pub(crate) async fn run(self, mut running: Running, stop: CancellationToken) -> anyhow::Result<()> {
        let matching = async {
            running.begin().await;
            let mut deliveries = self.bus.events();
            loop {
                tokio::select! {
                    taken = deliveries.next_ready(TOGETHER) => self.match_all(&taken, &mut running).await,
                    () = running.news() => running.take_news().await,
                }
            }
        };
        stop.run_until_cancelled(matching).await;
        Ok(())
    }

    /// In order, and each settled only when everything that it leads to is stored.
    async fn match_all(&self, deliveries: &[Delivery], running: &mut Running) {
        for delivery in deliveries {
            running.before(delivery.opening).await;
            let routes = running.at(delivery.stream_sequence).await;
            let (matched, _span) = self.match_one(delivery, routes);
            self.carry_on(matched).await;
            running.matched(delivery.stream_sequence);
            delivery.settle(Settlement::Done).await;
        }
    }

    /// Also begins the span that everything that the event leads to belongs to.
    fn match_one(&self, delivery: &Delivery, routes: Result<Arc<Loaded>, Unroutable>) -> (Matched, Span) {
        let message = delivery.raw();
        match read_event(&message) {
            Ok(mut event) => {
                let mut span = delivery.span("match", &event.trace);
                event.trace = span.context();
                let matched = match routes {
                    // The time that the stream stored it, not a clock: a redelivery plans the same.
                    Ok(routes) => {
                        let plan = routes.set.plan(&event, message.stored_at);
                        Matched::of_plan(&event, plan, routes.set.version())
                    }
                    Err(why) => Matched::without_routes(&event, &why),
                };
                matched.describe(&event, &mut span);
                (matched, span)
            }
            Err(why) => {
                let mut span = delivery.span("match", &message.trace());
                span.fail(|| why.to_string());
                (Matched::of_no_event(&message, &why.to_string()), span)
            }
        }
    }

    async fn carry_on(&self, mut matched: Matched) {
        for command in std::mem::take(&mut matched.commands) {
            if let Err(PublishError::TooLarge) = self.bus.publish_command_at_last(command.clone()).await {
                matched.command_too_large(&command);
            }
        }
        for letter in &matched.letters {
            tracing::warn!(
                event.id = letter.event.as_ref().map_or("", |event| &event.id),
                error = letter.outcome.as_ref().map_or("", |outcome| &outcome.detail),
                "dead letter"
            );
            self.bus.bury(letter).await;
        }
        let of_commands = matched.letters.iter().filter_map(|letter| letter.outcome.as_ref());
        for outcome in of_commands.filter(|outcome| !outcome.effect_key.is_empty()) {
            self.tell(&matched, outcome).await;
        }
        self.tell(&matched, &matched.outcome).await;
        self.metrics.matched(matched.outcome.kind());
        tracing::debug!(
            event.id = matched.outcome.event.as_ref().map_or("", |event| &event.id),
            commands = matched.outcome.effect_keys.len(),
            "event matched"
        );
    }

    /// Whoever waits, and then the ledger.
    async fn tell(&self, matched: &Matched, outcome: &Outcome) {
        if let Some(to) = &matched.reply_to {
            self.bus.reply(to, outcome).await;
        }
        self.bus.record(outcome).await;
    }
}

/// Everything that one message leads to.
struct Matched {
    commands: Vec<Command>,
    letters: Vec<DeadLetter>,
    outcome: Outcome,
    reply_to: Option<signalbox_domain::ReplyTo>,
}

impl Matched {
    fn of_plan(event: &Event, plan: Plan, route_set: &str) -> Self {
        let mut outcome = Outcome::of_matching(event, route_set, Utc::now());
        outcome.effect_keys = plan.commands.iter().map(|command| command.effect_key.to_string()).collect();
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
            letters.push(DeadLetter {
                event: Some(event.reference()),
                outcome: Some(outcome.clone()),
                ..Default::default()
            });
        }
        letters.extend(plan.errors.iter().map(|error| {
            let mut dead = Outcome::of_matching(event, route_set, Utc::now());
            dead.route = error.route.clone();
            let dead = dead.because(OutcomeKind::Dead, Reason::RouteError, error.to_string());
            DeadLetter { event: Some(event.reference()), outcome: Some(dead), ..Default::default() }
        }));
        Self { letters, commands: plan.commands, outcome, reply_to: event.reply_to.clone() }
    }

    /// Which routes it had is known, but they are not to be had any more.
    fn without_routes(event: &Event, Unroutable { version, why }: &Unroutable) -> Self {
        let detail = format!("its routes, {version}, cannot be used: {why}");
        let outcome = Outcome::of_matching(event, version, Utc::now());
        let outcome = outcome.because(OutcomeKind::Dead, Reason::RouteError, detail);
        let letter = DeadLetter {
            event: Some(event.reference()),
            outcome: Some(outcome.clone()),
            ..Default::default()
        };
        Self { commands: Vec::new(), letters: vec![letter], outcome, reply_to: event.reply_to.clone() }
    }

    fn describe(&self, event: &Event, span: &mut Span) {
        span.set("cloudevents.event_id", || event.id.to_string());
        span.set("cloudevents.event_source", || event.source.to_string());
        span.set("cloudevents.event_type", || event.kind.to_string());
        span.set("signalbox.commands", || i64::try_from(self.commands.len()).unwrap_or(i64::MAX));
        span.set("signalbox.outcome", || name(self.outcome.kind()));
        if self.outcome.kind() == OutcomeKind::Dead {
            span.fail(|| self.outcome.detail.clone());
        }
    }

    fn of_no_event(message: &RawMessage<'_>, why: &str) -> Self {
        let outcome = Outcome { event: Some(message.reference()), attempts: 1, ..Default::default() }
            .at(Utc::now())
            .because(OutcomeKind::Dead, Reason::BadEvent, why);
        let letter = DeadLetter {
            event: outcome.event.clone(),
            raw: message.body.slice(..message.body.len().min(RAW_KEPT)),
            outcome: Some(outcome.clone()),
            ..Default::default()
        };
        Self { commands: Vec::new(), letters: vec![letter], outcome, reply_to: message.reply_to() }
    }

    fn command_too_large(&mut self, command: &Command) {
        let outcome = signalbox_domain::of_command(command, 1, Utc::now()).because(
            OutcomeKind::Dead,
            Reason::InvalidArgument,
            "the command is larger than NATS takes: pass on a part of the event's data",
        );
        self.letters.push(DeadLetter {
            event: outcome.event.clone(),
            outcome: Some(outcome),
            ..Default::default()
        });
    }
}
