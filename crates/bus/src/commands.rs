//! Publishing many commands at once: those of a partition in as few messages as can be.

use std::collections::BTreeMap;

use futures::future::join_all;
use prost::Message;
use signalbox_domain::{Command, partition};
use signalbox_proto::{
    names::{PARTITIONS, subject},
    v1::{self, CommandBatch},
};
use signalbox_telemetry::Span;

use crate::{
    Bus,
    publish::Outgoing,
    spans::{self, About},
};

/// A message has no more bytes than this, if it has more than one command: what waits is held in whole messages.
const FULL: usize = 64 * 1024;
/// Nor more commands.
const MANY: usize = 128;

/// A message that is being filled.
#[derive(Default)]
struct Batch {
    wire: CommandBatch,
    commands: Vec<Command>,
    spans: Vec<Span>,
    bytes: usize,
}

impl Bus {
    /// Publishes commands, those of one partition in their order, however long JetStream is away. Gives back those
    /// that are larger than NATS takes. Drop the future to give it up.
    pub async fn publish_commands_at_last(&self, commands: Vec<Command>) -> Vec<Command> {
        let mut partitions: BTreeMap<u16, Vec<Batch>> = BTreeMap::new();
        let full = FULL.min(self.client.server_info().max_payload / 2);
        for command in commands {
            let number = partition(command.key(), PARTITIONS);
            put(partitions.entry(number).or_default(), number, full, command);
        }
        let stored = partitions.into_iter().map(|(number, batches)| self.store_in_order(number, batches));
        join_all(stored).await.into_iter().flatten().collect()
    }

    /// One after the other: a message that has to be sent again must not come after the next.
    async fn store_in_order(&self, number: u16, batches: Vec<Batch>) -> Vec<Command> {
        let mut too_large = Vec::new();
        for Batch { wire, commands, mut spans, .. } in batches {
            // An id of its own: the same commands in another company are another message.
            let id = uuid::Uuid::now_v7().to_string();
            let outgoing = Outgoing::new(subject::commands(number), id, wire.encode_to_vec());
            match self.store_at_last(&outgoing).await {
                Ok(_) => {}
                Err(error) => {
                    spans.iter_mut().for_each(|span| span.fail(|| error.to_string()));
                    too_large.extend(commands);
                }
            }
        }
        too_large
    }
}

fn put(batches: &mut Vec<Batch>, number: u16, full: usize, command: Command) {
    let id = command.effect_key.to_string();
    let to = subject::commands(number);
    let about = About { subject: &to, template: subject::COMMANDS, id: Some(&id), size: None };
    let span = spans::publish(&command.trace, &about);
    let wire = v1::Command::from(Command { trace: span.context(), ..command.clone() });
    let bytes = wire.encoded_len();
    let room = |batch: &Batch| batch.commands.len() < MANY && batch.bytes + bytes <= full;
    match batches.last_mut() {
        Some(last) if room(last) => last.add(command, wire, span, bytes),
        _ => {
            let mut batch = Batch::default();
            batch.add(command, wire, span, bytes);
            batches.push(batch);
        }
    }
}

impl Batch {
    fn add(&mut self, command: Command, wire: v1::Command, span: Span, bytes: usize) {
        self.wire.commands.push(wire);
        self.commands.push(command);
        self.spans.push(span);
        self.bytes += bytes;
    }
}
