//! What calls change, and what a call left unfinished.

use std::collections::BTreeSet;

use signalbox_bus::{Bus, Table};
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{ChangeSchedule, Problem, SchedulePlan, ScheduleSpec, ScheduleView};
use signalbox_temporal::{NewSchedule, ScheduleError, Temporal};
use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

use crate::{
    applied::Applied,
    metrics::ManagerMetrics,
    spec::{changed, check, nats_away, not_ours, problem, schedule_id},
    trigger::{Taken, Tried},
    turns::Turns,
};

pub(crate) struct Manager {
    pub(crate) bus: Bus,
    pub(crate) temporal: Temporal,
    pub(crate) applied: Applied,
    pub(crate) metrics: ManagerMetrics,
    pub(crate) turns: Turns,
    pub(crate) taken: Taken,
    pub(crate) tried: Tried,
    /// Declared schedules whose id another one has that was not declared, as they were told last.
    pub(crate) conflicts: watch::Sender<BTreeSet<String>>,
    /// The last plan, and when it was made.
    pub(crate) planned: Mutex<Option<(Instant, SchedulePlan)>>,
}

impl Manager {
    pub(crate) fn new(bus: Bus, temporal: Temporal, metrics: ManagerMetrics) -> Self {
        let applied = Applied::new(bus.clone());
        Self {
            bus,
            temporal,
            applied,
            metrics,
            turns: Turns::new(),
            taken: Taken::default(),
            tried: Tried::default(),
            conflicts: watch::Sender::default(),
            planned: Mutex::default(),
        }
    }

    /// Writes the intent, makes the schedule, confirms. The same request id again has no second effect.
    pub(crate) async fn create(&self, spec: ScheduleSpec) -> Result<ScheduleView, Problem> {
        let new = check(&spec)?.schedule;
        if self.applied.now().await.is_ok_and(|set| set.is_some_and(|set| set.declares(&new.id))) {
            return Err(is_declared(&new.id));
        }
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
        tracing::info!(event.id = new.request_id, schedule.id = %new.id, cron = new.source.cron, "schedule made");
        self.describe(new.id.as_str()).await
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
            let there = self.temporal.describe_schedule(&id).await.map_err(|error| refusal(&error))?;
            return Err(if there.declared().is_some() { is_declared(&id) } else { not_ours(id.as_str()) });
        };
        if current.request_id != request_id {
            let before = self.finish(&desired, current).await?;
            current = changed(before, change, request_id)?;
            check(&current)?;
            desired.put(id.as_str(), &current).await.map_err(nats_away)?;
        }
        let cron = self.finish(&desired, current).await?.cron;
        tracing::info!(schedule.id = %id, cron, "schedule changed");
        self.describe(id.as_str()).await
    }

    /// Deletes it in Temporal first: what is desired and not there is then forgotten, also if this dies between.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Problem> {
        let id = schedule_id(id)?;
        let _turn = self.turns.of(&id).await;
        let desired = self.desired().await?;
        let deleted = match self.temporal.describe_schedule(&id).await {
            Ok(there) if there.declared().is_some() => return Err(is_declared(&id)),
            Ok(_) => self.temporal.delete_schedule(&id).await,
            Err(error) => Err(error),
        };
        if let Ok(()) | Err(ScheduleError::NotFound(_)) = &deleted {
            desired.remove(id.as_str()).await.map_err(nats_away)?;
        }
        deleted.map_err(|error| refusal(&error))?;
        tracing::info!(schedule.id = %id, "schedule deleted");
        Ok(())
    }

    /// Carries out an intent that is not confirmed yet.
    pub(crate) async fn finish(
        &self,
        desired: &Table<ScheduleSpec>,
        spec: ScheduleSpec,
    ) -> Result<ScheduleSpec, Problem> {
        if spec.confirmed {
            return Ok(spec);
        }
        let new = check(&spec)?.schedule;
        let Some(previous) = &spec.previous else { return self.make(desired, spec, &new).await };
        match self.temporal.change_schedule(&new).await {
            Ok(_) => confirm(desired, spec).await,
            Err(error) => {
                match &error {
                    ScheduleError::NotFound(_) => desired.remove(new.id.as_str()).await,
                    ScheduleError::Refused(_) => desired.put(new.id.as_str(), previous).await,
                    // It may have been changed all the same, and then must be here too.
                    ScheduleError::Away(_) | ScheduleError::Exists(_) | ScheduleError::Unsettled { .. } => {
                        Ok(())
                    }
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
    pub(crate) async fn forget_if_deleted(
        &self,
        desired: &Table<ScheduleSpec>,
        id: &ScheduleId,
    ) -> Result<bool, Problem> {
        match self.temporal.describe_schedule(id).await {
            Ok(_) => Ok(false),
            Err(ScheduleError::NotFound(_)) => {
                desired.remove(id.as_str()).await.map_err(nats_away)?;
                tracing::info!(schedule.id = %id, "schedule was deleted in Temporal, so it is desired no more");
                Ok(true)
            }
            Err(error) => Err(refusal(&error)),
        }
    }

    pub(crate) async fn desired(&self) -> Result<Table<ScheduleSpec>, Problem> {
        self.bus.desired_schedules().await.map_err(nats_away)
    }
}

async fn confirm(desired: &Table<ScheduleSpec>, spec: ScheduleSpec) -> Result<ScheduleSpec, Problem> {
    let confirmed = ScheduleSpec { confirmed: true, previous: None, ..spec };
    desired.put(&confirmed.schedule_id, &confirmed).await.map_err(nats_away)?;
    Ok(confirmed)
}

fn is_declared(id: &ScheduleId) -> Problem {
    let detail = format!("the schedule `{id}` is declared in a route file; change the file and apply it");
    problem("schedule-declared", detail)
}

pub(crate) fn refusal(error: &ScheduleError) -> Problem {
    let code = match error {
        ScheduleError::Exists(_) => "schedule-exists",
        ScheduleError::NotFound(_) => "schedule-not-found",
        ScheduleError::Refused(_) => "schedule-refused",
        ScheduleError::Away(_) | ScheduleError::Unsettled { .. } => "temporal-away",
    };
    problem(code, error)
}
