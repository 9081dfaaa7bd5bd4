//! The parts of actions, to the wire and back.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use signalbox_proto::v1;

use crate::{
    BadCommand, Query, Signal, SignalAll, Start, StartOptions, Update,
    action::{ConflictPolicy, JsonText, ReusePolicy, UpdateWait},
};

fn to_wire(args: Vec<JsonText>) -> Vec<Bytes> {
    args.into_iter().map(JsonText::into_bytes).collect()
}

fn named(name: String, what: &'static str) -> Result<String, BadCommand> {
    if name.is_empty() { Err(BadCommand(what)) } else { Ok(name) }
}

impl From<Start> for v1::Start {
    fn from(start: Start) -> Self {
        let fields = |map: BTreeMap<String, JsonText>| {
            map.into_iter().map(|(name, value)| (name, value.into_bytes())).collect()
        };
        let StartOptions { memo, search_attributes, retry_policy, priority, .. } = start.options;
        Self {
            workflow_type: start.workflow_type,
            task_queue: start.task_queue,
            args: to_wire(start.args),
            conflict_policy: start.conflict_policy.into(),
            reuse_policy: start.options.reuse_policy.into(),
            execution_timeout: start.options.execution_timeout.map(wire_duration),
            run_timeout: start.options.run_timeout.map(wire_duration),
            task_timeout: start.options.task_timeout.map(wire_duration),
            retry_policy,
            memo: fields(memo),
            search_attributes: fields(search_attributes),
            start_delay: start.options.start_delay.map(wire_duration),
            priority,
        }
    }
}

impl TryFrom<v1::Start> for Start {
    type Error = BadCommand;

    fn try_from(wire: v1::Start) -> Result<Self, BadCommand> {
        let conflict_policy = match wire.conflict_policy() {
            ConflictPolicy::Unspecified => ConflictPolicy::Fail,
            given => given,
        };
        let reuse_policy =
            ReusePolicy::try_from(wire.reuse_policy).map_err(|_| BadCommand("reuse_policy"))?;
        let fields = |map: BTreeMap<String, Bytes>, what| {
            let read = |(name, text)| Some((name, JsonText::read(text)?));
            map.into_iter().map(read).collect::<Option<BTreeMap<_, _>>>().ok_or(BadCommand(what))
        };
        Ok(Self {
            workflow_type: named(wire.workflow_type, "workflow_type")?,
            task_queue: named(wire.task_queue, "task_queue")?,
            args: JsonText::read_all(wire.args)?,
            conflict_policy,
            options: StartOptions {
                reuse_policy,
                execution_timeout: span(wire.execution_timeout)?,
                run_timeout: span(wire.run_timeout)?,
                task_timeout: span(wire.task_timeout)?,
                retry_policy: wire.retry_policy,
                memo: fields(wire.memo, "memo: each value is JSON")?,
                search_attributes: fields(wire.search_attributes, "search_attributes: each value is JSON")?,
                start_delay: span(wire.start_delay)?,
                priority: wire.priority,
            },
        })
    }
}

/// A protobuf duration; one that is too long for it is the longest.
pub fn wire_duration(span: Duration) -> prost_types::Duration {
    let longest = prost_types::Duration { seconds: 315_576_000_000, nanos: 0 };
    prost_types::Duration::try_from(span)
        .ok()
        .filter(|wire| wire.seconds <= longest.seconds)
        .unwrap_or(longest)
}

pub(crate) fn span(wire: Option<prost_types::Duration>) -> Result<Option<Duration>, BadCommand> {
    wire.map(|wire| Duration::try_from(wire).map_err(|_| BadCommand("duration"))).transpose()
}

impl From<Signal> for v1::Signal {
    fn from(signal: Signal) -> Self {
        Self { name: signal.name, args: to_wire(signal.args) }
    }
}

impl TryFrom<v1::Signal> for Signal {
    type Error = BadCommand;

    fn try_from(wire: v1::Signal) -> Result<Self, BadCommand> {
        Ok(Self { name: named(wire.name, "signal name")?, args: JsonText::read_all(wire.args)? })
    }
}

impl From<Update> for v1::Update {
    fn from(update: Update) -> Self {
        Self { name: update.name, args: to_wire(update.args), wait: update.wait.into() }
    }
}

impl TryFrom<v1::Update> for Update {
    type Error = BadCommand;

    fn try_from(wire: v1::Update) -> Result<Self, BadCommand> {
        let wait = match wire.wait() {
            UpdateWait::Unspecified => UpdateWait::Accepted,
            given => given,
        };
        Ok(Self { name: named(wire.name, "update name")?, args: JsonText::read_all(wire.args)?, wait })
    }
}

impl From<Query> for v1::Query {
    fn from(query: Query) -> Self {
        Self { name: query.name, args: to_wire(query.args) }
    }
}

impl TryFrom<v1::Query> for Query {
    type Error = BadCommand;

    fn try_from(wire: v1::Query) -> Result<Self, BadCommand> {
        Ok(Self { name: named(wire.name, "query name")?, args: JsonText::read_all(wire.args)? })
    }
}

impl From<SignalAll> for v1::SignalAll {
    fn from(all: SignalAll) -> Self {
        Self { query: all.query, signal: Some(all.signal.into()), limit: all.limit }
    }
}

impl TryFrom<v1::SignalAll> for SignalAll {
    type Error = BadCommand;

    fn try_from(wire: v1::SignalAll) -> Result<Self, BadCommand> {
        if wire.query.len() > Self::MAX_QUERY {
            return Err(BadCommand("visibility query"));
        }
        Ok(Self {
            query: named(wire.query, "visibility query")?,
            signal: wire.signal.ok_or(BadCommand("signal"))?.try_into()?,
            limit: wire.limit,
        })
    }
}
