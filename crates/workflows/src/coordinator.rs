//! Starts child workflows, signals them all, collects what they return.

use std::collections::VecDeque;

use futures::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_proto::names::{lab, search_attribute};
use temporalio_common::data_converters::RawValue;
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributes};
use temporalio_common::{SignalDefinition, UntypedWorkflow};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ChildWorkflowOptions, ParentClosePolicy, SignalWorkflowOptions, StartedChildWorkflow,
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination, join_all,
    select,
};

use crate::arguments::{self, Unreadable};

/// How many children a [`CoordinatorWorkflow`] starts at most.
pub const MAX_CHILDREN: usize = 1_000;

/// How many commands one workflow task sends: with texts of 64 KiB they stay below the server's limit of a request.
const WAVE: usize = 32;
/// How many signals it sends to its children at most: the server ends a workflow of 51,200 events.
const MAX_SENT: usize = 20_000;
/// How many bytes of texts it sends at most, each counted once a child: they come back in the results.
const MAX_SENT_BYTES: usize = 1024 * 1024;
/// How many bytes of results it returns, below the server's limit of 2 MiB.
const MAX_RESULTS_BYTES: usize = 1536 * 1024;
/// The server takes workflow ids of 1,000 bytes; the rest is for the child's own part.
const MAX_OWN_ID_BYTES: usize = 900;
/// How much of a task shows in a child's workflow id.
const MAX_SLUG_CHARS: usize = 40;

const TRIGGER: SearchAttributeKey<String> = SearchAttributeKey::keyword(search_attribute::TRIGGER);

/// Input of a [`CoordinatorWorkflow`]; a list of strings alone is the tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorInput {
    /// The task of each child, at most [`MAX_CHILDREN`].
    pub tasks: Vec<String>,
    /// A text that all children get as `add_message` once they are started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl CoordinatorInput {
    fn read(input: &RawValue) -> Result<Self, Unreadable> {
        let input = match arguments::object(input) {
            Ok(tasks) => Self { tasks, message: None },
            Err(_) => arguments::object::<Self>(input)?,
        };
        if input.tasks.len() > MAX_CHILDREN {
            let count = input.tasks.len();
            return Err(Unreadable::Shape(format!("{count} tasks are more than {MAX_CHILDREN}")));
        }
        for text in input.tasks.iter().chain(&input.message) {
            arguments::bounded(text.clone())?;
        }
        Ok(input)
    }
}

/// What one child came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Its workflow id.
    pub workflow_id: String,
    /// What it returned; none if it failed.
    pub result: Option<Value>,
    /// Why there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a [`CoordinatorWorkflow`] returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoordinatorResult {
    /// One entry a task, in the order of the tasks.
    pub children: Vec<Child>,
}

/// Answer to the queries `progress` and `state` of a [`CoordinatorWorkflow`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoordinatorProgress {
    /// How many children it has to start.
    pub children: usize,
    /// How many of them are started.
    pub started: usize,
    /// How many of them have ended.
    pub ended: usize,
    /// Signals that wait to be sent to the children.
    pub pending: usize,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Signals that could not be read, or for which there was no room.
    pub rejected: u64,
}

/// `CoordinatorWorkflow(tasks)`: starts one `CronWorkflow` a task, sends each of its own `add_message` and
/// `stop_processing` to all of them, and returns all their results.
#[workflow]
pub struct CoordinatorWorkflow {
    input: Result<CoordinatorInput, Unreadable>,
    outbox: VecDeque<Forward>,
    sent: usize,
    sent_bytes: usize,
    started: usize,
    ended: usize,
    stopping: bool,
    rejected: u64,
}

#[derive(Debug, Clone)]
enum Forward {
    Message(String),
    Stop,
}

#[workflow_methods]
impl CoordinatorWorkflow {
    /// Takes a list of tasks, or an object with the fields of [`CoordinatorInput`].
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: RawValue) -> Self {
        let mut coordinator = Self {
            input: CoordinatorInput::read(&input),
            outbox: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            started: 0,
            ended: 0,
            stopping: false,
            rejected: 0,
        };
        let message = coordinator.input.as_ref().ok().and_then(|input| input.message.clone());
        if let Some(text) = message {
            coordinator.forward(text);
        }
        coordinator
    }

    /// Starts, signals, collects.
    #[run(name = "CoordinatorWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<CoordinatorResult> {
        let input = ctx.state(|s| s.input.clone())?;
        let children = start(ctx, &input.tasks).await?;
        let ids: Vec<_> = children.iter().map(|(id, _)| id.clone()).collect();
        let mut all =
            join_all(children.into_iter().map(|(id, child)| collect(ctx.clone(), id, child))).fuse();
        loop {
            select! {
                children = all => return Ok(CoordinatorResult { children: bounded(children) }),
                woke = ctx.wait_condition(|s| !s.outbox.is_empty()) => {
                    woke?;
                    if let Some(forward) = ctx.state_mut(|s| s.outbox.pop_front()) {
                        send_to_all(ctx, &ids, &forward).await;
                    }
                }
            }
        }
    }

    /// Sends one text to all children.
    #[signal(name = lab::ADD_MESSAGE)]
    pub fn add_message(&mut self, _ctx: &mut SyncWorkflowContext<Self>, message: RawValue) {
        match arguments::text(&message) {
            Ok(text) => self.forward(text),
            Err(_) => self.rejected = self.rejected.saturating_add(1),
        }
    }

    /// Stops all children, whatever its arguments.
    #[signal(name = lab::STOP_PROCESSING)]
    pub fn stop_processing(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _arguments: RawValue) {
        if !self.stopping {
            self.outbox.push_back(Forward::Stop);
        }
        self.stopping = true;
    }

    /// How far it is, whatever its arguments.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> CoordinatorProgress {
        self.report()
    }

    /// The same as `progress`.
    #[query]
    pub fn state(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> CoordinatorProgress {
        self.report()
    }
}

impl CoordinatorWorkflow {
    fn children(&self) -> usize {
        self.input.as_ref().map_or(0, |input| input.tasks.len())
    }

    fn forward(&mut self, text: String) {
        let sent = self.sent.saturating_add(self.children());
        let bytes = self.children().saturating_mul(arguments::json_bytes(&text));
        let sent_bytes = self.sent_bytes.saturating_add(bytes);
        if self.stopping || sent > MAX_SENT || sent_bytes > MAX_SENT_BYTES {
            self.rejected = self.rejected.saturating_add(1);
            return;
        }
        (self.sent, self.sent_bytes) = (sent, sent_bytes);
        self.outbox.push_back(Forward::Message(text));
    }

    fn report(&self) -> CoordinatorProgress {
        CoordinatorProgress {
            children: self.children(),
            started: self.started,
            ended: self.ended,
            pending: self.outbox.len(),
            stopping: self.stopping,
            rejected: self.rejected,
        }
    }
}

/// A signal of any name, for a workflow of any SDK.
struct AnySignal(&'static str);

impl SignalDefinition for AnySignal {
    type Workflow = UntypedWorkflow;
    type Input = RawValue;

    fn name(&self) -> &str {
        self.0
    }
}

type Started = Result<StartedChildWorkflow<UntypedWorkflow>, String>;

/// Starts all children, wave by wave. A child that does not start is an error in the result, not the end.
async fn start(
    ctx: &WorkflowContext<CoordinatorWorkflow>,
    tasks: &[String],
) -> Result<Vec<(String, Started)>, WorkflowTermination> {
    if ctx.workflow_id().len() > MAX_OWN_ID_BYTES {
        let why =
            format!("a workflow id of more than {MAX_OWN_ID_BYTES} bytes leaves no room for its children's");
        return Err(Unreadable::Shape(why).into());
    }
    let numbered: Vec<_> = tasks.iter().enumerate().collect();
    let mut children = Vec::with_capacity(tasks.len());
    for wave in numbered.chunks(WAVE) {
        children.extend(join_all(wave.iter().map(|(index, task)| start_one(ctx, *index, task))).await);
        ctx.state_mut(|s| s.started = children.len());
    }
    Ok(children)
}

async fn start_one(
    ctx: &WorkflowContext<CoordinatorWorkflow>,
    index: usize,
    task: &str,
) -> (String, Started) {
    let id = format!("{}/{}-{}", ctx.workflow_id(), index + 1, slug(task));
    let options = ChildWorkflowOptions::builder()
        .workflow_id(id.clone())
        .parent_close_policy(ParentClosePolicy::RequestCancel)
        .search_attributes(SearchAttributes::new([TRIGGER.value_set("workflow".to_owned())]))
        .build();
    let child = UntypedWorkflow::new(lab::CRON_WORKFLOW);
    let started = ctx.start_child_workflow(child, text_argument(task), options).await;
    (id, started.map_err(|why| why.to_string()))
}

async fn collect(ctx: WorkflowContext<CoordinatorWorkflow>, workflow_id: String, child: Started) -> Child {
    let outcome = match child {
        Ok(child) => match child.result().await {
            Ok(result) => arguments::object(&result).map_err(|why| why.to_string()),
            Err(why) => Err(chain(&why)),
        },
        Err(why) => Err(why),
    };
    ctx.state_mut(|s| s.ended += 1);
    match outcome {
        Ok(result) => Child { workflow_id, result: Some(result), error: None },
        Err(why) => Child { workflow_id, result: None, error: Some(why.chars().take(512).collect()) },
    }
}

/// Sends one signal to all children, wave by wave. One that has ended no longer takes it, which its result shows.
async fn send_to_all(ctx: &WorkflowContext<CoordinatorWorkflow>, ids: &[String], forward: &Forward) {
    for wave in ids.chunks(WAVE) {
        let signals = wave.iter().map(|id| {
            let (name, arguments) = match forward {
                Forward::Message(text) => (lab::ADD_MESSAGE, text_argument(text)),
                Forward::Stop => (lab::STOP_PROCESSING, RawValue::new(Vec::new())),
            };
            let child = ctx.external_workflow(id.clone(), None);
            async move { child.signal(AnySignal(name), arguments, SignalWorkflowOptions::default()).await }
        });
        join_all(signals).await;
    }
}

/// The results, as many as fit: what is left out can be read from the child.
fn bounded(children: Vec<Child>) -> Vec<Child> {
    let mut bytes = 0_usize;
    let bound = |child: Child| {
        let size = serde_json::to_string(&child).map_or(usize::MAX, |json| json.len());
        if bytes.saturating_add(size) <= MAX_RESULTS_BYTES {
            bytes += size;
            return child;
        }
        let error =
            Some("the results are too large to return together: read this one from the child".to_owned());
        Child { result: None, error, ..child }
    };
    children.into_iter().map(bound).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn text_argument(text: &str) -> RawValue {
    RawValue::new(vec![arguments::json_payload(Value::from(text).to_string())])
}

/// The task as part of an id: lower-case letters, digits and single hyphens.
fn slug(task: &str) -> String {
    let words = task.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(MAX_SLUG_CHARS).collect();
    slug.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_becomes_part_of_an_id() {
        assert_eq!(slug("Deploy  my/App_2!"), "deploy-my-app-2");
        assert_eq!(slug("日本"), "");
        assert_eq!(slug(&"x".repeat(100)).len(), MAX_SLUG_CHARS);
    }

    #[test]
    fn results_that_do_not_fit_are_left_out() {
        let child = |result: Value| Child { workflow_id: "a".to_owned(), result: Some(result), error: None };
        let long = Value::from("x".repeat(1024 * 1024));
        let kept = bounded(vec![child(long.clone()), child(long), child(Value::from(1))]);
        let has_result: Vec<_> = kept.iter().map(|child| child.result.is_some()).collect();
        assert_eq!(has_result, [true, false, true]);
    }
}
