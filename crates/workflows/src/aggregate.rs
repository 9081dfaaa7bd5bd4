//! Gathers events until there are enough, by count, time, condition or signal.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, pending};
use serde::{Deserialize, Serialize};
use signalbox_proto::names::lab;
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{
    ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    WorkflowTermination, select,
};

use crate::arguments::{self, Unreadable};
use crate::inbox::{Inbox, MAX_MESSAGES, Message};
use crate::moment::Moment;

/// Longest `seconds`: thirty days.
const LONGEST_SECONDS: u64 = 30 * 24 * 60 * 60;
/// Longest path of a condition.
const MAX_FIELD_BYTES: usize = 1024;

/// Input of an [`AggregateWorkflow`]; a string alone is the task.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregateInput {
    /// What the events are for.
    pub task: String,
    /// What ends it, beside the signal `stop_processing`.
    #[serde(default)]
    pub until: Until,
    /// What the run before this one left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    continued: Option<Continued>,
}

/// The first of these to be true ends an [`AggregateWorkflow`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// It has this many events: 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// It is this old: 1 second to 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Its events amount to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// The sum of one field over all events reaches a minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Path of the field, with dots: `order.total`. An event that has no number there adds nothing.
    pub field: String,
    /// The minimum of the sum.
    pub sum_at_least: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Continued {
    events: Vec<Message>,
    rejected: u64,
    sum: f64,
    started_at: Moment,
    stopping: bool,
}

/// Why an [`AggregateWorkflow`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Enough events.
    Count,
    /// Enough time.
    Seconds,
    /// The sum is large enough.
    Condition,
    /// The signal `stop_processing`.
    Stopped,
}

/// What an [`AggregateWorkflow`] returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AggregateResult {
    /// Its task.
    pub task: String,
    /// Why it ended.
    pub ended: Ended,
    /// How many events it gathered.
    pub count: usize,
    /// The sum of the condition's field; none without a condition.
    pub sum: Option<f64>,
    /// The texts of the events, in the order in which they came.
    pub messages: Vec<String>,
    /// When it ended: RFC 3339, UTC.
    pub completed_at: String,
}

/// Answer to the queries `progress` and `state` of an [`AggregateWorkflow`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AggregateProgress {
    /// Its task.
    pub task: String,
    /// How many events it has.
    pub count: usize,
    /// The sum of the condition's field so far; none without a condition.
    pub sum: Option<f64>,
    /// The texts of the events so far.
    pub messages: Vec<String>,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Signals that could not be read, or for which there was no room.
    pub rejected: u64,
}

impl From<String> for AggregateInput {
    fn from(task: String) -> Self {
        Self { task, until: Until::default(), continued: None }
    }
}

impl AggregateInput {
    fn read(input: &RawValue) -> Result<Self, Unreadable> {
        let mut input: Self = arguments::task_or_object(input)?;
        input.task = arguments::bounded(input.task)?;
        if input.until.count.is_some_and(|count| !(1..=MAX_MESSAGES).contains(&count)) {
            return Err(Unreadable::Shape(format!("until.count must be 1 to {MAX_MESSAGES}")));
        }
        if input.until.seconds.is_some_and(|seconds| !(1..=LONGEST_SECONDS).contains(&seconds)) {
            return Err(Unreadable::Shape(format!("until.seconds must be 1 to {LONGEST_SECONDS}")));
        }
        if input.until.condition.as_ref().is_some_and(|condition| condition.field.len() > MAX_FIELD_BYTES) {
            return Err(Unreadable::Shape(format!(
                "until.condition.field is longer than {MAX_FIELD_BYTES} bytes"
            )));
        }
        Ok(input)
    }
}

impl Condition {
    fn value_in(&self, event: &str) -> f64 {
        let pointer: String = self.field.split('.').map(|name| format!("/{}", escaped(name))).collect();
        let event: serde_json::Value = serde_json::from_str(event).unwrap_or_default();
        event.pointer(&pointer).and_then(serde_json::Value::as_f64).unwrap_or_default()
    }
}

/// A name as a token of a JSON Pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// `AggregateWorkflow({task, until})`: gathers the texts of `add_message` until the first of `until` is true or
/// until `stop_processing`.
#[workflow]
pub struct AggregateWorkflow {
    input: Result<AggregateInput, Unreadable>,
    events: Inbox,
    sum: f64,
    started_at: Moment,
    stopping: bool,
}

#[workflow_methods]
impl AggregateWorkflow {
    /// Takes the task, or an object with the fields of [`AggregateInput`].
    #[init]
    pub fn new(ctx: &WorkflowContextView, input: RawValue) -> Self {
        let mut input = AggregateInput::read(&input);
        let continued =
            input.as_mut().ok().and_then(|input| input.continued.take()).unwrap_or_else(|| Continued {
                events: Vec::new(),
                rejected: 0,
                sum: 0.0,
                started_at: Moment::of(ctx.start_time()),
                stopping: false,
            });
        Self {
            input,
            events: Inbox::restored(continued.events, continued.rejected),
            sum: continued.sum,
            started_at: continued.started_at,
            stopping: continued.stopping,
        }
    }

    /// Waits for the first of its ends.
    #[run(name = "AggregateWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<AggregateResult> {
        let input = ctx.state(|s| s.input.clone())?;
        let started_at = ctx.state(|s| s.started_at);
        let left =
            |seconds| started_at.left_of(Duration::from_secs(seconds), Moment::of(ctx.workflow_time()));
        let over = match input.until.seconds {
            Some(seconds) => Either::Left(ctx.timer(left(seconds)).map(|_| ())),
            None => Either::Right(pending()),
        };
        select! {
            woke = ctx.wait_condition(|s| s.ended().is_some() || ctx.continue_as_new_suggested()) => woke?,
            () = over.fuse() => return Ok(result(ctx, input, Ended::Seconds)),
        }
        match ctx.state(Self::ended) {
            Some(ended) => Ok(result(ctx, input, ended)),
            None => Err(continue_as_new(ctx, input)),
        }
    }

    /// Takes one event.
    #[signal(name = lab::ADD_MESSAGE)]
    pub fn add_message(&mut self, ctx: &mut SyncWorkflowContext<Self>, event: RawValue) {
        let taken = self.events.receive(&event, Moment::of(ctx.workflow_time()));
        let condition = self.input.as_ref().ok().and_then(|input| input.until.condition.as_ref());
        if let (Some(text), Some(condition)) = (taken, condition) {
            // Finite, since JSON has no infinity.
            self.sum = (self.sum + condition.value_in(text)).clamp(f64::MIN, f64::MAX);
        }
    }

    /// Ends the workflow, whatever its arguments.
    #[signal(name = lab::STOP_PROCESSING)]
    pub fn stop_processing(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _arguments: RawValue) {
        self.stopping = true;
    }

    /// How far it is, whatever its arguments.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> AggregateProgress {
        self.report()
    }

    /// The same as `progress`.
    #[query]
    pub fn state(&self, _ctx: &WorkflowContextView, _arguments: RawValue) -> AggregateProgress {
        self.report()
    }
}

impl AggregateWorkflow {
    fn ended(&self) -> Option<Ended> {
        let until = &self.input.as_ref().ok()?.until;
        if until.count.is_some_and(|count| self.events.len() >= count) {
            Some(Ended::Count)
        } else if until.condition.as_ref().is_some_and(|condition| self.sum >= condition.sum_at_least) {
            Some(Ended::Condition)
        } else {
            self.stopping.then_some(Ended::Stopped)
        }
    }

    fn report(&self) -> AggregateProgress {
        let input = self.input.as_ref().ok();
        AggregateProgress {
            task: input.map(|input| input.task.clone()).unwrap_or_default(),
            count: self.events.len(),
            sum: input.and_then(|input| input.until.condition.as_ref()).map(|_| self.sum),
            messages: self.events.texts(),
            stopping: self.stopping,
            rejected: self.events.rejected(),
        }
    }
}

fn result(ctx: &WorkflowContext<AggregateWorkflow>, input: AggregateInput, ended: Ended) -> AggregateResult {
    ctx.state(|s| AggregateResult {
        task: input.task,
        ended,
        count: s.events.len(),
        sum: input.until.condition.map(|_| s.sum),
        messages: s.events.texts(),
        completed_at: Moment::of(ctx.workflow_time()).to_rfc3339(),
    })
}

/// Ends this run for a new one that has all that this one gathered.
fn continue_as_new(
    ctx: &WorkflowContext<AggregateWorkflow>,
    mut input: AggregateInput,
) -> WorkflowTermination {
    input.continued = Some(ctx.state(|s| Continued {
        events: s.events.messages(),
        rejected: s.events.rejected(),
        sum: s.sum,
        started_at: s.started_at,
        stopping: s.stopping,
    }));
    let json = match serde_json::to_string(&input) {
        Ok(json) => json,
        Err(why) => return Unreadable::Shape(why.to_string()).into(),
    };
    let input = RawValue::new(vec![arguments::json_payload(json)]);
    match ctx.continue_as_new(input, ContinueAsNewOptions::default()) {
        Err(termination) => termination,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_adds_the_numbers_at_its_path() {
        let total = Condition { field: "order.total".to_owned(), sum_at_least: 1.0 };
        for (event, expected) in [
            (r#"{"order":{"total":12.5}}"#, 12.5),
            (r#"{"order":{"total":-3}}"#, -3.0),
            (r#"{"order":{"total":"12"}}"#, 0.0),
            (r#"{"order":7}"#, 0.0),
            ("not json", 0.0),
            ("[]", 0.0),
        ] {
            assert_eq!(total.value_in(event), expected, "{event}");
        }
        assert_eq!(Condition { field: "a/b".to_owned(), sum_at_least: 1.0 }.value_in(r#"{"a/b":1}"#), 1.0);
    }
}
