//! Match: events in the order of their stream, to commands by the routes.

mod matched;

use std::{future::ready, sync::Arc};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use signalbox_bus::{Bus, Delivery, Settlement};
use signalbox_domain::{DeadLetter, read_event};
use signalbox_telemetry::Span;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::RouterMetrics,
    routes::{Loaded, Running, Unroutable},
};
pub(crate) use matched::Matched;

/// Events that are matched together: their commands are stored in one wait. While they are matched, a router of one
/// thread applies nothing.
const TOGETHER: usize = 256;
/// No more bytes than these, either.
const BYTES_TOGETHER: usize = 4 * 1024 * 1024;

pub(crate) struct Matcher {
    pub(crate) bus: Bus,
    pub(crate) metrics: RouterMetrics,
}

impl Matcher {
    /// Matches until `stop`. What was taken and not settled by then is delivered again to whoever comes next.
    pub(crate) async fn run(self, mut running: Running, stop: CancellationToken) -> anyhow::Result<()> {
        let mut deliveries = self.bus.events();
        let matching = async {
            running.begin().await;
            loop {
                tokio::select! {
                    taken = deliveries.next_ready(TOGETHER, BYTES_TOGETHER) => self.match_all(&taken, &mut running).await,
                    () = running.news() => running.take_news().await,
                }
            }
        };
        stop.run_until_cancelled(matching).await;
        deliveries.give_away(ready(())).await;
        Ok(())
    }

    /// In order, and with one route set as long as they come from one opening of the consumer.
    async fn match_all(&self, deliveries: &[Delivery], running: &mut Running) {
        for deliveries in deliveries.chunk_by(|one, next| one.opening == next.opening) {
            if let Some(first) = deliveries.first()
                && first.lease.is_held().await
            {
                running.before(first).await;
                self.match_together(deliveries, running).await;
            }
        }
    }

    /// They are settled, with the last of them, when everything that they all lead to is stored.
    async fn match_together(&self, deliveries: &[Delivery], running: &mut Running) {
        let planned_at = Utc::now();
        let (mut all, mut spans) =
            (Vec::with_capacity(deliveries.len()), Vec::with_capacity(deliveries.len()));
        for delivery in deliveries {
            let routes = running.at(delivery.stream_sequence).await;
            let (mut matched, span) = self.match_one(delivery, routes);
            if delivery.repeated {
                matched.again();
            }
            all.push(matched);
            // It ends when all is stored.
            spans.push(span);
        }
        self.carry_on(&mut all, planned_at).await;
        if let Some(last) = deliveries.last() {
            running.matched(last.stream_sequence);
            last.settle(Settlement::Done).await;
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

    async fn carry_on(&self, all: &mut [Matched], planned_at: DateTime<Utc>) {
        self.pass_over_what_happened(all).await;
        let commands = all.iter_mut().flat_map(|matched| std::mem::take(&mut matched.commands)).collect();
        for command in self.bus.publish_commands_at_last(commands, planned_at).await {
            let of = all.iter_mut().find(|matched| matched.led_to(&command));
            of.into_iter().for_each(|matched| matched.command_too_large(&command));
        }
        for matched in all.iter_mut() {
            self.bury_letters(matched).await;
        }
        // The ledger keeps one place for each, so that their order is of no consequence.
        let to_be_told = all.iter().filter(|matched| matched.is_to_be_told());
        join_all(to_be_told.map(|matched| self.tell(matched))).await;
        all.iter().for_each(|matched| self.count(matched));
    }

    /// An event that comes a second time, delivered again or published again, must not have its effects again.
    async fn pass_over_what_happened(&self, all: &mut [Matched]) {
        let events: Vec<_> =
            all.iter().filter_map(|matched| Some(matched.commands.first()?.origin.event_key())).collect();
        let known = self.bus.recorded_by_effect(&events).await;
        if !known.is_empty() {
            all.iter_mut().for_each(|matched| matched.pass_over(&known));
        }
    }

    /// What is recorded says where they lie: that of a command that died of one, that of the event of the others.
    async fn bury_letters(&self, matched: &mut Matched) {
        for letter in &mut matched.letters {
            let sequence = self.bury(letter).await;
            let of_command = letter.outcome.as_mut().filter(|outcome| !outcome.effect_key.is_empty());
            of_command.unwrap_or(&mut matched.outcome).dead_letters.extend(sequence);
        }
    }

    async fn bury(&self, letter: &DeadLetter) -> Option<u64> {
        tracing::warn!(
            event.id = letter.event.as_ref().map_or("", |event| &event.id),
            error = letter.outcome.as_ref().map_or("", |outcome| &outcome.detail),
            "dead letter"
        );
        self.bus.bury(letter).await
    }

    /// Whoever waits, and then the ledger.
    async fn tell(&self, matched: &Matched) {
        let of_letters = matched.letters.iter().filter_map(|letter| letter.outcome.as_ref());
        let of_commands: Vec<_> = of_letters.filter(|outcome| !outcome.effect_key.is_empty()).collect();
        if let Some(to) = &matched.reply_to {
            let told = of_commands.iter().copied().chain(&matched.happened).chain([&matched.outcome]);
            for outcome in told {
                self.bus.reply(to, outcome).await;
            }
        }
        for outcome in of_commands {
            self.bus.record(outcome).await;
        }
        if !matched.verdict_is_with_a_command() {
            self.bus.record(&matched.outcome).await;
        }
    }

    fn count(&self, matched: &Matched) {
        self.metrics.matched(matched.outcome.kind());
        tracing::debug!(
            event.id = matched.outcome.event.as_ref().map_or("", |event| &event.id),
            commands = matched.outcome.effect_keys.len(),
            "event matched"
        );
    }
}
