//! One command, from its first attempt to its outcome.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chrono::Utc;
use signalbox_bus::Lease;
use signalbox_domain::{Command, DeadLetter, Outcome, OutcomeKind, WorkflowId, dead_letter};
use signalbox_telemetry::Span;

use super::{
    Applier,
    outcome::{given_up, outcome, pause_before},
};
use crate::metrics::name;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How carrying a command out has ended.
pub(super) enum Ended {
    /// What came of it is recorded.
    Settled,
    /// Its workflow has no open run, for which it is to wait. That is not told anybody yet.
    Missing(Box<Outcome>),
}

impl Applier {
    /// Tries until the command is accepted, refused for good or given up, and records what came of it. It waits in
    /// the lane of its key between attempts, so that nothing overtakes it. Gives `None` when the service stops, or
    /// loses the partition, before that: the command is then delivered again to whoever comes next.
    pub(super) async fn carry_out(
        &self,
        command: &Command,
        mut repeated: bool,
        lease: &Lease,
        span: &mut Span,
    ) -> Option<Ended> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter()
            .without_max_times()
            .build();
        for attempt in 1.. {
            if !self.stop.run_until_cancelled(lease.is_held()).await? {
                return None;
            }
            // Not cut short by a stop: an answer that is on its way is worth waiting for.
            let answer = span.around(self.execute(command, repeated)).await;
            let mut outcome = outcome(command, attempt, answer, Utc::now());
            let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
            let pause = pause_before(command.terms.give_up_at, pause, Utc::now());
            if outcome.kind() == OutcomeKind::Retrying && pause.is_none() {
                outcome = given_up(outcome);
            }
            let Some(pause) = pause.filter(|_| outcome.kind() == OutcomeKind::Retrying) else {
                describe(command, &outcome, span);
                if outcome.kind() == OutcomeKind::Parked {
                    return Some(Ended::Missing(Box::new(outcome)));
                }
                self.conclude(command, outcome, repeated).await;
                return Some(Ended::Settled);
            };
            self.postpone(command, &outcome, attempt, pause).await?;
            repeated = true;
        }
        None
    }

    async fn postpone(
        &self,
        command: &Command,
        outcome: &Outcome,
        attempt: u32,
        pause: Duration,
    ) -> Option<()> {
        self.metrics.retries.inc();
        tracing::warn!(
            event.id = command.origin.event.id,
            key = command.key(),
            workflow.id = command.action.workflow_id().map(WorkflowId::as_str),
            effect.key = %command.effect_key,
            trace.id = command.trace.trace_id(),
            attempt,
            delay_ms = pause.as_millis() as u64,
            error = outcome.detail,
            "not accepted, will try again"
        );
        let wait = async {
            if attempt == 1 {
                self.record_first(command, outcome).await;
            }
            tokio::time::sleep(pause).await;
        };
        self.stop.run_until_cancelled(wait).await
    }

    /// Whoever waits is told first; then the ledger, then, by the caller, the acknowledgement.
    pub(super) async fn conclude(&self, command: &Command, mut outcome: Outcome, repeated: bool) {
        let seconds = (Utc::now() - command.accepted_at).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6;
        self.metrics.applied(command.action.kind(), &outcome, seconds);
        tracing::debug!(
            event.id = command.origin.event.id,
            key = command.key(),
            workflow.id = command.action.workflow_id().map(WorkflowId::as_str),
            run.id = outcome.run_id,
            effect.key = %command.effect_key,
            route = outcome.route,
            trace.id = command.trace.trace_id(),
            outcome = name(outcome.kind()),
            reason = outcome.reason,
            "{} applied", command.action.kind()
        );
        self.reply(command, &outcome).await;
        if outcome.kind() == OutcomeKind::Dead {
            tracing::warn!(
                event.id = command.origin.event.id,
                key = command.key(),
                route = outcome.route,
                error = outcome.detail,
                "dead letter"
            );
            outcome.dead_letters = Box::pin(self.bury(command, &outcome, repeated)).await;
        }
        self.record(command, &outcome).await;
    }

    /// Tells where its letters are. JetStream knows a letter again for minutes; the ledger says whether there is one.
    async fn bury(&self, command: &Command, outcome: &Outcome, repeated: bool) -> Vec<u64> {
        if repeated {
            let effect = command.terms.members.first().map(|member| member.effect_key.as_str());
            let effect = effect.unwrap_or(command.effect_key.as_str());
            let recorded = self.bus.recorded(&[command.origin.event_key()]).await;
            let before = recorded.into_iter().find(|before| before.effect_key == effect);
            if let Some(before) = before.filter(|before| before.kind() == OutcomeKind::Dead) {
                return before.dead_letters;
            }
        }
        let letter = DeadLetter { command: Some(command.clone().into()), ..dead_letter(outcome.clone()) };
        self.bus.bury(&letter).await.into_iter().collect()
    }
}

fn describe(command: &Command, outcome: &Outcome, span: &mut Span) {
    span.set("cloudevents.event_id", || command.origin.event.id.clone());
    if let Some(id) = command.action.workflow_id() {
        span.set("temporalWorkflowID", || id.to_string());
    }
    span.set("signalbox.effect_key", || command.effect_key.to_string());
    span.set("signalbox.attempts", || i64::from(outcome.attempts));
    span.set("signalbox.outcome", || name(outcome.kind()));
    if let Some(route) = &command.origin.route {
        span.set("signalbox.route", || route.to_string());
    }
    if matches!(outcome.kind(), OutcomeKind::Dead | OutcomeKind::Refused) {
        span.fail(|| format!("{}: {}", outcome.reason, outcome.detail));
    }
}
