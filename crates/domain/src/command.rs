//! A command: one intended effect on one workflow.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use signalbox_proto::v1;
pub use signalbox_proto::v1::{ConflictPolicy, EventRef, Trigger};

use crate::{EffectKey, EventKey, ReplyTo, TraceContext, WorkflowId};

/// One JSON text, carried from the caller to Temporal as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(Bytes);

impl JsonText {
    /// The text of a value.
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(value.to_string().into())
    }

    /// Texts that come from outside.
    ///
    /// # Errors
    /// When one of them is not JSON.
    pub fn read_all(texts: Vec<Bytes>) -> Result<Vec<Self>, BadCommand> {
        texts
            .into_iter()
            .map(|bytes| match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
                Ok(_) => Ok(Self(bytes)),
                Err(_) => Err(BadCommand("args: each is JSON")),
            })
            .collect()
    }

    /// The bytes of the text.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// One intended effect on one workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Hash of event, route, action and target.
    pub effect_key: EffectKey,
    /// The workflow; commands of one workflow are applied in order.
    pub key: WorkflowId,
    /// Where it comes from.
    pub origin: Origin,
    /// Who waits for the outcome.
    pub reply_to: Option<ReplyTo>,
    /// The trace that it is part of.
    pub trace: TraceContext,
    /// When it was accepted or planned.
    pub accepted_at: DateTime<Utc>,
    /// What to do.
    pub action: Action,
}

/// Where a command comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The event, or the call that stands for one.
    pub event: EventRef,
    /// The route that asked for it; `None` for a call that named its workflow itself.
    pub route: Option<String>,
    /// Version of the route set.
    pub route_set: String,
    /// How the run, if this starts one, was triggered.
    pub trigger: Trigger,
}

impl Origin {
    /// Where the ledger keeps the event.
    pub fn event_key(&self) -> EventKey {
        EventKey::derive(&self.event.source, &self.event.id)
    }
}

/// What a command does to its workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Starts a run.
    Start(Start),
    /// Signals the open run.
    Signal(Signal),
    /// Signals the open run, or starts one and signals it.
    SignalWithStart(Start, Signal),
}

impl Action {
    /// The kind, and for a signal its name: what tells apart two actions on one workflow by one event.
    pub fn label(&self) -> String {
        match self {
            Self::Start(start) => format!("start:{}", start.workflow_type),
            Self::Signal(signal) => format!("signal:{}", signal.name),
            Self::SignalWithStart(_, signal) => format!("signal-with-start:{}", signal.name),
        }
    }

    /// The kind alone, for metrics and outcomes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Signal(_) => "signal",
            Self::SignalWithStart(..) => "signal-with-start",
        }
    }
}

/// What to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Type of the workflow.
    pub workflow_type: String,
    /// Task queue of its worker.
    pub task_queue: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
    /// What to do when a run of that id is open.
    pub conflict_policy: ConflictPolicy,
}

/// What to signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Name of the signal.
    pub name: String,
    /// Its arguments.
    pub args: Vec<JsonText>,
}

/// Why a message is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command without a valid {0}")]
pub struct BadCommand(pub &'static str);

fn args_to_wire(args: Vec<JsonText>) -> Vec<Bytes> {
    args.into_iter().map(|JsonText(bytes)| bytes).collect()
}

impl From<Start> for v1::Start {
    fn from(start: Start) -> Self {
        Self {
            workflow_type: start.workflow_type,
            task_queue: start.task_queue,
            args: args_to_wire(start.args),
            conflict_policy: start.conflict_policy.into(),
        }
    }
}

impl TryFrom<v1::Start> for Start {
    type Error = BadCommand;

    fn try_from(wire: v1::Start) -> Result<Self, BadCommand> {
        if wire.workflow_type.is_empty() {
            return Err(BadCommand("workflow_type"));
        }
        if wire.task_queue.is_empty() {
            return Err(BadCommand("task_queue"));
        }
        let conflict_policy = match wire.conflict_policy() {
            ConflictPolicy::Unspecified => ConflictPolicy::Fail,
            given => given,
        };
        Ok(Self {
            workflow_type: wire.workflow_type,
            task_queue: wire.task_queue,
            args: JsonText::read_all(wire.args)?,
            conflict_policy,
        })
    }
}

impl From<Signal> for v1::Signal {
    fn from(signal: Signal) -> Self {
        Self { name: signal.name, args: args_to_wire(signal.args) }
    }
}

impl TryFrom<v1::Signal> for Signal {
    type Error = BadCommand;

    fn try_from(wire: v1::Signal) -> Result<Self, BadCommand> {
        if wire.name.is_empty() {
            return Err(BadCommand("signal name"));
        }
        Ok(Self { name: wire.name, args: JsonText::read_all(wire.args)? })
    }
}

impl From<Command> for v1::Command {
    fn from(command: Command) -> Self {
        let action = match command.action {
            Action::Start(start) => v1::command::Action::Start(start.into()),
            Action::Signal(signal) => v1::command::Action::Signal(signal.into()),
            Action::SignalWithStart(start, signal) => {
                v1::command::Action::SignalWithStart(v1::SignalWithStart {
                    start: Some(start.into()),
                    signal: Some(signal.into()),
                })
            }
        };
        Self {
            effect_key: command.effect_key.to_string(),
            key: command.key.to_string(),
            event: Some(command.origin.event),
            route: command.origin.route.unwrap_or_default(),
            trigger: command.origin.trigger.into(),
            reply_to: command.reply_to.map(|to| to.as_str().to_owned()).unwrap_or_default(),
            trace: command.trace.to_wire(),
            accepted_at: Some(timestamp(command.accepted_at)),
            route_set: command.origin.route_set,
            action: Some(action),
        }
    }
}

impl TryFrom<v1::Command> for Command {
    type Error = BadCommand;

    fn try_from(wire: v1::Command) -> Result<Self, BadCommand> {
        let trigger = wire.trigger();
        let action = match wire.action.ok_or(BadCommand("action"))? {
            v1::command::Action::Start(start) => Action::Start(start.try_into()?),
            v1::command::Action::Signal(signal) => Action::Signal(signal.try_into()?),
            v1::command::Action::SignalWithStart(both) => Action::SignalWithStart(
                both.start.ok_or(BadCommand("start"))?.try_into()?,
                both.signal.ok_or(BadCommand("signal"))?.try_into()?,
            ),
        };
        let reply_to = match wire.reply_to.as_str() {
            "" => None,
            inbox => Some(inbox.parse().map_err(|_| BadCommand("reply_to"))?),
        };
        Ok(Self {
            effect_key: EffectKey::from_wire(&wire.effect_key).ok_or(BadCommand("effect_key"))?,
            key: wire.key.parse().map_err(|_| BadCommand("key"))?,
            origin: Origin {
                event: wire.event.ok_or(BadCommand("event"))?,
                route: (!wire.route.is_empty()).then_some(wire.route),
                route_set: wire.route_set,
                trigger,
            },
            reply_to,
            trace: TraceContext::from_wire(wire.trace.as_ref()),
            accepted_at: wire.accepted_at.and_then(time).ok_or(BadCommand("accepted_at"))?,
            action,
        })
    }
}

/// A protobuf timestamp.
pub(crate) fn timestamp(at: DateTime<Utc>) -> prost_types::Timestamp {
    // Nanoseconds of a leap second go past 10^9; a timestamp has none.
    prost_types::Timestamp {
        seconds: at.timestamp(),
        nanos: at.timestamp_subsec_nanos().min(999_999_999) as i32,
    }
}

/// The time of a protobuf timestamp, if it is one.
pub(crate) fn time(wire: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(wire.seconds, u32::try_from(wire.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(action: Action) -> Command {
        let (source, id, key) = ("/s".parse().unwrap(), "e".parse().unwrap(), "order-7".parse().unwrap());
        Command {
            effect_key: EffectKey::derive(&source, &id, "r", 0, &action.label(), &key),
            key,
            origin: Origin {
                event: EventRef { id: "e".into(), source: "/s".into(), ..Default::default() },
                route: Some("r".into()),
                route_set: "v1".into(),
                trigger: Trigger::Event,
            },
            reply_to: Some("_INBOX.a".parse().unwrap()),
            trace: TraceContext::default(),
            accepted_at: DateTime::UNIX_EPOCH,
            action,
        }
    }

    fn start() -> Start {
        Start {
            workflow_type: "T".into(),
            task_queue: "q".into(),
            args: vec![JsonText::from_value(&json!({"a": 1}))],
            conflict_policy: ConflictPolicy::Fail,
        }
    }

    #[test]
    fn commands_survive_the_wire() {
        let signal = Signal { name: "s".into(), args: vec![] };
        for action in
            [Action::Start(start()), Action::Signal(signal.clone()), Action::SignalWithStart(start(), signal)]
        {
            let before = command(action);
            assert_eq!(Command::try_from(v1::Command::from(before.clone())).unwrap(), before);
        }
    }

    #[test]
    fn a_command_that_lacks_something_says_what() {
        let why = |spoil: fn(&mut v1::Command)| {
            let mut wire = v1::Command::from(command(Action::Start(start())));
            spoil(&mut wire);
            Command::try_from(wire).unwrap_err().0
        };
        assert_eq!(why(|w| w.action = None), "action");
        assert_eq!(why(|w| w.key = String::new()), "key");
        assert_eq!(why(|w| w.effect_key = "short".into()), "effect_key");
        assert_eq!(why(|w| w.reply_to = "events.a".into()), "reply_to");
        assert_eq!(why(|w| w.event = None), "event");
    }
}
