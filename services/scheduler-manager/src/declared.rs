//! Making the schedules that a route set declares, and telling what there is to make.

use std::{
    collections::BTreeSet,
    future::ready,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use futures::{StreamExt, stream};
use prometheus_client::metrics::gauge::Gauge;
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{PlannedSchedule, Problem, SchedulePlan, planned_schedule};
use signalbox_temporal::{Changes, Listed, NewSchedule, ScheduleError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    applied::Set,
    desired::Desired,
    had::Had,
    manager::{Manager, refusal},
    metrics::Write,
    plan::{Depth, Step, steps},
    spec::{nats_away, problem, schedule_id},
};

/// Schedules that are looked at or written at the same time.
const AT_ONCE: usize = 24;

/// A plan looks at each of so many schedules; whoever asks waits for it. Of more it says what the list tells.
const LOOKED_AT: usize = 200;

/// What became of one schedule.
enum Done {
    Nothing,
    Wrote(Write),
    Conflict(String),
    /// Temporal does not take it, or not as it is told.
    Refused(String),
}

fn set_to(gauge: &Gauge, count: usize) {
    gauge.set(count.try_into().unwrap_or(i64::MAX));
}

impl Manager {
    /// Makes Temporal's schedules what the set declares. Once Temporal is away, or another set is applied, the rest is
    /// left to the next pass.
    pub(crate) async fn reconcile_declared(
        &self,
        set: &Set,
        listed: &[Listed],
        had: &Had,
        depth: Depth,
    ) -> Result<(), Problem> {
        set_to(&self.metrics.declared, set.schedules.len());
        let work = steps(set, listed, had, depth);
        // What is under way is waited for: it may be a write.
        let failed = AtomicBool::new(false);
        let mut taken = stream::iter(work)
            .take_while(|_| ready(!failed.load(Relaxed)))
            .map(|step| self.take(set, step))
            .buffer_unordered(AT_ONCE);
        let (mut writes, mut refused, mut conflicts) = (0, Vec::new(), BTreeSet::new());
        let mut problem = None;
        while let Some(done) = taken.next().await {
            match done {
                Ok(Done::Nothing) => {}
                Ok(Done::Wrote(write)) => {
                    self.metrics.wrote(write);
                    writes += 1;
                }
                Ok(Done::Conflict(id)) => drop(conflicts.insert(id)),
                Ok(Done::Refused(why)) => refused.push(why),
                Err(why) => {
                    failed.store(true, Relaxed);
                    problem.get_or_insert(why);
                }
            }
        }
        if writes > 0 {
            tracing::info!(
                version = set.version,
                writes,
                "declared schedules made what they are declared to be"
            );
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        set_to(&self.metrics.differing, writes);
        set_to(&self.metrics.refused, refused.len());
        if let Some(first) = refused.first() {
            tracing::warn!(count = refused.len(), first, "Temporal does not take declared schedules");
        }
        self.tell_conflicts(conflicts);
        Ok(())
    }

    /// Once a conflict, not once a pass.
    fn tell_conflicts(&self, conflicts: BTreeSet<String>) {
        set_to(&self.metrics.conflicts, conflicts.len());
        self.conflicts.send_if_modified(|told| {
            for id in conflicts.difference(told) {
                tracing::warn!(
                    schedule.id = id,
                    "a schedule of this id was not made by reconciling, so it is left alone: delete it, or declare another id"
                );
            }
            let changed = *told != conflicts;
            *told = conflicts;
            changed
        });
    }

    async fn take(&self, set: &Set, step: Step) -> Result<Done, Problem> {
        let (Step::Create(id) | Step::Look(id) | Step::Delete(id)) = &step;
        let id = schedule_id(id)?;
        let _turn = self.turns.of(&id).await;
        if self.applied.is_superseded(set) {
            return Err(problem("superseded", "another route set was applied meanwhile"));
        }
        let done = match (step, set.schedules.get(id.as_str())) {
            (Step::Create(_), Some(desired)) => self.create_declared(desired).await,
            (Step::Look(_), Some(desired)) => self.mend(desired).await,
            _ => self.delete_declared(&id).await,
        };
        match done {
            Err(ScheduleError::Exists(id)) => Ok(Done::Conflict(id.to_string())),
            // Somebody else was quicker; whether it is to be there the next pass sees.
            Err(ScheduleError::NotFound(_)) => Ok(Done::Nothing),
            Err(error @ ScheduleError::Unsettled { .. }) => Ok(Done::Refused(error.to_string())),
            Err(ScheduleError::Refused(why)) => Ok(Done::Refused(format!("{id}: {why}"))),
            Err(error @ ScheduleError::Away(_)) => Err(refusal(&error)),
            Ok(done) => Ok(done),
        }
    }

    async fn delete_declared(&self, id: &ScheduleId) -> Result<Done, ScheduleError> {
        if self.temporal.describe_schedule(id).await?.declared().is_none() {
            return Ok(Done::Nothing);
        }
        self.temporal.delete_schedule(id).await?;
        Ok(Done::Wrote(Write::Delete))
    }

    async fn create_declared(&self, desired: &Desired) -> Result<Done, ScheduleError> {
        // An id that was used would be taken for the repetition of a call that made one which was deleted since.
        let request_id = Uuid::now_v7().to_string();
        let new = NewSchedule { request_id, ..desired.schedule.clone() };
        match self.temporal.create_schedule(&new).await {
            Ok(()) => Ok(Done::Wrote(Write::Create)),
            Err(ScheduleError::Exists(_)) => self.change_declared(desired).await,
            Err(error) => Err(error),
        }
    }

    async fn mend(&self, desired: &Desired) -> Result<Done, ScheduleError> {
        match self.change_declared(desired).await {
            Err(ScheduleError::NotFound(_)) => self.create_declared(desired).await,
            done => done,
        }
    }

    async fn change_declared(&self, desired: &Desired) -> Result<Done, ScheduleError> {
        let Changes { differences, declared_anew } = self.temporal.change_schedule(&desired.schedule).await?;
        if differences.is_empty() {
            return Ok(Done::Nothing);
        }
        if declared_anew {
            return Ok(Done::Wrote(Write::Change));
        }
        let differences = differences.join("; ");
        tracing::info!(schedule.id = %desired.schedule.id, differences, "schedule was changed in Temporal, and is mended");
        Ok(Done::Wrote(Write::Mend))
    }

    /// What a pass that looks at each would do now. That takes a while where there are many, so whoever asks meanwhile,
    /// perhaps again, is told the same.
    pub(crate) async fn plan(&self) -> Result<SchedulePlan, Problem> {
        let asked = Instant::now();
        let mut last = self.planned.lock().await;
        let Some(set) = self.applied.now().await? else { return Ok(SchedulePlan::default()) };
        if let Some((ended, plan)) = last.as_ref()
            && *ended >= asked
            && plan.version == set.version
        {
            return Ok(plan.clone());
        }
        let plan = self.plan_of(&set).await?;
        *last = Some((Instant::now(), plan.clone()));
        Ok(plan)
    }

    async fn plan_of(&self, set: &Set) -> Result<SchedulePlan, Problem> {
        let listed = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        let (had, _) = Had::split(self.desired().await?.all().await.map_err(nats_away)?);
        let depth = if set.schedules.len() > LOOKED_AT { Depth::List } else { Depth::Each };
        let looked = stream::iter(steps(set, &listed, &had, depth)).map(|step| self.planned(set, step));
        let planned: Vec<_> = looked.buffered(AT_ONCE).collect().await;
        let planned = planned.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| refusal(&error))?;
        let steps: Vec<_> = planned.into_iter().flatten().collect();
        let to_do = steps.iter().filter(|step| step.step() != planned_schedule::Step::Delete).count();
        Ok(SchedulePlan {
            version: set.version.clone(),
            unchanged: (set.schedules.len() - to_do).try_into().unwrap_or(u32::MAX),
            steps,
        })
    }

    /// By Temporal's own word; its list is a little behind.
    async fn planned(&self, set: &Set, step: Step) -> Result<Option<PlannedSchedule>, ScheduleError> {
        use planned_schedule::Step as To;
        let (Step::Create(id) | Step::Look(id) | Step::Delete(id)) = &step;
        let Ok(id) = id.parse::<ScheduleId>() else { return Ok(None) };
        let desired = set.schedules.get(id.as_str()).map(|desired| &desired.schedule);
        let there = match self.temporal.describe_schedule(&id).await {
            Ok(there) => Some(there),
            Err(ScheduleError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let (to, differences) = match (desired, there) {
            (Some(_), None) => (To::Create, Vec::new()),
            (Some(_), Some(there)) if there.declared().is_none() => (To::Conflict, Vec::new()),
            (Some(desired), Some(there)) => match there.differences(desired)? {
                differences if differences.is_empty() => return Ok(None),
                differences => (To::Change, differences),
            },
            (None, Some(there)) if there.declared().is_some() => (To::Delete, Vec::new()),
            (None, _) => return Ok(None),
        };
        Ok(Some(PlannedSchedule { schedule_id: id.to_string(), step: to.into(), differences }))
    }
}
