//! What is done to a schedule without changing it.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use signalbox_domain::ScheduleId;
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    enums::v1::ScheduleOverlapPolicy, schedule::v1 as ps, workflowservice::v1::PatchScheduleRequest,
};

use super::{ScheduleError, refused};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    spans,
};

/// What is done to a schedule without changing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchedulePatch {
    /// It starts nothing by itself any more. The note, which is not empty, says why.
    Pause(String),
    /// It starts runs again. The note is not empty.
    Resume(String),
    /// It starts one run now, which is named after this second. Temporal drops it silently when the schedule has a run
    /// of that name.
    Trigger(DateTime<Utc>),
    /// It starts now what it had to start in a time.
    Backfill {
        /// The time begins after this instant.
        after: DateTime<Utc>,
        /// It ends with this instant.
        to: DateTime<Utc>,
        /// Whether these runs follow each other; otherwise they run side by side.
        in_turn: bool,
    },
}

impl SchedulePatch {
    /// Temporal takes patches of one request id for the same, also those that ask for different things.
    fn request_id(&self, call: &str) -> String {
        let name = match self {
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Trigger(_) => "trigger",
            Self::Backfill { .. } => "backfill",
        };
        format!("{name}:{call}")
    }
}

impl From<SchedulePatch> for ps::SchedulePatch {
    fn from(patch: SchedulePatch) -> Self {
        match patch {
            SchedulePatch::Pause(note) => Self { pause: note, ..Default::default() },
            SchedulePatch::Resume(note) => Self { unpause: note, ..Default::default() },
            SchedulePatch::Trigger(second) => {
                let scheduled_time = Some(SystemTime::from(second).into());
                // Whoever says now means now, whether or not another run is open.
                let overlap_policy = ScheduleOverlapPolicy::AllowAll as i32;
                let request = ps::TriggerImmediatelyRequest { scheduled_time, overlap_policy };
                Self { trigger_immediately: Some(request), ..Default::default() }
            }
            SchedulePatch::Backfill { after, to, in_turn } => {
                // Never `skip` and the like, of which all but one run would take no place.
                let overlap =
                    if in_turn { ScheduleOverlapPolicy::BufferAll } else { ScheduleOverlapPolicy::AllowAll };
                let request = ps::BackfillRequest {
                    start_time: Some(SystemTime::from(after).into()),
                    end_time: Some(SystemTime::from(to).into()),
                    overlap_policy: overlap as i32,
                };
                Self { backfill_request: vec![request], ..Default::default() }
            }
        }
    }
}

impl Temporal {
    /// Pauses, resumes, triggers or backfills a schedule. The same `request_id` again has no second effect.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn patch_schedule(
        &self,
        id: &ScheduleId,
        request_id: &str,
        patch: SchedulePatch,
    ) -> Result<(), ScheduleError> {
        let request = PatchScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: id.to_string(),
            request_id: patch.request_id(request_id),
            patch: Some(patch.into()),
        };
        let mut service = self.service();
        let patched = spans::of_schedule("PatchSchedule", id, async {
            in_time(service.patch_schedule(within(DEADLINE, request))).await
        })
        .await;
        patched.map(|_| ()).map_err(|failure| refused(id, failure))
    }
}
