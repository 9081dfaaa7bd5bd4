//! Publishing many commands at once: those of a partition in as few messages as can be.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use prost::Message;
use signalbox_domain::{Command, Flow, TraceContext, partition, wire_time};
use signalbox_proto::{
    names::{PARTITIONS, subject},
    v1::CommandBatch,
};
use signalbox_telemetry::Span;

use crate::{
    Bus, PublishError,
    publish::{Outgoing, traced},
};

/// A message has no more bytes than this, if it has more than one command: what waits is held in whole messages.
const FULL: usize = 64 * 1024;
/// Nor more commands.
const MANY: usize = 128;

/// Where commands go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    /// To be carried out.
    Commands,
    /// To wait before that.
    Flow,
}

impl Queue {
    fn of(command: &Command) -> Self {
        let holds = command.terms.flow.as_deref().is_some_and(Flow::holds);
        if holds { Self::Flow } else { Self::Commands }
    }

    fn subject(self, partition: u16) -> String {
        match self {
            Self::Commands => subject::commands(partition),
            Self::Flow => subject::flow(partition),
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Commands => subject::COMMANDS,
            Self::Flow => subject::FLOW,
        }
    }
}

/// A message that is being filled.
#[derive(Default)]
struct Batch {
    wire: CommandBatch,
    /// For each command: the trace that it came with, and the span of its sending.
    sent: Vec<(TraceContext, Span)>,
    bytes: usize,
}

impl Bus {
    /// Publishes commands that were planned at this time, those of one partition in their order, however long JetStream
    /// is away: those that a flow holds back to where they wait, the others to be carried out. Gives back those that are
    /// larger than NATS takes. Drop the future to give it up.
    pub async fn publish_commands_at_last(
        &self,
        commands: Vec<Command>,
        planned_at: DateTime<Utc>,
    ) -> Vec<Command> {
        let mut partitions: BTreeMap<(Queue, u16), (String, Vec<Batch>)> = BTreeMap::new();
        let full = FULL.min(self.client.server_info().max_payload / 2);
        for command in commands {
            let number = partition(command.key(), PARTITIONS);
            let queue = Queue::of(&command);
            let fresh = || (queue.subject(number), Vec::new());
            let (to, batches) = partitions.entry((queue, number)).or_insert_with(fresh);
            put(batches, to, queue.template(), full, command);
        }
        let planned_at = Some(wire_time(planned_at));
        for batch in partitions.values_mut().flat_map(|(_, batches)| batches) {
            batch.wire.planned_at = planned_at;
        }
        let stored = partitions.into_values().map(|(to, batches)| self.store_in_order(to, batches));
        join_all(stored).await.into_iter().flatten().collect()
    }

    /// One after the other: a message that has to be sent again must not come after the next.
    async fn store_in_order(&self, to: String, batches: Vec<Batch>) -> Vec<Command> {
        let mut too_large = Vec::new();
        for batch in batches {
            // An id of its own: the same commands in another company are another message.
            let id = uuid::Uuid::now_v7().to_string();
            let outgoing = Outgoing::new(to.clone(), id, batch.wire.encode_to_vec());
            if let Err(error) = self.store_at_last(&outgoing).await {
                too_large.extend(batch.refused(&error));
            }
        }
        too_large
    }
}

fn put(batches: &mut Vec<Batch>, to: &str, template: &'static str, full: usize, command: Command) {
    let (trace, id) = (command.trace.clone(), command.effect_key.to_string());
    let (wire, span) = traced(command, to, template, &id);
    let bytes = wire.encoded_len();
    let room = |batch: &Batch| batch.sent.len() < MANY && batch.bytes + bytes <= full;
    if !batches.last().is_some_and(room) {
        batches.push(Batch::default());
    }
    if let Some(batch) = batches.last_mut() {
        batch.wire.commands.push(wire);
        batch.sent.push((trace, span));
        batch.bytes += bytes;
    }
}

impl Batch {
    /// The commands, as they came.
    fn refused(self, error: &PublishError) -> impl Iterator<Item = Command> {
        self.wire.commands.into_iter().zip(self.sent).filter_map(move |(wire, (trace, mut span))| {
            span.fail(|| error.to_string());
            // What was a command a moment ago is one.
            Some(Command { trace, ..wire.try_into().ok()? })
        })
    }
}
