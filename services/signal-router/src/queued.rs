//! Reading the messages of COMMANDS and FLOW.

use chrono::Utc;
use prost::Message;
use signalbox_bus::{Bus, Delivery};
use signalbox_domain::{
    BadCommand, Command, DeadLetter, Outcome, OutcomeExt, OutcomeKind, Reason, dead_letter,
};
use signalbox_proto::v1::CommandBatch;

/// The commands of a delivery. What is none is a dead letter, as a whole.
pub(crate) async fn commands(bus: &Bus, delivery: &Delivery) -> Vec<Command> {
    let (mut commands, mut unreadable) = (Vec::new(), None);
    match CommandBatch::decode(delivery.payload().clone()) {
        Err(error) => unreadable = Some(error.to_string()),
        Ok(batch) => {
            for wire in batch.commands {
                match Command::try_from(wire) {
                    Ok(command) => commands.push(command),
                    Err(error @ BadCommand(_)) => unreadable = Some(error.to_string()),
                }
            }
        }
    }
    if let Some(why) = unreadable {
        bury(bus, delivery, &why).await;
    }
    commands
}

async fn bury(bus: &Bus, delivery: &Delivery, why: &str) {
    tracing::warn!(stream.sequence = delivery.stream_sequence, error = why, "a command that cannot be read");
    let outcome = Outcome { event: Some(delivery.raw().reference()), attempts: 1, ..Default::default() }
        .at(Utc::now())
        .because(OutcomeKind::Dead, Reason::BadCommand, why);
    let letter = DeadLetter { raw: delivery.payload().clone(), ..dead_letter(outcome) };
    bus.bury(&letter).await;
}
