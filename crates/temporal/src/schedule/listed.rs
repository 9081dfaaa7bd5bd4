//! Temporal's list of schedules, which is a little behind.

use signalbox_proto::v1::ScheduleView;
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    schedule::v1 as ps, workflowservice::v1::ListSchedulesRequest,
};

use super::{NewSchedule, ScheduleError, declared, described::recent, fields::Fields, ours, wire};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    time::timestamp,
};

/// Schedules that are asked for together; servers give 1000 at most, and no message of more than 4 MB.
const PAGE: i32 = 500;

/// The list has no more than so many calendars or intervals of a schedule.
const LISTED: usize = 10;

/// A schedule as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// For people. `cron` and `time_zone` are those with which it was made, empty if that was not here.
    pub view: ScheduleView,
    /// The hash of what it was declared to be; `None` of one that no route set declares.
    pub declared: Option<String>,
    spec: ps::ScheduleSpec,
}

impl Temporal {
    /// All schedules.
    ///
    /// # Errors
    /// [`ScheduleError::Away`].
    pub async fn schedules(&self) -> Result<Vec<Listed>, ScheduleError> {
        let mut all = Vec::new();
        let mut next_page_token = Vec::new();
        loop {
            let request = ListSchedulesRequest {
                namespace: self.client.namespace(),
                maximum_page_size: PAGE,
                next_page_token,
                ..Default::default()
            };
            let mut service = self.service();
            let listed = in_time(service.list_schedules(within(DEADLINE, request))).await;
            let page = listed.map_err(|failure| ScheduleError::Away(failure.detail))?.into_inner();
            all.extend(page.schedules.into_iter().map(Listed::from));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            next_page_token = page.next_page_token;
        }
    }
}

impl Listed {
    /// Whether it is as declared, as far as the list tells.
    pub fn seems(&self, wanted: &NewSchedule) -> bool {
        self.declared == wanted.declared
            && wanted.paused.is_none_or(|paused| paused == self.view.paused)
            && Fields::of_spec(&self.spec) == Fields::of_spec(&shortened(wire::spec(&wanted.specification)))
    }
}

fn shortened(mut spec: ps::ScheduleSpec) -> ps::ScheduleSpec {
    spec.structured_calendar.truncate(LISTED);
    spec.interval.truncate(LISTED);
    spec.exclude_structured_calendar.truncate(LISTED);
    spec
}

impl From<ps::ScheduleListEntry> for Listed {
    fn from(entry: ps::ScheduleListEntry) -> Self {
        let text = |name: &str| ours(entry.memo.as_ref(), name).unwrap_or_default();
        let declared = declared(entry.search_attributes.as_ref());
        let info = entry.info.unwrap_or_default();
        let view = ScheduleView {
            cron: text("cron"),
            time_zone: text("time_zone"),
            declaration: text("declaration"),
            schedule_id: entry.schedule_id,
            next_runs: info.future_action_times.into_iter().filter_map(timestamp).collect(),
            paused: info.paused,
            workflow_type: info.workflow_type.unwrap_or_default().name,
            recent_runs: info.recent_actions.into_iter().filter_map(recent).collect(),
            note: if info.paused { info.notes } else { String::new() },
            declared: declared.is_some(),
            ..Default::default()
        };
        Self { view, declared, spec: shortened(info.spec.unwrap_or_default()) }
    }
}
