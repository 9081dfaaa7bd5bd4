//! What is done for a call, and for what a call left unfinished.

use std::{collections::HashSet, time::Duration};

use chrono::Utc;
use signalbox_bus::{Bus, Table};
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{BackfillSchedule, ChangeSchedule, Problem, ScheduleSpec, ScheduleView};
use signalbox_telemetry::Chain;
use signalbox_temporal::{NewSchedule, ScheduleError, SchedulePatch, Temporal};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    backfill::backfill,
    reconcile::{Step, steps},
    spec::{NEXT_RUNS, as_changed, changed, check, explain, not_ours, problem, schedule_id},
    trigger::Taken,
    turns::Turns,
};

const RECONCILE_EVERY: Duration = Duration::from_secs(30);

pub(crate) struct Manager {
    bus: Bus,
    temporal: Temporal,
    turns: Turns,
    taken: Taken,
}

impl Manager {
    pub(crate) fn new(bus: Bus, temporal: Temporal) -> Self {
        Self { bus, temporal, turns: Turns::new(), taken: Taken::default() }
    }

    /// Writes the intent, makes the schedule, confirms. The same request id again has no second effect.
    pub(crate) async fn create(&self, spec: ScheduleSpec) -> Result<ScheduleView, Problem> {
        let new = check(&spec)?;
        let _turn = self.turns.of(&new.id).await;
        let desired = self.desired().await?;
        if !desired.create(new.id.as_str(), &spec).await.map_err(nats_away)? {
            let earlier = desired.get(new.id.as_str()).await.map_err(nats_away)?;
            if earlier.is_some_and(|earlier| earlier.request_id != spec.request_id)
                && !self.forget_if_deleted(&desired, &new.id).await?
            {
                return Err(refusal(&ScheduleError::Exists(new.id)));
            }
        }
        self.make(&desired, spec, &new).await?;
        tracing::info!(event.id = new.request_id, schedule.id = %new.id, cron = new.cron, "schedule made");
        self.describe(new.id.as_str()).await
    }

    pub(crate) async fn describe(&self, id: &str) -> Result<ScheduleView, Problem> {
        let id = schedule_id(id)?;
        let view = self.temporal.describe_schedule(&id, NEXT_RUNS).await.map_err(|error| refusal(&error))?;
        Ok(explain(view, Utc::now()))
    }

    pub(crate) async fn list(&self) -> Result<Vec<ScheduleView>, Problem> {
        let mut views = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        let desired = self.desired().await?.all().await.map_err(nats_away)?;
        as_changed(&mut views, desired);
        Ok(views.into_iter().map(|view| explain(view, Utc::now())).collect())
    }

    /// Writes the intent, changes the schedule, confirms. The last change's request id again has no second effect.
    pub(crate) async fn change(
        &self,
        request_id: String,
        change: ChangeSchedule,
    ) -> Result<ScheduleView, Problem> {
        let id = schedule_id(&change.schedule_id)?;
        // A caller may use one id for different calls, such as the one that made the schedule.
        let request_id = format!("change:{request_id}");
        let _turn = self.turns.of(&id).await;
        let desired = self.desired().await?;
        let Some(mut current) = desired.get(id.as_str()).await.map_err(nats_away)? else {
            self.describe(id.as_str()).await?;
            return Err(not_ours(id.as_str()));
        };
        if current.request_id != request_id {
            let before = self.finish(&desired, current).await?;
            current = changed(before, change, request_id);
            check(&current)?;
            desired.put(id.as_str(), &current).await.map_err(nats_away)?;
        }
        let cron = self.finish(&desired, current).await?.cron;
        tracing::info!(schedule.id = %id, cron, "schedule changed");
        self.describe(id.as_str()).await
    }

    /// Pauses or resumes it, or the like. The same request id again has no second effect.
    pub(crate) async fn patch(
        &self,
        request_id: &str,
        id: &str,
        patch: SchedulePatch,
    ) -> Result<ScheduleView, Problem> {
        let id = schedule_id(id)?;
        let what = format!("{patch:?}");
        self.temporal.patch_schedule(&id, request_id, patch).await.map_err(|error| refusal(&error))?;
        tracing::info!(schedule.id = %id, what, "schedule operated");
        self.describe(id.as_str()).await
    }

    /// Starts one run now.
    pub(crate) async fn trigger(&self, request_id: &str, id: &str) -> Result<ScheduleView, Problem> {
        let second = self.taken.take(&self.describe(id).await?, Utc::now())?;
        self.patch(request_id, id, SchedulePatch::Trigger(second)).await
    }

    /// Starts the runs that it had to start in a time, if they are not too many.
    pub(crate) async fn backfill(
        &self,
        request_id: &str,
        asked: BackfillSchedule,
    ) -> Result<ScheduleView, Problem> {
        let view = self.describe(&asked.schedule_id).await?;
        let patch = backfill(&view, asked.from, asked.to)?;
        self.patch(request_id, &asked.schedule_id, patch).await
    }

    /// Deletes it in Temporal first: what is desired and not there is then forgotten, also if this dies between.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Problem> {
        let id = schedule_id(id)?;
        let _turn = self.turns.of(&id).await;
        let desired = self.desired().await?;
        let deleted = self.temporal.delete_schedule(&id).await;
        if let Ok(()) | Err(ScheduleError::NotFound(_)) = &deleted {
            desired.remove(id.as_str()).await.map_err(nats_away)?;
        }
        deleted.map_err(|error| refusal(&error))?;
        tracing::info!(schedule.id = %id, "schedule deleted");
        Ok(())
    }

    /// Carries out what calls left unfinished, now and then.
    pub(crate) async fn reconcile_for_ever(&self) {
        let mut ticks = interval(RECONCILE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(problem) = self.reconcile().await {
                tracing::warn!(error = problem.detail, "schedules not reconciled, will try again");
            }
        }
    }

    async fn reconcile(&self) -> Result<(), Problem> {
        let desired = self.desired().await?;
        let wanted = desired.all().await.map_err(nats_away)?;
        if wanted.is_empty() {
            return Ok(());
        }
        let actual = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        let actual: HashSet<String> = actual.into_iter().map(|view| view.schedule_id).collect();
        for step in steps(wanted, &actual) {
            if let Err(problem) = self.take(&desired, &step).await {
                tracing::warn!(?step, error = problem.detail, "schedule not reconciled, will try again");
            }
        }
        Ok(())
    }

    async fn take(&self, desired: &Table<ScheduleSpec>, step: &Step) -> Result<(), Problem> {
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

    /// Carries out an intent that is not confirmed yet.
    async fn finish(
        &self,
        desired: &Table<ScheduleSpec>,
        spec: ScheduleSpec,
    ) -> Result<ScheduleSpec, Problem> {
        if spec.confirmed {
            return Ok(spec);
        }
        let new = check(&spec)?;
        let Some(previous) = &spec.previous else { return self.make(desired, spec, &new).await };
        match self.temporal.change_schedule(&new).await {
            Ok(()) => confirm(desired, spec).await,
            Err(error) => {
                match &error {
                    ScheduleError::NotFound(_) => desired.remove(new.id.as_str()).await,
                    ScheduleError::Refused(_) => desired.put(new.id.as_str(), previous).await,
                    // It may have been changed all the same, and then must be here too.
                    ScheduleError::Away(_) | ScheduleError::Exists(_) => Ok(()),
                }
                .map_err(nats_away)?;
                Err(refusal(&error))
            }
        }
    }

    async fn make(
        &self,
        desired: &Table<ScheduleSpec>,
        spec: ScheduleSpec,
        new: &NewSchedule,
    ) -> Result<ScheduleSpec, Problem> {
        match self.temporal.create_schedule(new).await {
            Ok(()) => confirm(desired, spec).await,
            Err(error) => {
                // The caller hears that it is not made, so it must not appear later.
                desired.remove(new.id.as_str()).await.map_err(nats_away)?;
                Err(refusal(&error))
            }
        }
    }

    /// Whether the schedule, which was desired, is gone from Temporal, and so no longer desired.
    async fn forget_if_deleted(
        &self,
        desired: &Table<ScheduleSpec>,
        id: &ScheduleId,
    ) -> Result<bool, Problem> {
        match self.temporal.describe_schedule(id, 0).await {
            Ok(_) => Ok(false),
            Err(ScheduleError::NotFound(_)) => {
                desired.remove(id.as_str()).await.map_err(nats_away)?;
                tracing::info!(schedule.id = %id, "schedule was deleted in Temporal, so it is desired no more");
                Ok(true)
            }
            Err(error) => Err(refusal(&error)),
        }
    }

    async fn desired(&self) -> Result<Table<ScheduleSpec>, Problem> {
        self.bus.desired_schedules().await.map_err(nats_away)
    }
}

async fn confirm(desired: &Table<ScheduleSpec>, spec: ScheduleSpec) -> Result<ScheduleSpec, Problem> {
    let confirmed = ScheduleSpec { confirmed: true, previous: None, ..spec };
    desired.put(&confirmed.schedule_id, &confirmed).await.map_err(nats_away)?;
    Ok(confirmed)
}

fn nats_away(error: signalbox_bus::Error) -> Problem {
    problem("nats-away", Chain(&error))
}

fn refusal(error: &ScheduleError) -> Problem {
    let code = match error {
        ScheduleError::Exists(_) => "schedule-exists",
        ScheduleError::NotFound(_) => "schedule-not-found",
        ScheduleError::Refused(_) => "schedule-refused",
        ScheduleError::Away(_) => "temporal-away",
    };
    problem(code, error)
}
