//! Finding out whether an attempt whose answer was lost had its effect.
//!
//! Temporal knows a request again within a run, for as long as that run is the current one. A workflow id may have
//! had other runs since: the one that had the effect has closed, or was continued as new, and the next would have it
//! again. So before a command is repeated, its workflow's runs since the command was accepted are asked: the current
//! one by its description, earlier ones by what the effect leaves in their histories. If none had it, the command is
//! for the run that is open now and no other; should that close meanwhile, the attempt fails and the next asks anew.

mod history;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use signalbox_domain::{ConflictPolicy, Reason, Start, WorkflowAction};
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
};

use crate::{
    Failure,
    connect::{DEADLINE, within},
    execute::{Attempt, in_time},
    time::utc,
};

/// By how much the clock of whoever accepted the command may be ahead of Temporal's.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// Temporal's index of runs learns of one within this, as a rule, and not always in the order of their starts.
const INDEX_SETTLES: Duration = Duration::from_secs(1);

/// More runs of one workflow since a command was accepted are not looked through.
const MOST_RUNS: usize = 1000;

/// Where a command stands that is about to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It had its effect already, in this run.
    Done(String),
    /// It may have been tried, but had no effect, or one that this run knows of; the run is open.
    Open(String),
    /// It was not tried before, or had no effect and no run is open.
    Clear,
}

struct Run {
    id: String,
    start: Option<DateTime<Utc>>,
    close: Option<DateTime<Utc>>,
    /// Whether this command started it.
    ours: bool,
}

impl Attempt<'_> {
    /// Where the command stands.
    pub(crate) async fn standing(&self) -> Result<Standing, Failure> {
        if !self.repeated {
            return Ok(Standing::Clear);
        }
        let since = self.command.accepted_at - CLOCKS_DIFFER;
        let Some(latest) = self.run("").await? else { return Ok(Standing::Clear) };
        if latest.ours && !matches!(self.action, WorkflowAction::UpdateWithStart(..)) {
            return Ok(Standing::Done(latest.id));
        }
        if let Some(close) = latest.close {
            if close < since {
                return Ok(Standing::Clear);
            }
            if self.had_by(&latest, since).await? {
                return Ok(Standing::Done(latest.id));
            }
        }
        // Earlier runs had closed before this one started.
        let alone = latest.ours || latest.start.is_some_and(|start| start < since);
        if !alone && let Some(run) = self.earlier_at_last(&latest, since).await? {
            return Ok(Standing::Done(run));
        }
        Ok(if latest.close.is_none() { Standing::Open(latest.id) } else { Standing::Clear })
    }

    /// The run before the latest in which the command had its effect. That there is none is believed when it is found
    /// twice.
    async fn earlier_at_last(&self, latest: &Run, since: DateTime<Utc>) -> Result<Option<String>, Failure> {
        if let Some(run) = self.earlier(latest, since).await? {
            return Ok(Some(run));
        }
        tokio::time::sleep(INDEX_SETTLES).await;
        self.earlier(latest, since).await
    }

    async fn earlier(&self, latest: &Run, since: DateTime<Utc>) -> Result<Option<String>, Failure> {
        let found = self.temporal.runs(&query(self.id.as_str(), since), MOST_RUNS).await?;
        let runs = found.ok_or_else(too_many)?.into_iter().filter(|run| run.workflow_id == self.id.as_str());
        let runs: Vec<_> = runs.map(|run| run.run_id).collect();
        // It learns of runs about in the order of their starts: what it does not know yet may be the one.
        if !runs.contains(&latest.id) {
            return Err(behind());
        }
        for id in runs.iter().filter(|id| **id != latest.id) {
            if let Some(run) = self.run(id).await?
                && self.had_by(&run, since).await?
            {
                return Ok(Some(run.id));
            }
        }
        Ok(None)
    }

    /// Whether a run that has closed had the effect.
    async fn had_by(&self, run: &Run, since: DateTime<Utc>) -> Result<bool, Failure> {
        match self.action {
            WorkflowAction::Start(start) => Ok(run.ours || self.was_there_for(start, run)),
            WorkflowAction::SignalWithStart(..) if run.ours => Ok(true),
            WorkflowAction::UpdateWithStart(..) if run.ours => match self.left_in(run, since).await? {
                true => Ok(true),
                false => Err(closed_without_update()),
            },
            _ => self.left_in(run, since).await,
        }
    }

    /// Whether a start could use the run. That leaves nothing behind; but it asks for no more than a run that is open
    /// once it was accepted, and this one was.
    fn was_there_for(&self, start: &Start, run: &Run) -> bool {
        let since = self.command.accepted_at;
        start.conflict_policy == ConflictPolicy::UseExisting && run.close.is_some_and(|close| close >= since)
    }

    /// Whether a run that is open had the effect already.
    pub(crate) async fn is_in(&self, run_id: &str) -> Result<bool, Failure> {
        let run = Run { id: run_id.to_owned(), start: None, close: None, ours: false };
        self.left_in(&run, self.command.accepted_at - CLOCKS_DIFFER).await
    }

    /// A run; without an id, the latest.
    async fn run(&self, run_id: &str) -> Result<Option<Run>, Failure> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.namespace(),
            execution: self.execution(run_id),
        };
        let mut service = self.temporal.service();
        match in_time(service.describe_workflow_execution(within(DEADLINE, request))).await {
            Ok(described) => Ok(Run::of(described.into_inner(), self.key().as_str())),
            Err(failure) if failure.reason == Reason::WorkflowNotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

impl Run {
    fn of(described: DescribeWorkflowExecutionResponse, request_id: &str) -> Option<Self> {
        let info = described.workflow_execution_info?;
        let requests = described.workflow_extended_info.map(|info| info.request_id_infos).unwrap_or_default();
        Some(Self {
            id: info.execution?.run_id,
            start: info.start_time.and_then(utc),
            close: info.close_time.and_then(utc),
            ours: requests.contains_key(request_id),
        })
    }
}

/// All runs of a workflow that were open at some time since.
fn query(workflow_id: &str, since: DateTime<Utc>) -> String {
    let since = since.to_rfc3339_opts(SecondsFormat::Micros, true);
    let open = format!("(CloseTime >= '{since}' OR CloseTime IS NULL)");
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    // No text finds an id with `"` or `\`, however it is written. What begins the same is found and sorted out.
    match workflow_id.split_once(['"', '\\']) {
        None => format!("WorkflowId = {} AND {open}", quoted(workflow_id)),
        Some(("", _)) => open,
        Some((beginning, _)) => format!("WorkflowId STARTS_WITH {} AND {open}", quoted(beginning)),
    }
}

fn too_many() -> Failure {
    let detail = format!(
        "it may have had its effect: more than {MOST_RUNS} runs since it was accepted would have to be looked through"
    );
    Failure::permanent(Reason::Refused, detail)
}

fn behind() -> Failure {
    Failure::transient("it may have had its effect, and Temporal's index of runs is behind")
}

fn closed_without_update() -> Failure {
    let detail = "the run that it started has closed before it took the update";
    Failure::permanent(Reason::WorkflowNotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_within_its_quotes() {
        let of = |id: &str| {
            let query = query(id, DateTime::UNIX_EPOCH);
            query.split(" AND (").next().unwrap_or_default().to_owned()
        };
        assert_eq!(of("order-7"), "WorkflowId = 'order-7'");
        assert_eq!(of("it's"), "WorkflowId = 'it''s'");
        assert_eq!(of(r#"it's "7""#), "WorkflowId STARTS_WITH 'it''s '");
        assert_eq!(of(r"\' OR ''='"), "(CloseTime >= '1970-01-01T00:00:00.000000Z' OR CloseTime IS NULL)");
    }
}
