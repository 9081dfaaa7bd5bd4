//! One run of a schedule with other arguments, which Temporal's own trigger cannot give it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use signalbox_domain::{JsonText, ScheduleId};
use temporalio_client::NamespacedClient;
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, SearchAttributes},
    enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    workflow::v1::NewWorkflowExecutionInfo,
    workflowservice::v1::StartWorkflowExecutionRequest,
};

use super::{Described, MEMO, ScheduleError, ours, refused};
use crate::{
    Temporal,
    connect::{DEADLINE, within},
    execute::in_time,
    payload::{arguments, json_payload, keyword, memo, to_json},
    spans,
};

/// The search attributes by which Temporal's own runs of a schedule are found.
const SCHEDULED_BY: &str = "TemporalScheduledById";
const SCHEDULED_AT: &str = "TemporalScheduledStartTime";

/// The field of a run's memo that says which call triggered it.
const TRIGGERED_BY: &str = "triggered_by";

/// How long a call is known again.
const KNOWN: TimeDelta = TimeDelta::hours(1);

/// More runs within that time are not looked through.
const MOST_RUNS: usize = 5000;
const PAGE: i32 = 500;

/// One run of a schedule, otherwise than it would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRun {
    /// It is named after this second.
    pub second: DateTime<Utc>,
    /// With these arguments.
    pub args: Vec<JsonText>,
    /// Of the call that wants it.
    pub request_id: String,
}

impl Temporal {
    /// Starts one run of the schedule as it would start one at that second, but with other arguments.
    ///
    /// # Errors
    /// [`ScheduleError`]; `Exists` when it has a run of that second already.
    pub async fn start_run(&self, described: &Described, run: &OtherRun) -> Result<(), ScheduleError> {
        let Some(start) = described.started() else {
            return Err(ScheduleError::Refused("the schedule starts no workflow".to_owned()));
        };
        let request = StartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            identity: self.client.identity(),
            ..request(&described.id, start.clone(), run)
        };
        let mut service = self.service();
        let started = spans::of_schedule("StartWorkflow", &described.id, async {
            in_time(service.start_workflow_execution(within(DEADLINE, request))).await
        })
        .await;
        started.map(|_| ()).map_err(|failure| refused(&described.id, failure))
    }

    /// The run of the schedule that this call has started within the last hour, as far as Temporal's index knows.
    ///
    /// # Errors
    /// [`ScheduleError::Away`].
    pub async fn run_triggered_by(
        &self,
        id: &ScheduleId,
        request_id: &str,
    ) -> Result<Option<String>, ScheduleError> {
        let query = runs_of(id.as_str(), Utc::now() - KNOWN);
        let (mut looked_through, mut next_page_token) = (0, Vec::new());
        while looked_through < MOST_RUNS {
            let page =
                self.page(&query, PAGE, next_page_token).await.map_err(|failure| refused(id, failure))?;
            looked_through += page.executions.len();
            let mut runs = page.executions.into_iter();
            let found = runs.find(|run| ours(run.memo.as_ref(), TRIGGERED_BY).as_deref() == Some(request_id));
            if let Some(run) = found {
                return Ok(Some(run.execution.unwrap_or_default().workflow_id));
            }
            if page.next_page_token.is_empty() {
                break;
            }
            next_page_token = page.next_page_token;
        }
        Ok(None)
    }
}

/// The runs of a schedule since then, and more.
fn runs_of(id: &str, since: DateTime<Utc>) -> String {
    let since = format!("StartTime >= '{}'", since.to_rfc3339_opts(SecondsFormat::Secs, true));
    // No text finds an id with one of these, however it is written. Which call it was is sorted out by who asks.
    if id.contains(['"', '\\']) {
        return since;
    }
    format!("{SCHEDULED_BY} = '{}' AND {since}", id.replace('\'', "''"))
}

fn request(
    id: &ScheduleId,
    start: NewWorkflowExecutionInfo,
    run: &OtherRun,
) -> StartWorkflowExecutionRequest {
    let second = run.second.to_rfc3339_opts(SecondsFormat::Secs, true);
    StartWorkflowExecutionRequest {
        request_id: format!("trigger:{}", run.request_id),
        workflow_id: format!("{}-{second}", start.workflow_id),
        workflow_type: start.workflow_type,
        task_queue: start.task_queue,
        input: arguments(&run.args),
        workflow_execution_timeout: start.workflow_execution_timeout,
        workflow_run_timeout: start.workflow_run_timeout,
        workflow_task_timeout: start.workflow_task_timeout,
        workflow_id_reuse_policy: WorkflowIdReusePolicy::RejectDuplicate as i32,
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::Fail as i32,
        retry_policy: start.retry_policy,
        memo: Some(noted(start.memo.unwrap_or_default(), &run.request_id)),
        search_attributes: Some(found_by(start.search_attributes.unwrap_or_default(), id, &second)),
        header: start.header,
        user_metadata: start.user_metadata,
        versioning_override: start.versioning_override,
        priority: start.priority,
        ..Default::default()
    }
}

/// The schedule's own memo for its runs, and which call it was.
fn noted(mut own: Memo, request_id: &str) -> Memo {
    let mut fields = match own.fields.get(MEMO).map(to_json) {
        Some(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert(TRIGGERED_BY.to_owned(), request_id.into());
    own.fields.extend(memo([(MEMO, Value::Object(fields))]).fields);
    own
}

fn found_by(mut own: SearchAttributes, id: &ScheduleId, second: &str) -> SearchAttributes {
    own.indexed_fields.extend(keyword(SCHEDULED_BY, id.as_str()).indexed_fields);
    let mut at = json_payload(Value::from(second).to_string());
    at.metadata.insert("type".to_owned(), b"Datetime".to_vec());
    own.indexed_fields.insert(SCHEDULED_AT.to_owned(), at);
    own
}
