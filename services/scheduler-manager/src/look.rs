//! What is told of schedules.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{Problem, ScheduleView};
use signalbox_temporal::Described;

use crate::{
    applied::Set,
    desired::Desired,
    had::Had,
    manager::{Manager, refusal},
    spec::{NEXT_RUNS, When, check, explain, nats_away, overlay, schedule_id, told},
};

impl Manager {
    pub(crate) async fn describe(&self, id: &str) -> Result<ScheduleView, Problem> {
        let (described, desired) = self.look(id).await?;
        let mut view = described.view(NEXT_RUNS);
        let Some(desired) = desired else {
            let when = When::said(&view);
            return Ok(explain(view, when.as_ref(), Utc::now()));
        };
        overlay(&mut view, &desired);
        // Temporal compiles a cron expression itself for those that earlier versions made.
        if !view.declaration.is_empty() {
            view.drift = described.differences(&desired.schedule).map_err(|error| refusal(&error))?;
        }
        Ok(explain(view, Some(&When::of(&desired)), Utc::now()))
    }

    /// What Temporal has of a schedule, and what it is desired to be, if that is known.
    pub(crate) async fn look(&self, id: &str) -> Result<(Described, Option<Desired>), Problem> {
        let id = schedule_id(id)?;
        let described = self.temporal.describe_schedule(&id).await.map_err(|error| refusal(&error))?;
        let desired = match described.declared() {
            Some(_) => self.set().await.and_then(|set| set.schedules.get(id.as_str()).cloned()),
            None => self.called(&id).await?,
        };
        Ok((described, desired))
    }

    /// When a schedule runs, if that is known.
    pub(crate) fn when(described: &Described, desired: Option<&Desired>) -> Option<When> {
        desired.map(When::of).or_else(|| When::said(&described.view(0)))
    }

    pub(crate) async fn list(&self) -> Result<Vec<ScheduleView>, Problem> {
        let listed = self.temporal.schedules().await.map_err(|error| refusal(&error))?;
        let (_, specs) = Had::split(self.desired().await?.all().await.map_err(nats_away)?);
        let called: HashMap<_, _> =
            specs.into_iter().filter_map(told).map(|spec| (spec.schedule_id.clone(), spec)).collect();
        let set = self.set().await.unwrap_or_default();
        let now = Utc::now();
        let views = listed.into_iter().map(|listed| {
            let mut view = listed.view;
            let desired = match listed.declared {
                Some(_) => set.schedules.get(&view.schedule_id).cloned(),
                None => called.get(&view.schedule_id).and_then(|spec| check(spec).ok()),
            };
            let when = match &desired {
                Some(desired) => Some(When::of(desired)),
                None => When::said(&view),
            };
            if let Some(desired) = &desired {
                overlay(&mut view, desired);
            }
            explain(view, when.as_ref(), now)
        });
        Ok(views.collect())
    }

    /// The set that was applied last, if it can be read: what is told of a schedule does not wait for that.
    async fn set(&self) -> Option<Arc<Set>> {
        self.applied.now().await.ok().flatten()
    }

    /// As a call wanted it.
    async fn called(&self, id: &ScheduleId) -> Result<Option<Desired>, Problem> {
        let spec = self.desired().await?.get(id.as_str()).await.map_err(nats_away)?;
        Ok(spec.and_then(told).and_then(|spec| check(&spec).ok()))
    }
}
