//! Carrying out one command: one file a kind of action.

mod attempt;
mod end;
mod query;
mod signal;
mod signal_all;
mod signal_limit;
mod start;
mod update;

use signalbox_domain::{Action, Command, JsonText, TraceContext, WorkflowAction};
use temporalio_client::tonic::Status;

pub(crate) use attempt::Attempt;
pub(crate) use signal_limit::SignalCounts;
pub(crate) use start::{origin_memo, priority, retry_policy, trigger};

use crate::{Failure, Temporal, connect::DEADLINE, spans};

/// A command that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The run; empty where Temporal does not say, which is for a signal, and where it is about none.
    pub run_id: String,
    /// Whether the effect had happened before, or an open run was used instead of a new one.
    pub deduplicated: bool,
    /// The answer of a query, or what an update returned.
    pub result: Option<JsonText>,
    /// How many workflows were signalled, if it was about several.
    pub workflows: u32,
}

impl Accepted {
    /// By this run.
    pub(crate) fn by(run_id: impl Into<String>) -> Self {
        Self { run_id: run_id.into(), ..Self::default() }
    }

    /// By this run, at an earlier attempt.
    pub(crate) fn earlier(run_id: impl Into<String>) -> Self {
        Self { deduplicated: true, ..Self::by(run_id) }
    }
}

impl Temporal {
    /// Carries out a command on workflows, once. A command that may have been tried before (`repeated`) is resolved
    /// first, because Temporal's own deduplication ends with the run.
    ///
    /// # Errors
    /// [`Failure`] says whether to try again; then `repeated` is true.
    pub async fn execute(&self, command: &Command, repeated: bool) -> Result<Accepted, Failure> {
        let span = spans::attempt(command);
        let answer = span.around(self.attempt(command, repeated, span.context())).await;
        spans::answered(span, &answer);
        answer
    }

    async fn attempt(
        &self,
        command: &Command,
        repeated: bool,
        trace: TraceContext,
    ) -> Result<Accepted, Failure> {
        let (id, action) = match &command.action {
            Action::Workflow(id, action) => (id, action),
            Action::SignalAll(all) => return self.signal_all(command, all, &trace).await,
            other => return Err(Failure::unsupported(other.kind())),
        };
        let attempt = Attempt { temporal: self, command, id, action, trace, repeated };
        match action {
            WorkflowAction::Start(start) => attempt.start(start).await,
            WorkflowAction::Signal(signal) => attempt.signal(signal).await,
            WorkflowAction::SignalWithStart(start, signal) => attempt.signal_with_start(start, signal).await,
            WorkflowAction::Update(update) => attempt.update(update).await,
            WorkflowAction::UpdateWithStart(start, update) => attempt.update_with_start(start, update).await,
            WorkflowAction::Query(query) => attempt.query(query).await,
            WorkflowAction::Cancel { reason } => attempt.cancel(reason).await,
            WorkflowAction::Terminate { reason } => attempt.terminate(reason).await,
        }
    }
}

/// The deadline in the request is the server's; this one holds when the server is gone.
pub(crate) async fn in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
    Ok(answered_in_time(call).await?)
}

/// The same, with the status as it came.
pub(crate) async fn answered_in_time<T>(call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let over = |_| Status::deadline_exceeded("Temporal did not answer in time");
    tokio::time::timeout(DEADLINE, call).await.map_err(over)?
}
