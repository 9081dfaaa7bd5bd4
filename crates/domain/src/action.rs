//! What a command does, and to what.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use signalbox_proto::v1;
pub use signalbox_proto::v1::{
    ConflictPolicy, Priority, RetryPolicy, ReusePolicy, UpdateWait, schedule_request::What as ScheduleCall,
};

use crate::{BadCommand, Event, ScheduleId, WorkflowId};

/// One JSON text, carried from the caller to Temporal as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(Bytes);

impl JsonText {
    /// The text of a value.
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(value.to_string().into())
    }

    /// A text that comes from outside; `None` when it is not JSON.
    pub fn read(text: Bytes) -> Option<Self> {
        serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok().then_some(Self(text))
    }

    /// Texts that come from outside.
    ///
    /// # Errors
    /// When one of them is not JSON.
    pub fn read_all(texts: Vec<Bytes>) -> Result<Vec<Self>, BadCommand> {
        texts.into_iter().map(|text| Self::read(text).ok_or(BadCommand("args: each is JSON"))).collect()
    }

    /// The list of these values.
    pub fn list<'t>(items: impl IntoIterator<Item = &'t Self>) -> Self {
        let mut text = b"[".to_vec();
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(&item.0);
        }
        text.push(b']');
        Self(text.into())
    }

    /// The bytes of the text.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// What a command does, and to what.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something to one workflow.
    Workflow(WorkflowId, WorkflowAction),
    /// Signals all open workflows that a query finds.
    SignalAll(SignalAll),
    /// Something to one schedule, which the scheduler manager does.
    Schedule(ScheduleId, ScheduleCall),
    /// Publishes an event. Its id is the effect key of the command.
    Publish(Box<Event>),
}

/// What a command does to its workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkflowAction {
    /// Starts a run.
    Start(Start),
    /// Signals the open run.
    Signal(Signal),
    /// Signals the open run, or starts one and signals it.
    SignalWithStart(Start, Signal),
    /// Updates the open run.
    Update(Update),
    /// Updates the open run, or starts one and updates it.
    UpdateWithStart(Start, Update),
    /// Asks the workflow something.
    Query(Query),
    /// Asks the open run to end.
    Cancel {
        /// Why, for people.
        reason: String,
    },
    /// Ends the open run where it stands.
    Terminate {
        /// Why, for people.
        reason: String,
    },
}

impl Action {
    /// Commands of one key are carried out in order.
    pub fn key(&self) -> &str {
        match self {
            Self::Workflow(id, _) => id.as_str(),
            Self::SignalAll(all) => &all.query,
            Self::Schedule(id, _) => id.as_str(),
            Self::Publish(event) => event.nats_subject.as_str(),
        }
    }

    /// The workflow, if it is about one.
    pub fn workflow_id(&self) -> Option<&WorkflowId> {
        match self {
            Self::Workflow(id, _) => Some(id),
            _ => None,
        }
    }

    /// The kind and the name that it concerns: what tells apart two actions on one target by one event.
    pub fn label(&self) -> String {
        match self {
            Self::Workflow(_, action) => action.label(),
            Self::SignalAll(all) => format!("signal-all:{}", all.signal.name),
            Self::Schedule(..) => self.kind().to_owned(),
            Self::Publish(event) => format!("publish:{}", event.kind),
        }
    }

    /// The kind alone, for metrics and outcomes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Workflow(_, action) => action.kind(),
            Self::SignalAll(_) => "signal-all",
            Self::Publish(_) => "publish",
            Self::Schedule(_, call) => match call {
                ScheduleCall::Create(_) => "schedule-create",
                ScheduleCall::Describe(_) => "schedule-describe",
                ScheduleCall::List(_) => "schedule-list",
                ScheduleCall::Delete(_) => "schedule-delete",
                ScheduleCall::Change(_) => "schedule-change",
                ScheduleCall::Pause(_) => "schedule-pause",
                ScheduleCall::Resume(_) => "schedule-resume",
                ScheduleCall::Trigger(_) => "schedule-trigger",
                ScheduleCall::Backfill(_) => "schedule-backfill",
                ScheduleCall::Plan(_) => "schedule-plan",
            },
        }
    }
}

impl WorkflowAction {
    /// As [`Action::label`].
    pub fn label(&self) -> String {
        let of = match self {
            Self::Start(start) => &start.workflow_type,
            Self::Signal(signal) | Self::SignalWithStart(_, signal) => &signal.name,
            Self::Update(update) | Self::UpdateWithStart(_, update) => &update.name,
            Self::Query(query) => &query.name,
            Self::Cancel { .. } | Self::Terminate { .. } => return self.kind().to_owned(),
        };
        format!("{}:{of}", self.kind())
    }

    /// The arguments of its signal or update; those of the start that comes with it are none of them.
    pub fn message_args(&self) -> Option<&[JsonText]> {
        match self {
            Self::Signal(signal) | Self::SignalWithStart(_, signal) => Some(&signal.args),
            Self::Update(update) | Self::UpdateWithStart(_, update) => Some(&update.args),
            Self::Start(_) | Self::Query(_) | Self::Cancel { .. } | Self::Terminate { .. } => None,
        }
    }

    /// The same with other arguments.
    pub(crate) fn with_message_args(mut self, args: Vec<JsonText>) -> Self {
        match &mut self {
            Self::Signal(signal) | Self::SignalWithStart(_, signal) => signal.args = args,
            Self::Update(update) | Self::UpdateWithStart(_, update) => update.args = args,
            Self::Start(_) | Self::Query(_) | Self::Cancel { .. } | Self::Terminate { .. } => {}
        }
        self
    }

    /// As [`Action::kind`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Signal(_) => "signal",
            Self::SignalWithStart(..) => "signal-with-start",
            Self::Update(_) => "update",
            Self::UpdateWithStart(..) => "update-with-start",
            Self::Query(_) => "query",
            Self::Cancel { .. } => "cancel",
            Self::Terminate { .. } => "terminate",
        }
    }
}

/// What to start.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Type of the workflow.
    pub workflow_type: String,
    /// Task queue of its worker.
    pub task_queue: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
    /// What to do when a run of that id is open.
    pub conflict_policy: ConflictPolicy,
    /// What few starts need.
    pub options: StartOptions,
}

/// What few starts need; by default the server decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartOptions {
    /// What to do when a closed run has that id.
    pub reuse_policy: ReusePolicy,
    /// The longest that all its runs may take together.
    pub execution_timeout: Option<Duration>,
    /// The longest that one run may take.
    pub run_timeout: Option<Duration>,
    /// The longest that one workflow task may take.
    pub task_timeout: Option<Duration>,
    /// When a run that failed is followed by another.
    pub retry_policy: Option<RetryPolicy>,
    /// Notes that Temporal shows with the workflow.
    pub memo: BTreeMap<String, JsonText>,
    /// By what it can be found, besides how it was triggered.
    pub search_attributes: BTreeMap<String, JsonText>,
    /// How long the first workflow task waits.
    pub start_delay: Option<Duration>,
    /// Its place among others of its task queue.
    pub priority: Option<Priority>,
}

/// What to signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Name of the signal.
    pub name: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
}

/// What to update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Name of the update.
    pub name: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
    /// How far it is waited for. The workflow's other commands wait as long.
    pub wait: UpdateWait,
}

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Name of the query.
    pub name: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
}

/// What to signal, and whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalAll {
    /// A visibility query of Temporal, `WorkflowType = "Order"`. That a workflow is open is asked besides.
    pub query: String,
    /// The signal.
    pub signal: Signal,
    /// More workflows than this are refused, before any is signalled.
    pub limit: u32,
}

impl SignalAll {
    /// The longest query, in bytes.
    pub const MAX_QUERY: usize = 2048;

    /// The highest limit: a higher one is taken for this.
    pub const MAX_LIMIT: u32 = 100_000;
}

impl TryFrom<v1::command::Action> for WorkflowAction {
    type Error = BadCommand;

    fn try_from(wire: v1::command::Action) -> Result<Self, BadCommand> {
        use v1::command::Action as Wire;
        Ok(match wire {
            Wire::Start(start) => Self::Start(start.try_into()?),
            Wire::Signal(signal) => Self::Signal(signal.try_into()?),
            Wire::SignalWithStart(both) => Self::SignalWithStart(
                both.start.ok_or(BadCommand("start"))?.try_into()?,
                both.signal.ok_or(BadCommand("signal"))?.try_into()?,
            ),
            Wire::Update(update) => Self::Update(update.try_into()?),
            Wire::UpdateWithStart(both) => Self::UpdateWithStart(
                both.start.ok_or(BadCommand("start"))?.try_into()?,
                both.update.ok_or(BadCommand("update"))?.try_into()?,
            ),
            Wire::Query(query) => Self::Query(query.try_into()?),
            Wire::Cancel(v1::Cancel { reason }) => Self::Cancel { reason },
            Wire::Terminate(v1::Terminate { reason }) => Self::Terminate { reason },
            Wire::SignalAll(_) | Wire::Schedule(_) | Wire::Publish(_) => return Err(BadCommand("action")),
        })
    }
}

impl From<WorkflowAction> for v1::command::Action {
    fn from(action: WorkflowAction) -> Self {
        match action {
            WorkflowAction::Start(start) => Self::Start(start.into()),
            WorkflowAction::Signal(signal) => Self::Signal(signal.into()),
            WorkflowAction::SignalWithStart(start, signal) => Self::SignalWithStart(v1::SignalWithStart {
                start: Some(start.into()),
                signal: Some(signal.into()),
            }),
            WorkflowAction::Update(update) => Self::Update(update.into()),
            WorkflowAction::UpdateWithStart(start, update) => Self::UpdateWithStart(v1::UpdateWithStart {
                start: Some(start.into()),
                update: Some(update.into()),
            }),
            WorkflowAction::Query(query) => Self::Query(query.into()),
            WorkflowAction::Cancel { reason } => Self::Cancel(v1::Cancel { reason }),
            WorkflowAction::Terminate { reason } => Self::Terminate(v1::Terminate { reason }),
        }
    }
}
