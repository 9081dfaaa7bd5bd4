//! Events that the stream still has.

use chrono::DateTime;
use signalbox_bus::{Bus, Entry};
use signalbox_domain::{EventId, read_event};
use signalbox_service::NatsArgs;

use super::Stored;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::progress::Progress;

/// The event with this sequence.
///
/// # Errors
/// When there is none, or NATS is away.
pub async fn at(args: &NatsArgs, sequence: u64) -> Result<Stored, Failure> {
    let bus = nats::connect(args).await?;
    match bus.event_at(sequence).await? {
        Some(entry) => stored(&entry),
        None => Err(Failure::other(Exit::NotFound, format!("the stream EVENTS has no message {sequence}"))
            .with_tip("`signalbox events` lists what it has")),
    }
}

/// The event with this id: the ledger says where it is, or else all events are looked through.
///
/// # Errors
/// As [`at`].
pub async fn of_id(args: &NatsArgs, id: &EventId) -> Result<Stored, Failure> {
    let bus = nats::connect(args).await?;
    let outcomes = bus.outcomes_of(id.as_str()).await?;
    let sequence = outcomes
        .iter()
        .filter_map(|outcome| outcome.event.as_ref())
        .map(|event| event.stream_sequence)
        .find(|sequence| *sequence > 0);
    let entry = match sequence {
        Some(sequence) => bus.event_at(sequence).await?,
        None => search(&bus, id).await?,
    };
    match entry {
        Some(entry) => stored(&entry),
        None => Err(Failure::other(Exit::NotFound, format!("the stream EVENTS has no event {id}"))
            .with_tip("a call that names its workflow is no event: no route has to do with it")),
    }
}

async fn search(bus: &Bus, id: &EventId) -> Result<Option<Entry>, Failure> {
    let mut feed = bus.read_events("events.>", Some(DateTime::UNIX_EPOCH)).await?;
    let progress = Progress::new();
    loop {
        progress.show(format_args!("{} events to look through", feed.behind()));
        let Some(entry) = feed.next_there().await? else { return Ok(None) };
        if read_event(&entry.raw()).is_ok_and(|event| event.id == *id) {
            return Ok(Some(entry));
        }
    }
}

fn stored(entry: &Entry) -> Result<Stored, Failure> {
    let event = read_event(&entry.raw()).map_err(|bad| {
        Failure::other(Exit::Failed, format!("message {} is no event: {bad}", entry.stream_sequence))
    })?;
    Ok(Stored { event, at: entry.stored_at })
}
