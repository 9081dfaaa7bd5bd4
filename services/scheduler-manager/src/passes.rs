//! Comparing what is desired with what Temporal has, again and again.

use std::{collections::HashSet, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use signalbox_bus::Table;
use signalbox_proto::v1::{Problem, ScheduleSpec};
use signalbox_temporal::Listed;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    had::Had,
    manager::{Manager, refusal},
    plan::Depth,
    reconcile::{Step, steps},
    spec::{nats_away, schedule_id},
};

/// How often it is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Often {
    /// As far as the list tells.
    pub(crate) list: Duration,
    /// Each schedule by itself.
    pub(crate) each: Duration,
}

/// Between passes that fail; no longer than between those that do not, either.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Manager {
    /// Carries out what calls left unfinished, and makes declared schedules what the applied route set says: now and
    /// then, and at once when another set is applied. Never ends.
    pub(crate) async fn reconcile_for_ever(&self, often: Often) {
        let changes = self.applied.changes();
        tokio::join!(self.applied.follow(), self.pass_for_ever(often, changes));
    }

    async fn pass_for_ever(&self, often: Often, mut changes: watch::Receiver<String>) {
        let mut looked_at_each = Instant::now();
        let mut pauses = pauses(&often);
        loop {
            changes.mark_unchanged();
            let (began, is_time) = (Instant::now(), looked_at_each.elapsed() >= often.each);
            let depth = if is_time { Depth::Each } else { Depth::List };
            let passed = self.pass(depth).await;
            self.metrics.passed(depth, began.elapsed(), passed.is_ok());
            let pause = match passed {
                Ok(()) => {
                    pauses = self::pauses(&often);
                    if depth == Depth::Each {
                        looked_at_each = Instant::now();
                    }
                    often.list
                }
                Err(problem) => {
                    tracing::warn!(error = problem.detail, "schedules not reconciled, will try again");
                    pauses.next().unwrap_or(LONGEST_PAUSE)
                }
            };
            // Nobody changes it any more only when this ends too.
            let _ = timeout(pause, changes.changed()).await;
        }
    }

    async fn pass(&self, depth: Depth) -> Result<(), Problem> {
        let table = self.desired().await?;
        let (had, called) = Had::split(table.all().await.map_err(nats_away)?);
        let set = self.applied.now().await;
        if called.is_empty() && matches!(set, Ok(None)) {
            return Ok(());
        }
        let listed = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        self.finish_calls(&table, called, &listed).await;
        let Some(set) = set? else { return Ok(()) };
        had.keep(&table, &set, &listed).await?;
        self.reconcile_declared(&set, &listed, &had, depth).await
    }

    async fn finish_calls(&self, table: &Table<ScheduleSpec>, called: Vec<ScheduleSpec>, listed: &[Listed]) {
        let actual: HashSet<_> = listed.iter().map(|listed| listed.view.schedule_id.clone()).collect();
        for step in steps(called, &actual) {
            if let Err(problem) = self.finish_call(table, &step).await {
                tracing::warn!(?step, error = problem.detail, "schedule not reconciled, will try again");
            }
        }
    }

    async fn finish_call(&self, desired: &Table<ScheduleSpec>, step: &Step) -> Result<(), Problem> {
        let (Step::Finish(id) | Step::Forget(id)) = step;
        let id = schedule_id(id)?;
        let _turn = self.turns.of(&id).await;
        match step {
            // The list is a little behind; only Temporal's own word counts.
            Step::Forget(_) => self.forget_if_deleted(desired, &id).await.map(|_| ()),
            Step::Finish(_) => match desired.get(id.as_str()).await.map_err(nats_away)? {
                Some(spec) if !spec.confirmed => {
                    self.finish(desired, spec).await?;
                    tracing::info!(schedule.id = %id, "schedule made or changed as a call had left unfinished");
                    Ok(())
                }
                _ => Ok(()),
            },
        }
    }
}

fn pauses(often: &Often) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE.min(often.list))
        .with_jitter()
        .without_max_times()
        .build()
}
