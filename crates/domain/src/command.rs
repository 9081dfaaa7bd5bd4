//! A command: one intended effect, most often on one workflow.

use chrono::{DateTime, Utc};
use signalbox_proto::v1;
pub use signalbox_proto::v1::{EventRef, Matching, Trigger};

use crate::{Action, EffectKey, Event, EventKey, ReplyTo, Terms, TraceContext};

/// One intended effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Hash of event, route, action and target.
    pub effect_key: EffectKey,
    /// Where it comes from.
    pub origin: Origin,
    /// Who waits for the outcome.
    pub reply_to: Option<ReplyTo>,
    /// The trace that it is part of.
    pub trace: TraceContext,
    /// When it was accepted or planned.
    pub accepted_at: DateTime<Utc>,
    /// Whether it may have been published, and carried out, before.
    pub repeated: bool,
    /// What the routes made of the event, in the first of its commands.
    pub matching: Option<Matching>,
    /// On what terms it is carried out.
    pub terms: Terms,
    /// What to do, and to what.
    pub action: Action,
}

impl Command {
    /// Commands of one key are carried out in order.
    pub fn key(&self) -> &str {
        self.action.key()
    }

    /// The same effect, once more on purpose. The same `id` again is the same once more.
    #[must_use]
    pub fn again(mut self, id: &str) -> Self {
        self.effect_key = self.effect_key.again(id);
        if let Action::Publish(event) = &mut self.action {
            event.id = (&self.effect_key).into();
        }
        self
    }
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

/// Why a message is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("command without a valid {0}")]
pub struct BadCommand(pub &'static str);

impl From<Command> for v1::Command {
    fn from(command: Command) -> Self {
        let effect_key = command.effect_key.as_str().to_owned();
        let key = command.key().to_owned();
        let action = match command.action {
            Action::Workflow(_, action) => action.into(),
            Action::SignalAll(all) => v1::command::Action::SignalAll(all.into()),
            Action::Schedule(_, call) => v1::command::Action::Schedule(v1::ScheduleRequest {
                request_id: effect_key.clone(),
                what: Some(call),
            }),
            Action::Publish(event) => {
                v1::command::Action::Publish(v1::Publish { event: Some((*event).into()) })
            }
        };
        Self {
            effect_key,
            key,
            event: Some(command.origin.event),
            route: command.origin.route.unwrap_or_default(),
            trigger: command.origin.trigger.into(),
            reply_to: command.reply_to.map(|to| to.as_str().to_owned()).unwrap_or_default(),
            trace: command.trace.to_wire(),
            accepted_at: Some(wire_time(command.accepted_at)),
            route_set: command.origin.route_set,
            repeated: command.repeated,
            matching: command.matching,
            terms: command.terms.to_wire(),
            action: Some(action),
        }
    }
}

impl TryFrom<v1::Command> for Command {
    type Error = BadCommand;

    fn try_from(wire: v1::Command) -> Result<Self, BadCommand> {
        let trigger = wire.trigger();
        let reply_to = match wire.reply_to.as_str() {
            "" => None,
            inbox => Some(inbox.parse().map_err(|_| BadCommand("reply_to"))?),
        };
        Ok(Self {
            effect_key: EffectKey::from_wire(&wire.effect_key).ok_or(BadCommand("effect_key"))?,
            origin: Origin {
                event: wire.event.ok_or(BadCommand("event"))?,
                route: (!wire.route.is_empty()).then_some(wire.route),
                route_set: wire.route_set,
                trigger,
            },
            reply_to,
            trace: TraceContext::from_wire(wire.trace.as_ref()),
            accepted_at: wire.accepted_at.and_then(time).ok_or(BadCommand("accepted_at"))?,
            repeated: wire.repeated,
            matching: wire.matching,
            terms: Terms::from_wire(wire.terms)?,
            action: action(&wire.key, wire.action.ok_or(BadCommand("action"))?)?,
        })
    }
}

fn action(key: &str, wire: v1::command::Action) -> Result<Action, BadCommand> {
    use v1::command::Action as Wire;
    match wire {
        Wire::SignalAll(all) => Ok(Action::SignalAll(all.try_into()?)),
        Wire::Schedule(request) => {
            let id = key.parse().map_err(|_| BadCommand("key"))?;
            Ok(Action::Schedule(id, request.what.ok_or(BadCommand("schedule"))?))
        }
        Wire::Publish(v1::Publish { event }) => {
            let event = Event::try_from(event.ok_or(BadCommand("event to publish"))?);
            Ok(Action::Publish(Box::new(event.map_err(|_| BadCommand("event to publish"))?)))
        }
        workflow => Ok(Action::Workflow(key.parse().map_err(|_| BadCommand("key"))?, workflow.try_into()?)),
    }
}

/// A protobuf timestamp.
pub fn wire_time(at: DateTime<Utc>) -> prost_types::Timestamp {
    // Nanoseconds of a leap second go past 10^9; a timestamp has none.
    prost_types::Timestamp {
        seconds: at.timestamp(),
        nanos: at.timestamp_subsec_nanos().min(999_999_999) as i32,
    }
}

/// The time of a protobuf timestamp, if it is one.
pub fn time(wire: prost_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(wire.seconds, u32::try_from(wire.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        ConflictPolicy, Data, JsonText, Priority, Query, RetryPolicy, ReusePolicy, Signal, SignalAll, Start,
        StartOptions, Update, UpdateWait, WorkflowAction,
    };

    fn command(action: Action) -> Command {
        let (source, id) = ("/s".parse().unwrap(), "e".parse().unwrap());
        Command {
            effect_key: EffectKey::derive(&source, &id, "r", 0, &action.label(), action.key()),
            origin: Origin {
                event: EventRef { id: "e".into(), source: "/s".into(), ..Default::default() },
                route: Some("r".into()),
                route_set: "v1".into(),
                trigger: Trigger::Event,
            },
            reply_to: Some("_INBOX.a".parse().unwrap()),
            trace: TraceContext::default(),
            accepted_at: DateTime::UNIX_EPOCH,
            repeated: true,
            matching: Some(Matching { effect_keys: vec!["k".into()], ..Default::default() }),
            terms: Terms { redriven: 1, ..Terms::default() },
            action,
        }
    }

    fn start() -> Start {
        let field = |name: &str, value| [(name.to_owned(), JsonText::from_value(&value))].into();
        Start {
            workflow_type: "T".into(),
            task_queue: "q".into(),
            args: vec![JsonText::from_value(&json!({"a": 1}))],
            conflict_policy: ConflictPolicy::Fail,
            options: StartOptions {
                reuse_policy: ReusePolicy::RejectDuplicate,
                execution_timeout: Some(Duration::from_millis(1500)),
                run_timeout: Some(Duration::from_secs(60)),
                task_timeout: Some(Duration::from_secs(5)),
                retry_policy: Some(RetryPolicy { maximum_attempts: 3, ..Default::default() }),
                memo: field("note", json!("n")),
                search_attributes: field("Tenant", json!(["a", "b"])),
                start_delay: Some(Duration::from_secs(1)),
                priority: Some(Priority { priority_key: 2, ..Default::default() }),
            },
        }
    }

    fn event() -> Event {
        Event {
            id: "p".parse().unwrap(),
            source: "/s".parse().unwrap(),
            kind: "shop.shipped".into(),
            nats_subject: "events.shop.shipped".parse().unwrap(),
            time: DateTime::UNIX_EPOCH,
            data_content_type: None,
            data_schema: None,
            subject: Some("order/7".into()),
            extensions: [("tenant".to_owned(), "a".to_owned())].into(),
            data: Data::Json(json!({"id": 7})),
            trace: TraceContext::default(),
            reply_to: None,
            stream_sequence: 0,
        }
    }

    fn on_workflow(action: WorkflowAction) -> Action {
        Action::Workflow("order-7".parse().unwrap(), action)
    }

    #[test]
    fn commands_survive_the_wire() {
        let signal = Signal { name: "s".into(), args: vec![] };
        let update = Update { name: "u".into(), args: vec![], wait: UpdateWait::Completed };
        let pause = v1::PauseSchedule { schedule_id: "nightly".into(), note: "n".into() };
        for action in [
            on_workflow(WorkflowAction::Start(start())),
            on_workflow(WorkflowAction::Signal(signal.clone())),
            on_workflow(WorkflowAction::SignalWithStart(start(), signal.clone())),
            on_workflow(WorkflowAction::Update(update.clone())),
            on_workflow(WorkflowAction::UpdateWithStart(start(), update)),
            on_workflow(WorkflowAction::Query(Query { name: "q".into(), args: vec![] })),
            on_workflow(WorkflowAction::Cancel { reason: "c".into() }),
            on_workflow(WorkflowAction::Terminate { reason: "t".into() }),
            Action::SignalAll(SignalAll { query: "WorkflowType = 'T'".into(), signal, limit: 10 }),
            Action::Schedule("nightly".parse().unwrap(), crate::ScheduleCall::Pause(pause)),
            Action::Publish(Box::new(event())),
            Action::Publish(Box::new(Event { data: Data::Empty, subject: None, ..event() })),
            Action::Publish(Box::new(Event {
                data: Data::Bytes(b"\xff".as_slice().into()),
                data_content_type: Some("application/octet-stream".into()),
                ..event()
            })),
        ] {
            let before = command(action);
            assert_eq!(Command::try_from(v1::Command::from(before.clone())).unwrap(), before);
        }
    }

    #[test]
    fn an_event_that_is_published_once_more_has_another_id() {
        let published = |command: Command| match command.action {
            Action::Publish(event) => event.id,
            other => panic!("{other:?}"),
        };
        let once = command(Action::Publish(Box::new(event())));
        let again = once.clone().again("1");
        assert_ne!(again.effect_key, once.effect_key);
        let key = again.effect_key.clone();
        assert_eq!(published(again), (&key).into());
    }

    #[test]
    fn a_command_that_lacks_something_says_what() {
        let why = |spoil: fn(&mut v1::Command)| {
            let mut wire = v1::Command::from(command(on_workflow(WorkflowAction::Start(start()))));
            spoil(&mut wire);
            Command::try_from(wire).unwrap_err().0
        };
        assert_eq!(why(|w| w.action = None), "action");
        assert_eq!(why(|w| w.key = String::new()), "key");
        assert_eq!(why(|w| w.effect_key = "short".into()), "effect_key");
        assert_eq!(why(|w| w.reply_to = "events.a".into()), "reply_to");
        assert_eq!(why(|w| w.event = None), "event");
    }

    #[test]
    fn labels_stay_as_they_are() {
        // Effect keys are hashes of them: another label would let a redelivered event have a second effect.
        let signal = Signal { name: "s".into(), args: vec![] };
        let labels = [
            WorkflowAction::Start(start()),
            WorkflowAction::Signal(signal.clone()),
            WorkflowAction::SignalWithStart(start(), signal),
            WorkflowAction::Cancel { reason: "c".into() },
        ]
        .map(|action| action.label());
        assert_eq!(labels, ["start:T", "signal:s", "signal-with-start:s", "cancel"]);
    }
}
