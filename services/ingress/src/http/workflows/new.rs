//! What a call starts, as it is written.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use signalbox_domain::{
    ConflictPolicy, JsonText, Priority, RetryPolicy, ReusePolicy, Signal, Start, StartOptions, wire_duration,
};
use signalbox_proto::names::lab;
use utoipa::ToSchema;

use crate::problem::Problem;

/// The longest name of a type, a queue or a message, in bytes: Temporal's own limit.
const LONGEST_NAME: usize = 1000;

/// A workflow to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"workflow_id": "hello", "type": "CronWorkflow", "task_queue": "lab6-queue", "args": ["Over HTTP"]}))]
pub struct NewWorkflow {
    /// Missing, the event id of the call takes its place.
    #[schema(max_length = 255)]
    workflow_id: Option<String>,
    /// Type of the workflow, as its worker names it.
    #[schema(min_length = 1, max_length = 1000)]
    r#type: String,
    /// Task queue of its worker; `lab6-queue`, if nobody says.
    #[schema(min_length = 1, max_length = 1000)]
    task_queue: Option<String>,
    /// Its arguments.
    #[serde(default)]
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    args: Vec<Box<RawValue>>,
    /// What to do when a workflow of that id runs; `fail`, if nobody says.
    id_conflict_policy: Option<Conflict>,
    /// What to do when an ended workflow had that id; `allow_duplicate`, if nobody says.
    id_reuse_policy: Option<Reuse>,
    /// The longest that all its runs may take together, such as `1h`.
    execution_timeout: Option<Span>,
    /// The longest that one run may take.
    run_timeout: Option<Span>,
    /// The longest that one workflow task may take.
    task_timeout: Option<Span>,
    /// How long Temporal waits before it begins.
    start_delay: Option<Span>,
    /// When a workflow that failed is run again.
    retry: Option<Retry>,
    /// Notes that Temporal shows with it.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, serde_json::Value>, required = false)]
    memo: BTreeMap<String, Box<RawValue>>,
    /// By what it can be found. The namespace must have them registered.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, serde_json::Value>, required = false)]
    search_attributes: BTreeMap<String, Box<RawValue>>,
    /// Its place among others of its task queue.
    priority: Option<Place>,
}

/// What to do when a workflow of that id runs.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Refuse the start.
    Fail,
    /// Take the one that runs.
    UseExisting,
    /// Terminate the one that runs.
    TerminateExisting,
}

/// What to do when an ended workflow had that id.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// Start another one.
    AllowDuplicate,
    /// Start another one if it failed.
    AllowDuplicateFailedOnly,
    /// Refuse the start.
    RejectDuplicate,
}

/// When a workflow that failed is run again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The first pause.
    initial_interval: Option<Span>,
    /// By what each pause is longer than the one before; at least 1.
    #[schema(minimum = 1)]
    backoff_coefficient: Option<f64>,
    /// The longest pause.
    maximum_interval: Option<Span>,
    /// How often it is run at most; 0 is without end.
    #[schema(minimum = 0)]
    maximum_attempts: Option<u16>,
    /// Failures of these types are final.
    #[serde(default)]
    #[schema(required = false)]
    non_retryable_error_types: Vec<String>,
}

/// A place among others of a task queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// 1 is the most urgent, 5 the least.
    #[schema(minimum = 1, maximum = 5)]
    key: Option<u8>,
    /// Workflows of one key, such as a tenant, share what the others leave.
    #[schema(max_length = 64)]
    fairness_key: Option<String>,
    /// How much of it this key gets; 1, if nobody says.
    #[schema(minimum = 0.001, maximum = 1000)]
    fairness_weight: Option<f32>,
}

/// A time with its unit, such as `90s` or `1h 30m`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "1h")]
pub struct Span(Duration);

/// What Temporal can count.
const LONGEST_SPAN: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match humantime::parse_duration(&text) {
            Ok(span) if span <= LONGEST_SPAN => Ok(Self(span)),
            Ok(_) => Err("a time is at most 100 years".to_owned()),
            Err(error) => Err(format!("{error}; write a time as in 90s")),
        }
    }
}

/// A signal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "add_message", "args": ["hi"]}))]
pub struct NewSignal {
    /// Its name.
    #[schema(min_length = 1, max_length = 1000)]
    name: String,
    /// Its arguments.
    #[serde(default)]
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    args: Vec<Box<RawValue>>,
}

impl NewWorkflow {
    /// The id that it is to have, if it says one.
    pub fn id(&self) -> Option<&str> {
        self.workflow_id.as_deref()
    }

    /// What to start.
    ///
    /// # Errors
    /// When a name cannot be one, or a number is out of its range.
    pub fn read(self) -> Result<Start, Problem> {
        let queue = self.task_queue.unwrap_or_else(|| lab::TASK_QUEUE.to_owned());
        let span = |span: Option<Span>| span.map(|Span(span)| span);
        Ok(Start {
            workflow_type: name("type", self.r#type)?,
            task_queue: name("task_queue", queue)?,
            args: texts(self.args),
            conflict_policy: match self.id_conflict_policy {
                None | Some(Conflict::Fail) => ConflictPolicy::Fail,
                Some(Conflict::UseExisting) => ConflictPolicy::UseExisting,
                Some(Conflict::TerminateExisting) => ConflictPolicy::TerminateExisting,
            },
            options: StartOptions {
                reuse_policy: self.id_reuse_policy.map(ReusePolicy::from).unwrap_or_default(),
                execution_timeout: span(self.execution_timeout),
                run_timeout: span(self.run_timeout),
                task_timeout: span(self.task_timeout),
                retry_policy: self.retry.map(Retry::read).transpose()?,
                memo: fields(self.memo),
                search_attributes: fields(self.search_attributes),
                start_delay: span(self.start_delay),
                priority: self.priority.map(Place::read).transpose()?,
            },
        })
    }
}

impl NewSignal {
    /// What to signal.
    ///
    /// # Errors
    /// When its name cannot be one.
    pub fn read(self) -> Result<Signal, Problem> {
        Ok(Signal { name: name("name of the signal", self.name)?, args: texts(self.args) })
    }
}

impl From<Reuse> for ReusePolicy {
    fn from(policy: Reuse) -> Self {
        match policy {
            Reuse::AllowDuplicate => Self::AllowDuplicate,
            Reuse::AllowDuplicateFailedOnly => Self::AllowDuplicateFailedOnly,
            Reuse::RejectDuplicate => Self::RejectDuplicate,
        }
    }
}

impl Retry {
    fn read(self) -> Result<RetryPolicy, Problem> {
        let backoff_coefficient = self.backoff_coefficient.unwrap_or_default();
        if backoff_coefficient != 0.0 && backoff_coefficient < 1.0 {
            return Err(Problem::malformed("retry: backoff_coefficient is at least 1"));
        }
        let span = |span: Option<Span>| span.map(|Span(span)| wire_duration(span));
        Ok(RetryPolicy {
            initial_interval: span(self.initial_interval),
            backoff_coefficient,
            maximum_interval: span(self.maximum_interval),
            maximum_attempts: self.maximum_attempts.unwrap_or_default().into(),
            non_retryable_error_types: self.non_retryable_error_types,
        })
    }
}

impl Place {
    fn read(self) -> Result<Priority, Problem> {
        if self.key.is_some_and(|key| !(1..=5).contains(&key)) {
            return Err(Problem::malformed("priority: key is 1 to 5"));
        }
        if self.fairness_key.as_ref().is_some_and(|key| key.len() > 64) {
            return Err(Problem::malformed("priority: fairness_key has at most 64 bytes"));
        }
        let weight = self.fairness_weight.unwrap_or_default();
        if self.fairness_weight.is_some() && !(0.001..=1000.0).contains(&weight) {
            return Err(Problem::malformed("priority: fairness_weight is 0.001 to 1000"));
        }
        Ok(Priority {
            priority_key: self.key.unwrap_or_default().into(),
            fairness_key: self.fairness_key.unwrap_or_default(),
            fairness_weight: weight,
        })
    }
}

fn fields(map: BTreeMap<String, Box<RawValue>>) -> BTreeMap<String, JsonText> {
    map.into_iter().filter_map(|(name, value)| Some((name, text(&value)?))).collect()
}

/// Arguments as they are written.
pub fn texts(args: Vec<Box<RawValue>>) -> Vec<JsonText> {
    args.iter().filter_map(|arg| text(arg)).collect()
}

/// It was JSON when it was read, so that none is left out.
fn text(value: &RawValue) -> Option<JsonText> {
    JsonText::read(Bytes::copy_from_slice(value.get().as_bytes()))
}

/// A name that Temporal takes.
///
/// # Errors
/// When it is empty, too long, or has control characters.
pub fn name(what: &str, text: String) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::malformed(format!("{what} is empty")));
    }
    if text.len() > LONGEST_NAME {
        return Err(Problem::malformed(format!(
            "{what} has {} bytes; at most {LONGEST_NAME} are allowed",
            text.len()
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::malformed(format!("{what} has control characters")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Start, String> {
        let new: NewWorkflow = serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())?;
        new.read().map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_start_says_as_much_as_that_of_a_route() {
        let start = read(json!({
            "type": "Order", "args": [{"id": 7}, 1.0], "id_conflict_policy": "use_existing",
            "id_reuse_policy": "reject_duplicate", "execution_timeout": "1h 30m", "start_delay": "500ms",
            "retry": {"initial_interval": "1s", "maximum_attempts": 3}, "memo": {"note": "n"},
            "search_attributes": {"Tenant": ["a"]}, "priority": {"key": 2, "fairness_key": "a"}
        }))
        .unwrap();
        assert_eq!((start.workflow_type.as_str(), start.task_queue.as_str()), ("Order", "lab6-queue"));
        let args: Vec<_> = start.args.iter().map(|arg| arg.bytes().as_ref()).collect();
        assert_eq!(args, [br#"{"id":7}"#.as_slice(), b"1.0"], "as they were written");
        assert_eq!(start.conflict_policy, ConflictPolicy::UseExisting);
        let options = start.options;
        assert_eq!(options.reuse_policy, ReusePolicy::RejectDuplicate);
        assert_eq!(options.execution_timeout, Some(Duration::from_secs(5400)));
        assert_eq!(options.start_delay, Some(Duration::from_millis(500)));
        assert_eq!(options.retry_policy.unwrap().maximum_attempts, 3);
        assert_eq!(options.priority.unwrap().priority_key, 2);
        assert_eq!((options.memo.len(), options.search_attributes.len()), (1, 1));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_rule() {
        for (value, rule) in [
            (json!({}), "missing field `type`"),
            (json!({"type": ""}), "type is empty"),
            (json!({"type": "a\nb"}), "type has control characters"),
            (json!({"type": "a", "task_queue": "x".repeat(1001)}), "task_queue has 1001 bytes"),
            (json!({"type": "a", "arguments": []}), "unknown field `arguments`"),
            (json!({"type": "a", "run_timeout": "soon"}), "write a time as in 90s"),
            (json!({"type": "a", "run_timeout": "999999y"}), "at most 100 years"),
            (json!({"type": "a", "retry": {"backoff_coefficient": 0.5}}), "at least 1"),
            (json!({"type": "a", "priority": {"key": 9}}), "key is 1 to 5"),
            (json!({"type": "a", "priority": {"fairness_weight": 0.0}}), "fairness_weight is 0.001 to 1000"),
            (json!({"type": "a", "id_conflict_policy": "maybe"}), "unknown variant `maybe`"),
        ] {
            let why = read(value.clone()).unwrap_err();
            assert!(why.contains(rule), "{value}: {why}");
        }
    }
}
