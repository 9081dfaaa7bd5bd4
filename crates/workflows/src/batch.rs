//! Messages in batches, for weeks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalbox_proto::names::lab;
use temporalio_common::data_converters::RawValue;
use temporalio_common::{ActivityDefinition, RetryPolicy};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView,
    WorkflowResult, WorkflowTermination, select,
};

use crate::arguments::{self, Unreadable};
use crate::inbox::{Inbox, MAX_MESSAGES, Message};
use crate::moment::Moment;
use crate::trace::{TRACE_HEADER, Traceparent};

/// Longest `max_wait_seconds`: thirty days.
const LONGEST_WAIT_SECONDS: u64 = 30 * 24 * 60 * 60;
/// How long one attempt at a batch may take.
const ATTEMPT: Duration = Duration::from_secs(5 * 60);
/// How many traces a batch tells of: as many as a span can link to (OpenTelemetry specification, Span Limits).
const MAX_TRACES: usize = 128;
/// Longest pause between attempts at a batch, which is tried until it is done.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Input of a [`BatchWorkflow`]; a string alone is the task.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchInput {
    /// What the messages are for.
    pub task: String,
    /// A batch is handed on when it has this many messages: 1 to 10,000, by default ten.
    #[serde(default = "ten")]
    pub batch_size: usize,
    /// A smaller batch is handed on this long after its first message came: 1 second to 30 days, by default five
    /// minutes.
    #[serde(default = "five_minutes")]
    pub max_wait_seconds: u64,
    /// What the run before this one left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    continued: Option<Continued>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Continued {
    totals: Totals,
    pending: Vec<Message>,
    rejected: u64,
    stopping: bool,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Totals {
    batches: u64,
    messages_processed: u64,
}

fn ten() -> usize {
    10
}

fn five_minutes() -> u64 {
    300
}

impl From<String> for BatchInput {
    fn from(task: String) -> Self {
        Self { task, batch_size: ten(), max_wait_seconds: five_minutes(), continued: None }
    }
}

impl BatchInput {
    fn read(input: &RawValue) -> Result<Self, Unreadable> {
        let mut input: Self = arguments::task_or_object(input)?;
        input.task = arguments::bounded(input.task)?;
        if !(1..=MAX_MESSAGES).contains(&input.batch_size) {
            return Err(Unreadable::Shape(format!("batch_size must be 1 to {MAX_MESSAGES}")));
        }
        if !(1..=LONGEST_WAIT_SECONDS).contains(&input.max_wait_seconds) {
            return Err(Unreadable::Shape(format!("max_wait_seconds must be 1 to {LONGEST_WAIT_SECONDS}")));
        }
        Ok(input)
    }
}

/// Input of the activity `process_batch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The workflow's task.
    pub task: String,
    /// Counts from 1, through all runs of the workflow.
    pub batch: u64,
    /// The messages, in the order in which they came.
    pub messages: Vec<String>,
    /// The `traceparent` of each signal that brought one of them, where it had one: 128 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<String>,
}

/// Result of the activity `process_batch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processed {
    /// How many messages it processed.
    pub processed: u64,
}

/// The activity `process_batch`, as its caller sees it: from a [`Batch`] to a [`Processed`].
pub struct ProcessBatch;

impl ProcessBatch {
    /// Type of the activity.
    pub const NAME: &'static str = "process_batch";
}

impl ActivityDefinition for ProcessBatch {
    type Input = Batch;
    // Raw, since a result that its type cannot decode would fail the workflow task for ever.
    type Output = RawValue;

    fn name(&self) -> &str {
        Self::NAME
    }
}

/// What a [`BatchWorkflow`] returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResult {
    /// Its task.
    pub task: String,
    /// How many batches it handed on.
    pub batches: u64,
    /// How many messages these held.
    pub messages_processed: u64,
    /// When it ended: RFC 3339, UTC.
    pub completed_at: String,
}

/// Answer to the queries `progress` and `state` of a [`BatchWorkflow`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchProgress {
    /// Its task.
    pub task: String,
    /// Batches done so far.
    pub batches: u64,
    /// Messages in those batches.
    pub messages_processed: u64,
    /// Messages that wait for their batch.
    pub pending: usize,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Signals that could not be read, or for which there was no room.
    pub rejected: u64,
}

/// `BatchWorkflow(task_name)`: hands the texts of `add_message` to `process_batch`, ten at a time or what has come
/// five minutes after the first of the batch, one batch after the other. After `stop_processing` it hands on what
/// is left and ends. It continues as new when the server suggests it, and takes along what waits.
#[workflow]
pub struct BatchWorkflow {
    input: Result<BatchInput, Unreadable>,
    inbox: Inbox,
    totals: Totals,
    stopping: bool,
}

#[workflow_methods]
impl BatchWorkflow {
    /// Takes the task, or an object with the fields of [`BatchInput`].
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: RawValue) -> Self {
        let mut input = BatchInput::read(&input);
        let continued = input.as_mut().ok().and_then(|input| input.continued.take()).unwrap_or_default();
        Self {
            input,
            inbox: Inbox::restored(continued.pending, continued.rejected),
            totals: continued.totals,
            stopping: continued.stopping,
        }
    }

    /// One batch after the other, until stopped and empty.
    #[run(name = "BatchWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BatchResult> {
        let input = ctx.state(|s| s.input.clone())?;
        loop {
            batch_due(ctx, &input).await?;
            if ctx.continue_as_new_suggested() {
                continue_as_new(ctx, input.clone())?;
            }
            if ctx.state(|s| s.inbox.is_empty()) {
                break;
            }
            hand_on(ctx, &input).await?;
        }
        let Totals { batches, messages_processed } = ctx.state(|s| s.totals);
        let completed_at = Moment::of(ctx.workflow_time()).to_rfc3339();
        Ok(BatchResult { task: input.task, batches, messages_processed, completed_at })
    }

    /// Takes one text.
    #[signal(name = lab::ADD_MESSAGE)]
    pub fn add_message(&mut self, ctx: &mut SyncWorkflowContext<Self>, message: RawValue) {
        let trace = Traceparent::of(ctx.headers().get(TRACE_HEADER));
        self.inbox.receive_traced(&message, Moment::of(ctx.workflow_time()), trace);
    }

    /// Ends the workflow when everything is handed on, whatever its arguments.
    #[signal(name = lab::STOP_PROCESSING)]
    pub fn stop_processing(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _arguments: RawValue) {
        self.stopping = true;
    }

    /// How far it is, whatever its arguments.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> BatchProgress {
        self.report()
    }

    /// The same as `progress`.
    #[query]
    pub fn state(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> BatchProgress {
        self.report()
    }
}

impl BatchWorkflow {
    fn report(&self) -> BatchProgress {
        BatchProgress {
            task: self.input.as_ref().map(|input| input.task.clone()).unwrap_or_default(),
            batches: self.totals.batches,
            messages_processed: self.totals.messages_processed,
            pending: self.inbox.len(),
            stopping: self.stopping,
            rejected: self.inbox.rejected(),
        }
    }
}

/// Waits until there is something to do: a batch that is full or old enough, the stop, or a history that is long.
async fn batch_due(
    ctx: &WorkflowContext<BatchWorkflow>,
    input: &BatchInput,
) -> Result<(), WorkflowTermination> {
    let leave = |s: &BatchWorkflow| s.stopping || ctx.continue_as_new_suggested();
    ctx.wait_condition(|s| leave(s) || !s.inbox.is_empty()).await?;
    let Some(first) = ctx.state(|s| s.inbox.oldest()) else { return Ok(()) };
    let whole = Duration::from_secs(input.max_wait_seconds);
    let left = first.left_of(whole, Moment::of(ctx.workflow_time()));
    if left.is_zero() || ctx.state(|s| leave(s) || s.inbox.len() >= input.batch_size) {
        return Ok(());
    }
    select! {
        woke = ctx.wait_condition(|s| leave(s) || s.inbox.len() >= input.batch_size) => woke?,
        _ = ctx.timer(left) => {}
    }
    Ok(())
}

/// Hands the oldest messages to the activity.
async fn hand_on(
    ctx: &WorkflowContext<BatchWorkflow>,
    input: &BatchInput,
) -> Result<(), WorkflowTermination> {
    let messages = ctx.state_mut(|s| s.inbox.take(input.batch_size));
    let count = messages.len() as u64;
    let traces = messages.iter().map(|message| message.trace.as_str()).filter(|trace| !trace.is_empty());
    let batch = Batch {
        task: input.task.clone(),
        batch: ctx.state(|s| s.totals.batches).saturating_add(1),
        traces: traces.take(MAX_TRACES).map(str::to_owned).collect(),
        messages: messages.into_iter().map(|message| message.text).collect(),
    };
    let options = ActivityOptions::with_start_to_close_timeout(ATTEMPT)
        .retry_policy(RetryPolicy::builder().maximum_interval(LONGEST_PAUSE).build())
        .build();
    let answer = ctx.execute_activity(ProcessBatch, batch, options).await?;
    // An activity that completed has processed its batch, even if another SDK's answer has no count.
    let processed = arguments::object::<Processed>(&answer).map_or(count, |answer| answer.processed);
    ctx.state_mut(|s| {
        s.totals.batches = s.totals.batches.saturating_add(1);
        s.totals.messages_processed = s.totals.messages_processed.saturating_add(processed);
    });
    Ok(())
}

/// Ends this run for a new one. The signals of this workflow task are all taken by now; one that comes later makes
/// the server refuse the end of the run, and the task is done again with it.
fn continue_as_new(
    ctx: &WorkflowContext<BatchWorkflow>,
    mut input: BatchInput,
) -> Result<(), WorkflowTermination> {
    input.continued = Some(ctx.state(|s| Continued {
        totals: s.totals,
        pending: s.inbox.messages(),
        rejected: s.inbox.rejected(),
        stopping: s.stopping,
    }));
    let json = serde_json::to_string(&input).map_err(|why| Unreadable::Shape(why.to_string()))?;
    let input = RawValue::new(vec![arguments::json_payload(json)]);
    ctx.continue_as_new(input, ContinueAsNewOptions::default())?;
    Ok(())
}
