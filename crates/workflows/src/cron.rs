//! The lab's workflow: gathers a few messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalbox_proto::names::lab;
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, select,
};

use crate::arguments::{self, Unreadable};
use crate::inbox::Inbox;
use crate::moment::Moment;

/// A run ends when it holds this many messages.
const ENOUGH: usize = 5;
/// A run ends when it is this old.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a [`CronWorkflow`] returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronResult {
    /// Its input.
    pub task: String,
    /// How many messages it took.
    pub messages_processed: usize,
    /// The messages, in the order in which they came.
    pub messages: Vec<String>,
    /// When it ended: RFC 3339, UTC.
    pub completed_at: String,
}

/// Answer to the queries `progress` and `state` of a [`CronWorkflow`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronProgress {
    /// Its input.
    pub task: String,
    /// The messages so far.
    pub messages: Vec<String>,
    /// How many messages it took so far.
    pub messages_processed: usize,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Signals that could not be read, or for which there was no room.
    pub rejected: u64,
}

/// `CronWorkflow(task_name)`: gathers the texts of `add_message` until `stop_processing`, until it has five, or
/// for 30 seconds, whichever comes first.
#[workflow]
pub struct CronWorkflow {
    task: Result<String, Unreadable>,
    inbox: Inbox,
    stopping: bool,
}

#[workflow_methods]
impl CronWorkflow {
    /// Takes the name of the task.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: RawValue) -> Self {
        Self { task: arguments::text(&input), inbox: Inbox::default(), stopping: false }
    }

    /// Waits for one of the three ends.
    #[run(name = lab::CRON_WORKFLOW)]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<CronResult> {
        let task = ctx.state(|s| s.task.clone())?;
        select! {
            woke = ctx.wait_condition(|s| s.stopping || s.inbox.len() >= ENOUGH) => woke?,
            _ = ctx.timer(PATIENCE) => {}
        }
        // More than enough when they came together: each was accepted, so each is returned.
        let messages = ctx.state(|s| s.inbox.texts());
        let completed_at = Moment::of(ctx.workflow_time()).to_rfc3339();
        Ok(CronResult { task, messages_processed: messages.len(), messages, completed_at })
    }

    /// Takes one text.
    #[signal(name = lab::ADD_MESSAGE)]
    pub fn add_message(&mut self, ctx: &mut SyncWorkflowContext<Self>, message: RawValue) {
        self.inbox.receive(&message, Moment::of(ctx.workflow_time()));
    }

    /// Ends the run, whatever its arguments.
    #[signal(name = lab::STOP_PROCESSING)]
    pub fn stop_processing(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _arguments: RawValue) {
        self.stopping = true;
    }

    /// How far it is, whatever its arguments.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> CronProgress {
        self.report()
    }

    /// The same as `progress`.
    #[query]
    pub fn state(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> CronProgress {
        self.report()
    }
}

impl CronWorkflow {
    fn report(&self) -> CronProgress {
        let messages = self.inbox.texts();
        CronProgress {
            task: self.task.clone().unwrap_or_default(),
            messages_processed: messages.len(),
            messages,
            stopping: self.stopping,
            rejected: self.inbox.rejected(),
        }
    }
}
