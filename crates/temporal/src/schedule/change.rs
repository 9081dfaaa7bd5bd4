//! A new time or new arguments for a schedule that exists.

use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    schedule::v1 as ps,
    workflowservice::v1::{DescribeScheduleResponse, UpdateScheduleRequest},
};

use super::{NewSchedule, ScheduleError, memo_of_runs, ours, refused, spec, started};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::arguments,
    spans,
};

/// How often a change is tried that others get ahead of.
const ATTEMPTS: usize = 5;

impl Temporal {
    /// Makes an existing schedule run when and with which arguments `wanted` says. All else of it stays: whether it is
    /// paused, its policies, what it starts. A change that has been made is not made again.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn change_schedule(&self, wanted: &NewSchedule) -> Result<(), ScheduleError> {
        for _ in 0..ATTEMPTS {
            self.update(wanted, self.described(&wanted.id).await?).await?;
            // Some servers answer success also when they drop an update because of a change meanwhile.
            if is_so(wanted, &self.described(&wanted.id).await?) {
                return Ok(());
            }
        }
        Err(ScheduleError::Away(format!(
            "the schedule `{}` is being changed by others all the time",
            wanted.id
        )))
    }

    async fn update(
        &self,
        wanted: &NewSchedule,
        described: DescribeScheduleResponse,
    ) -> Result<(), ScheduleError> {
        if is_so(wanted, &described) {
            return Ok(());
        }
        let request = UpdateScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: wanted.id.to_string(),
            schedule: Some(changed(described.schedule.unwrap_or_default(), wanted)),
            conflict_token: described.conflict_token,
            // No memo: servers keep a schedule's own as it was created, or refuse the update.
            // No request id: of an update that was dropped, the next attempt would be taken for the same.
            ..Default::default()
        };
        let mut service = self.service();
        match spans::of_schedule("UpdateSchedule", &wanted.id, async {
            in_time(service.update_schedule(within(DEADLINE, request))).await
        })
        .await
        {
            Err(failure) if failure.detail.contains("conflict token") => Ok(()),
            updated => updated.map(|_| ()).map_err(|failure| refused(&wanted.id, failure)),
        }
    }
}

fn is_so(wanted: &NewSchedule, described: &DescribeScheduleResponse) -> bool {
    let action = described.schedule.as_ref().and_then(|schedule| schedule.action.as_ref());
    let made_by = ours(started(action).and_then(|start| start.memo.as_ref()), "request_id");
    made_by.as_ref() == Some(&wanted.request_id)
}

fn changed(mut schedule: ps::Schedule, wanted: &NewSchedule) -> ps::Schedule {
    schedule.spec = Some(spec(wanted));
    let action = schedule.action.as_mut().and_then(|action| action.action.as_mut());
    if let Some(ps::schedule_action::Action::StartWorkflow(start)) = action {
        start.input = arguments(&wanted.args);
        start.memo = Some(memo_of_runs(wanted));
    }
    schedule
}
