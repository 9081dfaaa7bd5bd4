//! What Temporal says of one schedule.

use serde_json::Value;
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{ScheduleView, ScheduledRun};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    enums::v1::ScheduleOverlapPolicy,
    schedule::v1 as ps,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::{DescribeScheduleRequest, DescribeScheduleResponse},
};

use super::{NewSchedule, ScheduleError, declared, fields::Fields, ours, refused, started, wire};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::to_json,
    spans,
    time::timestamp,
};

/// A schedule as Temporal has it.
#[derive(Clone, Debug)]
pub struct Described {
    pub(super) id: ScheduleId,
    pub(super) answer: DescribeScheduleResponse,
}

impl Temporal {
    /// What Temporal has of a schedule.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn describe_schedule(&self, id: &ScheduleId) -> Result<Described, ScheduleError> {
        let request =
            DescribeScheduleRequest { namespace: self.client.namespace(), schedule_id: id.to_string() };
        let mut service = self.service();
        let described = spans::of_schedule("DescribeSchedule", id, async {
            in_time(service.describe_schedule(within(DEADLINE, request))).await
        })
        .await;
        let answer = described.map_err(|failure| refused(id, failure))?.into_inner();
        Ok(Described { id: id.clone(), answer })
    }
}

impl Described {
    /// The hash of what it was declared to be; `None` of one that no route set declares.
    pub fn declared(&self) -> Option<String> {
        declared(self.answer.search_attributes.as_ref())
    }

    /// For people, with up to `next` coming times. `meaning` is left empty.
    pub fn view(&self, next: usize) -> ScheduleView {
        let DescribeScheduleResponse { schedule, info, memo, .. } = self.answer.clone();
        let (schedule, info) = (schedule.unwrap_or_default(), info.unwrap_or_default());
        let state = schedule.state.unwrap_or_default();
        let start = started(schedule.action.as_ref());
        let text = |name: &str| ours(memo.as_ref(), name).unwrap_or_default();
        let (mut cron, mut time_zone) = (text("cron"), text("time_zone"));
        // A change reaches the memo of what it starts, not its own.
        if let Some(changed) = ours(start.and_then(|start| start.memo.as_ref()), "cron") {
            cron = changed;
        }
        if let Some(spec) = schedule.spec.filter(|_| !time_zone.is_empty()) {
            time_zone = spec.timezone_name;
        }
        ScheduleView {
            schedule_id: self.id.to_string(),
            cron,
            time_zone,
            meaning: String::new(),
            next_runs: info.future_action_times.into_iter().take(next).filter_map(timestamp).collect(),
            paused: state.paused,
            workflow_type: start.and_then(|start| start.workflow_type.clone()).unwrap_or_default().name,
            recent_runs: info.recent_actions.into_iter().filter_map(recent).collect(),
            note: if state.paused { state.notes } else { String::new() },
            declaration: text("declaration"),
            declared: self.declared().is_some(),
            runs: info.action_count,
            missed: info.missed_catchup_window,
            skipped: info.overlap_skipped,
            dropped: info.buffer_dropped,
            runs_left: state.limited_actions.then_some(state.remaining_actions),
            running: info.running_workflows.into_iter().map(open).collect(),
            drift: Vec::new(),
        }
    }

    /// How it differs from what is wanted, field by field, in words for people. Whether it is paused counts if that is
    /// declared, and so does the note then; how many runs are left changes by itself.
    ///
    /// # Errors
    /// When Temporal could not be told of what is wanted.
    pub fn differences(&self, wanted: &NewSchedule) -> Result<Vec<String>, ScheduleError> {
        let of_wanted = wire::schedule(wanted).map_err(|failure| refused(&wanted.id, failure))?;
        let found = self.answer.schedule.clone().unwrap_or_default();
        let mut differences = Fields::of(&of_wanted).differences(&Fields::of(&found));
        let state = found.state.unwrap_or_default();
        if let Some(paused) = wanted.paused {
            if paused != state.paused {
                differences.push(format!("paused: {paused}, Temporal has {}", state.paused));
            }
            if wanted.note != state.notes {
                differences.push(format!("note: {:?}, Temporal has {:?}", wanted.note, state.notes));
            }
        }
        if self.wanted_by("declared") != wanted.declared {
            let why = if self.declared() == wanted.declared {
                "memo.signalbox: Temporal has another one"
            } else {
                "declaration: it was another one"
            };
            differences.push(why.to_owned());
        }
        Ok(differences)
    }

    /// Whether its runs follow each other rather than run side by side.
    pub fn runs_in_turn(&self) -> bool {
        let policies = self.answer.schedule.as_ref().and_then(|schedule| schedule.policies.as_ref());
        policies.is_some_and(|policies| {
            matches!(
                policies.overlap_policy(),
                ScheduleOverlapPolicy::BufferOne | ScheduleOverlapPolicy::BufferAll
            )
        })
    }

    /// The type of the workflow that its runs start; empty if they start none.
    pub fn workflow_type(&self) -> &str {
        self.started().and_then(|start| start.workflow_type.as_ref()).map_or("", |kind| &kind.name)
    }

    /// The arguments that they start it with.
    pub fn args(&self) -> Vec<Value> {
        let input = self.started().and_then(|start| start.input.as_ref());
        input.iter().flat_map(|input| &input.payloads).map(to_json).collect()
    }

    /// The workflow that its runs start.
    pub(super) fn started(&self) -> Option<&NewWorkflowExecutionInfo> {
        started(self.answer.schedule.as_ref().and_then(|schedule| schedule.action.as_ref()))
    }

    /// What the memo of its runs has: the call, or the declaration, that wanted it so. Unlike the search attribute it is
    /// another one as soon as the schedule is.
    pub(super) fn wanted_by(&self, name: &str) -> Option<String> {
        ours(self.started().and_then(|start| start.memo.as_ref()), name)
    }
}

pub(super) fn recent(action: ps::ScheduleActionResult) -> Option<ScheduledRun> {
    let run = action.start_workflow_result?;
    Some(ScheduledRun { scheduled_at: action.schedule_time.and_then(timestamp), ..open(run) })
}

fn open(run: temporalio_common::protos::temporal::api::common::v1::WorkflowExecution) -> ScheduledRun {
    ScheduledRun { workflow_id: run.workflow_id, run_id: run.run_id, scheduled_at: None }
}
