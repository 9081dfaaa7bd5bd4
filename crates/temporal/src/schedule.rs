//! Temporal Schedules, by raw calls: the high-level ones set neither memo nor search attributes.

mod change;
mod patch;

use std::time::Duration;

pub use patch::SchedulePatch;
use serde_json::{Value, json};
use signalbox_domain::{JsonText, ScheduleId};
use signalbox_proto::{
    names::search_attribute,
    v1::{ScheduleView, ScheduledRun},
};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, WorkflowType},
    enums::v1::{ScheduleOverlapPolicy, TaskQueueKind},
    schedule::v1 as ps,
    taskqueue::v1::TaskQueue,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::{
        CreateScheduleRequest, DeleteScheduleRequest, DescribeScheduleRequest, DescribeScheduleResponse,
        ListSchedulesRequest,
    },
};

use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::{arguments, keyword, memo, to_json},
    spans,
    time::timestamp,
};

/// The memo field in which a schedule of ours, and what it starts, keeps what Temporal forgets: its source text.
const MEMO: &str = "signalbox";

/// A schedule to make, or what one is to become.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// Its id.
    pub id: ScheduleId,
    /// Of the call that wants it so. The same id again makes no second schedule.
    pub request_id: String,
    /// As its author wrote it.
    pub cron: String,
    /// As Temporal reads it.
    pub temporal_cron: Vec<String>,
    /// IANA name.
    pub time_zone: String,
    /// Type of the workflow that each run starts.
    pub workflow_type: String,
    /// Its task queue.
    pub task_queue: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
    /// Temporal appends the time of the run to it.
    pub workflow_id: String,
}

/// Why a call on a schedule was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The id is taken.
    #[error("a schedule with the id `{0}` exists already")]
    Exists(ScheduleId),
    /// No schedule has that id.
    #[error("no schedule has the id `{0}`")]
    NotFound(ScheduleId),
    /// Temporal does not take it.
    #[error("Temporal does not take the schedule: {0}")]
    Refused(String),
    /// Temporal is away or busy.
    #[error("Temporal does not answer now: {0}")]
    Away(String),
}

impl Temporal {
    /// Makes a schedule. Runs overlap freely and each has an id of its own.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn create_schedule(&self, new: &NewSchedule) -> Result<(), ScheduleError> {
        let request = CreateScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: new.id.to_string(),
            request_id: new.request_id.clone(),
            schedule: Some(schedule(new)),
            memo: Some(memo([(MEMO, json!({ "cron": new.cron, "time_zone": new.time_zone }))])),
            ..Default::default()
        };
        let mut service = self.service();
        let created = spans::of_schedule("CreateSchedule", &new.id, async {
            in_time(service.create_schedule(within(DEADLINE, request))).await
        })
        .await;
        created.map(|_| ()).map_err(|failure| refused(&new.id, failure))
    }

    /// What Temporal has of a schedule, with up to `next` coming times. `meaning` is left empty.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn describe_schedule(
        &self,
        id: &ScheduleId,
        next: usize,
    ) -> Result<ScheduleView, ScheduleError> {
        let described = self.described(id).await?;
        let info = described.info.unwrap_or_default();
        let (mut cron, mut time_zone) = source(described.memo.as_ref());
        let schedule = described.schedule.unwrap_or_default();
        let state = schedule.state.unwrap_or_default();
        let start = started(schedule.action.as_ref());
        // A change reaches the memo of what it starts, not its own.
        if let (Some(spec), Some(text)) =
            (schedule.spec, ours(start.and_then(|start| start.memo.as_ref()), "cron"))
        {
            (cron, time_zone) = (text, spec.timezone_name);
        }
        Ok(ScheduleView {
            schedule_id: id.to_string(),
            cron,
            time_zone,
            meaning: String::new(),
            next_runs: info.future_action_times.into_iter().take(next).filter_map(timestamp).collect(),
            paused: state.paused,
            workflow_type: start.and_then(|start| start.workflow_type.clone()).unwrap_or_default().name,
            recent_runs: info.recent_actions.into_iter().filter_map(recent).collect(),
            note: if state.paused { state.notes } else { String::new() },
            ..Default::default()
        })
    }

    async fn described(&self, id: &ScheduleId) -> Result<DescribeScheduleResponse, ScheduleError> {
        let request =
            DescribeScheduleRequest { namespace: self.client.namespace(), schedule_id: id.to_string() };
        let mut service = self.service();
        let described = spans::of_schedule("DescribeSchedule", id, async {
            in_time(service.describe_schedule(within(DEADLINE, request))).await
        })
        .await;
        described.map(|answer| answer.into_inner()).map_err(|failure| refused(id, failure))
    }

    /// All schedules. `cron` and `time_zone` are those with which they were made, empty if that was not here.
    ///
    /// # Errors
    /// [`ScheduleError::Away`].
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, ScheduleError> {
        let mut views = Vec::new();
        let mut next_page_token = Vec::new();
        loop {
            let request = ListSchedulesRequest {
                namespace: self.client.namespace(),
                maximum_page_size: 200,
                next_page_token,
                ..Default::default()
            };
            let mut service = self.service();
            let listed = in_time(service.list_schedules(within(DEADLINE, request))).await;
            let page = listed.map_err(|failure| ScheduleError::Away(failure.detail))?.into_inner();
            views.extend(page.schedules.into_iter().map(entry));
            if page.next_page_token.is_empty() {
                return Ok(views);
            }
            next_page_token = page.next_page_token;
        }
    }

    /// Deletes a schedule; its runs go on.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn delete_schedule(&self, id: &ScheduleId) -> Result<(), ScheduleError> {
        let request = DeleteScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: id.to_string(),
        };
        let mut service = self.service();
        let deleted = spans::of_schedule("DeleteSchedule", id, async {
            in_time(service.delete_schedule(within(DEADLINE, request))).await
        })
        .await;
        deleted.map(|_| ()).map_err(|failure| refused(id, failure))
    }
}

fn schedule(new: &NewSchedule) -> ps::Schedule {
    let start = NewWorkflowExecutionInfo {
        workflow_id: new.workflow_id.clone(),
        workflow_type: Some(WorkflowType { name: new.workflow_type.clone() }),
        task_queue: Some(TaskQueue {
            name: new.task_queue.clone(),
            kind: TaskQueueKind::Normal as i32,
            ..Default::default()
        }),
        input: arguments(&new.args),
        memo: Some(memo_of_runs(new)),
        search_attributes: Some(keyword(search_attribute::TRIGGER, "schedule")),
        ..Default::default()
    };
    ps::Schedule {
        spec: Some(spec(new)),
        action: Some(ps::ScheduleAction { action: Some(ps::schedule_action::Action::StartWorkflow(start)) }),
        policies: Some(ps::SchedulePolicies {
            overlap_policy: ScheduleOverlapPolicy::AllowAll as i32,
            // After an outage, what was missed in the last minute is made up for, not a year of it.
            catchup_window: Duration::from_secs(60).try_into().ok(),
            ..Default::default()
        }),
        state: None,
    }
}

fn spec(new: &NewSchedule) -> ps::ScheduleSpec {
    ps::ScheduleSpec {
        cron_string: new.temporal_cron.clone(),
        timezone_name: new.time_zone.clone(),
        ..Default::default()
    }
}

/// Tells a run, and whoever describes the schedule, which call wanted it so.
fn memo_of_runs(new: &NewSchedule) -> Memo {
    let fields = json!({ "schedule_id": new.id.as_str(), "cron": new.cron, "request_id": new.request_id });
    memo([(MEMO, fields)])
}

fn started(action: Option<&ps::ScheduleAction>) -> Option<&NewWorkflowExecutionInfo> {
    let ps::schedule_action::Action::StartWorkflow(start) = action?.action.as_ref()?;
    Some(start)
}

fn refused(id: &ScheduleId, failure: Failure) -> ScheduleError {
    use signalbox_domain::{Fault, Reason};
    match (failure.fault, failure.reason) {
        (Fault::Transient, _) => ScheduleError::Away(failure.detail),
        (_, Reason::WorkflowRunning) => ScheduleError::Exists(id.clone()),
        (_, Reason::WorkflowNotFound) => ScheduleError::NotFound(id.clone()),
        _ => ScheduleError::Refused(failure.detail),
    }
}

fn ours(memo: Option<&Memo>, name: &str) -> Option<String> {
    let fields = to_json(memo?.fields.get(MEMO)?);
    fields.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn source(memo: Option<&Memo>) -> (String, String) {
    let text = |name: &str| ours(memo, name).unwrap_or_default();
    (text("cron"), text("time_zone"))
}

fn recent(action: ps::ScheduleActionResult) -> Option<ScheduledRun> {
    let run = action.start_workflow_result?;
    Some(ScheduledRun {
        workflow_id: run.workflow_id,
        run_id: run.run_id,
        scheduled_at: action.schedule_time.and_then(timestamp),
    })
}

fn entry(listed: ps::ScheduleListEntry) -> ScheduleView {
    let (cron, time_zone) = source(listed.memo.as_ref());
    let info = listed.info.unwrap_or_default();
    ScheduleView {
        schedule_id: listed.schedule_id,
        cron,
        time_zone,
        meaning: String::new(),
        next_runs: info.future_action_times.into_iter().filter_map(timestamp).collect(),
        paused: info.paused,
        workflow_type: info.workflow_type.unwrap_or_default().name,
        recent_runs: info.recent_actions.into_iter().filter_map(recent).collect(),
        note: if info.paused { info.notes } else { String::new() },
        ..Default::default()
    }
}
