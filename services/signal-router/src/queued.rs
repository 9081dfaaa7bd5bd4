//! Reading the messages of COMMANDS and FLOW.

use chrono::{TimeDelta, Utc};
use prost::{Message, bytes::Bytes};
use signalbox_bus::{Bus, Delivery};
use signalbox_domain::{
    BadCommand, Command, DeadLetter, EventRef, Outcome, OutcomeExt, OutcomeKind, Reason, dead_letter, time,
};
use signalbox_proto::v1::CommandBatch;

/// Commands that are stored so long after they were planned may come from a router that was thought dead: another one
/// may have stored them too.
const LATE: TimeDelta = TimeDelta::seconds(2);

/// The commands of a delivery.
pub(crate) struct Queued {
    pub(crate) commands: Vec<Command>,
    /// Whether they may have been stored by another router too.
    pub(crate) late: bool,
}

/// Reads a delivery. What is no command is a dead letter.
pub(crate) async fn read(bus: &Bus, delivery: &Delivery) -> Queued {
    let (mut commands, mut unreadable, mut late) = (Vec::new(), None, false);
    match CommandBatch::decode(delivery.payload().clone()) {
        Err(error) => unreadable = Some(error.to_string()),
        Ok(batch) => {
            let planned_at = batch.planned_at.and_then(time);
            late = planned_at.is_some_and(|planned_at| delivery.stored_at - planned_at > LATE);
            commands.reserve_exact(batch.commands.len());
            for wire in batch.commands {
                match Command::try_from(wire) {
                    Ok(command) => commands.push(command),
                    Err(error @ BadCommand(_)) => unreadable = Some(error.to_string()),
                }
            }
        }
    }
    if let Some(why) = unreadable {
        bury_unreadable(bus, delivery.raw().reference(), delivery.payload(), &why).await;
    }
    Queued { commands, late }
}

/// `message` tells which message it is that has this payload.
pub(crate) async fn bury_unreadable(bus: &Bus, message: EventRef, payload: &Bytes, why: &str) {
    tracing::warn!(
        nats.subject = message.nats_subject,
        stream.sequence = message.stream_sequence,
        error = why,
        "a command that cannot be read"
    );
    let outcome = Outcome { event: Some(message), attempts: 1, ..Default::default() }.at(Utc::now()).because(
        OutcomeKind::Dead,
        Reason::BadCommand,
        why,
    );
    let letter = DeadLetter { raw: payload.clone(), ..dead_letter(outcome) };
    bus.bury(&letter).await;
}
