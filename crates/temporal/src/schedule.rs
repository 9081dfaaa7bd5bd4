//! Temporal Schedules, by raw calls: the high-level ones set neither memo nor search attributes.

mod change;
mod described;
mod fields;
mod listed;
mod patch;
mod run;
mod wire;

pub use change::Changes;
pub use described::Described;
pub use listed::Listed;
pub use patch::SchedulePatch;
pub use run::OtherRun;
use serde_json::Value;
use signalbox_domain::{ScheduleId, Start};
use signalbox_proto::names::search_attribute;
use signalbox_schedules::{Policies, Specification};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, SearchAttributes},
    schedule::v1 as ps,
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::{CreateScheduleRequest, DeleteScheduleRequest},
};

use crate::{
    Failure, Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::{keyword, to_json},
    spans,
};

/// The memo field in which a schedule of ours, and what it starts, keeps what Temporal forgets: its source text.
const MEMO: &str = "signalbox";

/// A schedule to make, or what one is to become.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSchedule {
    /// Its id.
    pub id: ScheduleId,
    /// Of the call that wants it so. The same id again makes no second schedule.
    pub request_id: String,
    /// When it runs.
    pub specification: Specification,
    /// What it does besides.
    pub policies: Policies,
    /// How many runs it has at most.
    pub runs: Option<u64>,
    /// Whether it is paused. If that is not said, it is made unpaused, and whoever pauses it later may.
    pub paused: Option<bool>,
    /// For people.
    pub note: String,
    /// What each run starts.
    pub start: Start,
    /// Temporal appends the time of the run to it.
    pub workflow_id: String,
    /// As its author wrote it.
    pub source: Source,
    /// The hash of what a route set declares it to be, if one does. Whatever has none is left alone by reconciling.
    pub declared: Option<String>,
}

/// What a schedule was made of, in its author's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The cron expression, if it was made of one.
    pub cron: String,
    /// IANA name.
    pub time_zone: String,
    /// The declaration, if it was made of one.
    pub declaration: String,
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
    /// Others change it all the time, or Temporal keeps it otherwise than it is told.
    #[error("the schedule `{id}` does not stay as it is made: {}", differences.join("; "))]
    Unsettled {
        /// Its id.
        id: ScheduleId,
        /// How it differed at last.
        differences: Vec<String>,
    },
    /// Temporal is away or busy.
    #[error("Temporal does not answer now: {0}")]
    Away(String),
}

impl Temporal {
    /// Makes a schedule, whole, at once.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub async fn create_schedule(&self, new: &NewSchedule) -> Result<(), ScheduleError> {
        let request = CreateScheduleRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            schedule_id: new.id.to_string(),
            request_id: new.request_id.clone(),
            schedule: Some(wire::schedule(new).map_err(|failure| refused(&new.id, failure))?),
            memo: Some(wire::memo_of_schedule(&new.source)),
            search_attributes: new.declared.as_ref().map(|hash| keyword(search_attribute::DECLARED, hash)),
            ..Default::default()
        };
        let mut service = self.service();
        let created = spans::of_schedule("CreateSchedule", &new.id, async {
            in_time(service.create_schedule(within(DEADLINE, request))).await
        })
        .await;
        created.map(|_| ()).map_err(|failure| refused(&new.id, failure))
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

fn declared(attributes: Option<&SearchAttributes>) -> Option<String> {
    let hash = to_json(attributes?.indexed_fields.get(search_attribute::DECLARED)?);
    hash.as_str().map(str::to_owned)
}
