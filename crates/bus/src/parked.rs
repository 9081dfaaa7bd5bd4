//! Commands that wait for a run of their workflow: stored one by one, in order, until they are taken out.

use async_nats::jetstream::{
    message::StreamMessage,
    stream::{LastRawMessageErrorKind, Stream},
};
use bytes::Bytes;
use prost::Message;
use signalbox_domain::{Command, TraceContext};
use signalbox_proto::{
    names::{consumer, stream, subject},
    v1,
};
use signalbox_telemetry::Span;

use crate::{
    Bus, Error, PublishError, at_last, lease,
    publish::Outgoing,
    spans::{self, About},
};

/// A command as it was stored.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Its sequence in the stream, by which it is taken out.
    pub stream_sequence: u64,
    /// What is stored: a command, if nobody else writes there.
    pub payload: Bytes,
}

impl Parked {
    fn of(message: StreamMessage) -> Self {
        Self { stream_sequence: message.sequence, payload: message.payload }
    }
}

impl Bus {
    /// Stores a command of a partition, however long JetStream is away, and tells its sequence. Drop the future to give
    /// it up.
    ///
    /// # Errors
    /// When it is larger than NATS takes.
    pub async fn park(&self, partition: u16, command: Command) -> Result<u64, PublishError> {
        // One command may be parked again after it was taken out, so its effect key alone would not do.
        let id = format!("{}.{}", command.effect_key, uuid::Uuid::now_v7());
        let body = v1::Command::from(command).encode_to_vec();
        let stored = self.store_at_last(&Outgoing::new(subject::parked(partition), id, body)).await?;
        Ok(stored.stream_sequence)
    }

    /// The first that a partition has stored at this sequence or later, however long JetStream is away.
    pub async fn parked_from(&self, partition: u16, stream_sequence: u64) -> Option<Parked> {
        let subject = subject::parked(partition);
        at_last(|| async {
            let stream = self.parking().await?;
            let found = stream.get_first_raw_message_by_subject(&subject, stream_sequence).await;
            match found {
                Ok(message) => Ok(Some(Parked::of(message))),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(Error::when("read what is parked")(error.into())),
            }
        })
        .await
    }

    /// Takes out what has this sequence, however long JetStream is away. It may be gone already.
    pub async fn unpark(&self, stream_sequence: u64) {
        at_last(|| async {
            let stream = self.parking().await?;
            match stream.delete_message(stream_sequence).await {
                Ok(_) => Ok(()),
                Err(error) => match stream.get_raw_message(stream_sequence).await {
                    Err(gone) if gone.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(()),
                    _ => Err(Error::when("take out what is parked")(error.into())),
                },
            }
        })
        .await;
    }

    /// Sends an empty message to a partition that nobody has, if something is parked there: JetStream gives a partition to
    /// somebody only when there is a message.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn wake(&self, partition: u16) -> Result<(), Error> {
        let of = Error::when("wake a partition");
        let (parked, subject) = (self.parking().await?, subject::parked(partition));
        match parked.get_first_raw_message_by_subject(&subject, 1).await {
            Ok(_) => {}
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(()),
            Err(error) => return Err(of(error.into())),
        }
        let commands = self.jetstream.get_stream_no_info(stream::COMMANDS).await.map_err(|e| of(e.into()))?;
        if lease::pinned(&commands, &consumer::apply(partition)).await?.is_some() {
            return Ok(());
        }
        let nothing = v1::CommandBatch::default().encode_to_vec();
        let id = format!("wake.{partition}.{}", uuid::Uuid::now_v7());
        let sent = self.store(Outgoing::new(subject::commands(partition), id, nothing)).await;
        sent.map(drop).map_err(|e| of(e.into()))
    }

    async fn parking(&self) -> Result<Stream<()>, Error> {
        let stream = self.jetstream.get_stream_no_info(stream::PARKED).await;
        stream.map_err(|error| Error::when("find the stream of what is parked")(error.into()))
    }
}

/// The span of the work for a command that was parked.
pub fn parked_span(partition: u16, stream_sequence: u64, trace: &TraceContext) -> Span {
    let subject = subject::parked(partition);
    let about = About { subject: &subject, template: subject::PARKED, id: None, size: None };
    let mut span = spans::process(trace, "apply", &about);
    span.set("messaging.nats.stream.sequence", || i64::try_from(stream_sequence).unwrap_or(i64::MAX));
    span
}
