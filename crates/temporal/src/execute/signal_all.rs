//! Signals to all open workflows that a query finds.

use chrono::SecondsFormat;
use futures::{StreamExt, TryStreamExt, stream};
use signalbox_domain::{Command, Reason, SignalAll, TraceContext};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;

use super::Accepted;
use crate::{Failure, Temporal};

/// Signals under way at once.
const AT_ONCE: usize = 16;

impl Temporal {
    /// Signals the runs that the query finds, that had started when the command was accepted and are open now. So a
    /// repetition reaches nobody who was not meant the first time: a run that has started since, also one that
    /// continues another, is left alone, and each other run swallows a signal that it has. What Temporal's index does
    /// not know yet is not found.
    pub(super) async fn signal_all(
        &self,
        command: &Command,
        all: &SignalAll,
        trace: &TraceContext,
    ) -> Result<Accepted, Failure> {
        let query = open_since(command, all);
        let limit = all.limit.min(SignalAll::MAX_LIMIT);
        let Some(runs) = self.runs(&query, limit as usize).await? else {
            return Err(too_many(self.count(&query).await?, limit));
        };
        let signalled = stream::iter(runs)
            .map(|run| self.signal_one(command, all, trace, run))
            .buffer_unordered(AT_ONCE)
            .try_fold(0, async |sum, signalled| Ok(sum + u32::from(signalled)));
        Ok(Accepted { workflows: signalled.await?, ..Accepted::default() })
    }

    /// Whether it is signalled; it may have closed meanwhile.
    async fn signal_one(
        &self,
        command: &Command,
        all: &SignalAll,
        trace: &TraceContext,
        run: WorkflowExecution,
    ) -> Result<bool, Failure> {
        let key = command.effect_key.of_run(&run.workflow_id, &run.run_id);
        match self.signal(run, &key, &all.signal, trace).await {
            Ok(()) => Ok(true),
            Err(failure) if failure.reason == Reason::WorkflowNotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

fn open_since(command: &Command, all: &SignalAll) -> String {
    let accepted_at = command.accepted_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("({}) AND ExecutionStatus = 'Running' AND StartTime <= '{accepted_at}'", all.query)
}

fn too_many(found: i64, limit: u32) -> Failure {
    let detail = format!("{found} workflows are found, more than {limit}; none is signalled");
    Failure::permanent(Reason::TooManyWorkflows, detail)
}
