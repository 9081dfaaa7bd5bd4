//! What is done for a call, and for what a call left unfinished.

use std::{collections::HashSet, time::Duration};

use chrono::Utc;
use signalbox_bus::{Bus, Table};
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{Problem, ScheduleSpec, ScheduleView};
use signalbox_telemetry::Chain;
use signalbox_temporal::{NewSchedule, ScheduleError, Temporal};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    reconcile::{Step, steps},
    spec::{NEXT_RUNS, check, explain, problem, schedule_id},
};

const RECONCILE_EVERY: Duration = Duration::from_secs(30);

pub(crate) struct Manager {
    bus: Bus,
    temporal: Temporal,
}

impl Manager {
    pub(crate) fn new(bus: Bus, temporal: Temporal) -> Self {
        Self { bus, temporal }
    }

    /// Writes the intent, makes the schedule, confirms. The same request id again has no second effect.
    pub(crate) async fn create(&self, spec: ScheduleSpec) -> Result<ScheduleView, Problem> {
        let new = check(&spec)?;
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
        tracing::info!(schedule.id = %new.id, cron = new.cron, "schedule made");
        self.describe(new.id.as_str()).await
    }

    pub(crate) async fn describe(&self, id: &str) -> Result<ScheduleView, Problem> {
        let id = schedule_id(id)?;
        let view = self.temporal.describe_schedule(&id, NEXT_RUNS).await.map_err(|error| refusal(&error))?;
        Ok(explain(view, Utc::now()))
    }

    pub(crate) async fn list(&self) -> Result<Vec<ScheduleView>, Problem> {
        let views = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        Ok(views.into_iter().map(|view| explain(view, Utc::now())).collect())
    }

    /// Deletes it in Temporal first: what is desired and not there is then forgotten, also if this dies between.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Problem> {
        let id = schedule_id(id)?;
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
            match step {
                Step::Make(spec) => {
                    let new = check(&spec)?;
                    self.make(&desired, *spec, &new).await?;
                    tracing::info!(schedule.id = %new.id, "schedule made that was left unfinished");
                }
                Step::Forget(id) => {
                    // The list is a little behind; only Temporal's own word counts.
                    self.forget_if_deleted(&desired, &schedule_id(&id)?).await?;
                }
            }
        }
        Ok(())
    }

    async fn make(
        &self,
        desired: &Table<ScheduleSpec>,
        spec: ScheduleSpec,
        new: &NewSchedule,
    ) -> Result<(), Problem> {
        match self.temporal.create_schedule(new).await {
            Ok(()) => {
                let confirmed = ScheduleSpec { confirmed: true, ..spec };
                desired.put(new.id.as_str(), &confirmed).await.map_err(nats_away)
            }
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
