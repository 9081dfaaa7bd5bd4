//! What calls do with schedules without changing what is desired.

use chrono::Utc;
use signalbox_proto::v1::{BackfillSchedule, Problem, ScheduleView};
use signalbox_temporal::SchedulePatch;

use crate::{
    backfill::backfill,
    manager::{Manager, refusal},
    spec::schedule_id,
};

impl Manager {
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
        let (described, desired) = self.look(id).await?;
        let when = Self::when(&described, desired.as_ref());
        let second = self.taken.take(id, when.as_ref(), Utc::now())?;
        self.patch(request_id, id, SchedulePatch::Trigger(second)).await
    }

    /// Starts the runs that it had to start in a time, if they are not too many.
    pub(crate) async fn backfill(
        &self,
        request_id: &str,
        asked: BackfillSchedule,
    ) -> Result<ScheduleView, Problem> {
        let (described, desired) = self.look(&asked.schedule_id).await?;
        let when = Self::when(&described, desired.as_ref());
        let patch = backfill(&asked.schedule_id, when.as_ref(), asked.from, asked.to)?;
        self.patch(request_id, &asked.schedule_id, patch).await
    }
}
