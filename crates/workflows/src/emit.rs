//! An event, published by a workflow: what schedules and other workflows have routes act on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_domain::EventSubject;
use temporalio_common::data_converters::RawValue;
use temporalio_common::{ActivityDefinition, RetryPolicy};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{ActivityOptions, WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::arguments::{self, Unreadable};

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Longest pause between attempts, which go on until NATS has the event.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Input of an [`EmitEventWorkflow`] and of the activity `emit_event`; a string alone is the subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emit {
    /// NATS subject to publish to: `events.…`.
    pub subject: String,
    /// `type` of the CloudEvent; by default the subject without `events.`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its data, any JSON; by default it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl From<String> for Emit {
    fn from(subject: String) -> Self {
        Self { subject, kind: None, data: None }
    }
}

impl Emit {
    /// Reads the arguments of a workflow or an activity.
    ///
    /// # Errors
    /// [`Unreadable`] says what is wrong with them.
    pub fn read(arguments: &RawValue) -> Result<Self, Unreadable> {
        let emit: Self = arguments::task_or_object(arguments)?;
        emit.nats_subject()?;
        match emit.kind.as_deref() {
            Some("") => Err(Unreadable::Shape("type is empty".to_owned())),
            Some(kind) => arguments::bounded(kind.to_owned()).map(|_| emit),
            None => Ok(emit),
        }
    }

    /// The subject as NATS takes it.
    ///
    /// # Errors
    /// When it is none of events.
    pub fn nats_subject(&self) -> Result<EventSubject, Unreadable> {
        self.subject.parse().map_err(|why: signalbox_domain::BadId| Unreadable::Shape(why.to_string()))
    }
}

/// What the activity `emit_event` answers and an [`EmitEventWorkflow`] returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emitted {
    /// `id` of the CloudEvent.
    pub id: String,
    /// Its `source`.
    pub source: String,
    /// The NATS subject that it was published to.
    pub subject: String,
    /// Its sequence in the stream of events.
    pub stream_sequence: u64,
}

/// The activity `emit_event`, as its caller sees it: from an [`Emit`] to an [`Emitted`].
pub struct EmitEvent;

impl EmitEvent {
    /// Type of the activity.
    pub const NAME: &'static str = "emit_event";
}

impl ActivityDefinition for EmitEvent {
    type Input = Emit;
    // Raw, since a result that its type cannot decode would fail the workflow task for ever.
    type Output = RawValue;

    fn name(&self) -> &str {
        Self::NAME
    }
}

/// `EmitEvent({subject, type, data})`: publishes one event, once, however long NATS is away. For schedules whose runs
/// are events.
#[workflow]
pub struct EmitEventWorkflow {
    input: Result<Emit, Unreadable>,
}

#[workflow_methods]
impl EmitEventWorkflow {
    /// Takes the subject, or an object with the fields of [`Emit`].
    #[init]
    pub fn new(_ctx: &WorkflowContextView, input: RawValue) -> Self {
        Self { input: Emit::read(&input) }
    }

    /// Publishes.
    #[run(name = "EmitEvent")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Value> {
        let input = ctx.state(|s| s.input.clone())?;
        let options = ActivityOptions::with_start_to_close_timeout(ATTEMPT)
            .retry_policy(RetryPolicy::builder().maximum_interval(LONGEST_PAUSE).build())
            .build();
        let answer = ctx.execute_activity(EmitEvent, input, options).await?;
        // An activity that completed has published, even if another SDK's answer is not JSON.
        Ok(arguments::object(&answer).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> Result<Emit, Unreadable> {
        Emit::read(&RawValue::new(vec![arguments::json_payload(json.to_string())]))
    }

    #[test]
    fn a_string_is_the_subject() {
        let emit = read(&json!("events.shop.closing")).unwrap();
        assert_eq!(emit, Emit { subject: "events.shop.closing".to_owned(), kind: None, data: None });
        assert_eq!(emit.nats_subject().unwrap().without_prefix(), "shop.closing");
        let whole = json!({ "subject": "events.a", "type": "com.example.a", "data": { "b": [1] } });
        assert_eq!(serde_json::to_value(read(&whole).unwrap()).unwrap(), whole);
    }

    #[test]
    fn what_is_no_event_is_refused_with_the_reason() {
        for (odd, why) in [
            (json!("commands.1"), "not a subject of events"),
            (json!("events.>"), "not a subject of events"),
            (json!({ "subject": "events.a", "type": "" }), "type is empty"),
            (json!({ "subject": "events.a", "tpye": "b" }), "tpye"),
            (json!({ "data": 1 }), "subject"),
            (json!(7), "invalid type"),
        ] {
            let refused = read(&odd).unwrap_err().to_string();
            assert!(refused.contains(why), "{odd}: {refused}");
        }
    }
}
