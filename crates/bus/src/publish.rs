//! Publishing: everything carries a `Nats-Msg-Id`, so that what was sent twice is stored once.

use std::future::IntoFuture;

use async_nats::{
    HeaderMap, HeaderName, HeaderValue,
    jetstream::{
        context::{PublishAckFuture, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use prost::Message;
use signalbox_domain::{Command, Event, OutcomeExt, WorkflowId, partition};
use signalbox_proto::{
    names::{PARTITIONS, header, subject},
    v1::{self, CommandBatch, DeadLetter, Outcome},
};

use crate::Bus;

/// A message that JetStream has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence in its stream.
    pub stream_sequence: u64,
    /// Whether a message of the same id was stored before, so that this one was not.
    pub duplicate: bool,
}

/// Why JetStream did not say that it has stored a message.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is not stored, and will not be if sent again.
    #[error("the message is larger than NATS takes")]
    TooLarge,
    /// It is not stored; it may be if sent again.
    #[error("JetStream did not take the message")]
    NotStored(#[source] async_nats::Error),
    /// It may be stored or still be sent. Sending it again with the same id is safe.
    #[error("JetStream did not acknowledge the message in time")]
    Unknown(#[source] async_nats::Error),
}

impl From<async_nats::jetstream::context::PublishError> for PublishError {
    fn from(error: async_nats::jetstream::context::PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => Self::TooLarge,
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe | PublishErrorKind::Other => {
                Self::Unknown(error.into())
            }
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::MaxAckPending => Self::NotStored(error.into()),
        }
    }
}

/// A message on its way. Dropping it does not call it back.
pub struct Publishing(PublishAckFuture);

impl Publishing {
    /// Waits until JetStream has it.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn stored(self) -> Result<Stored, PublishError> {
        let ack = self.0.into_future().await?;
        Ok(Stored { stream_sequence: ack.sequence, duplicate: ack.duplicate })
    }
}

impl Bus {
    /// Publishes an event and waits until it is stored. Its message id is the event's own, so that a publisher
    /// that sends it again, here or by itself, has it stored once.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_event(&self, event: &Event) -> Result<Stored, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, value) in event.headers() {
            // Attributes come from outside: what NATS cannot carry in a header is left out, not a panic.
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        self.send(event.nats_subject.as_str(), &event.key().message_id(), headers, event.body())
            .await?
            .stored()
            .await
    }

    /// Publishes one command and waits until it is stored.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_command(&self, command: Command) -> Result<Stored, PublishError> {
        self.send_command(command).await?.stored().await
    }

    /// Sends one command; commands sent one after the other are stored in that order.
    ///
    /// # Errors
    /// [`PublishError`] when it could not be sent.
    pub async fn send_command(&self, command: Command) -> Result<Publishing, PublishError> {
        let to = subject::commands(partition_of(&command.key));
        let id = command.effect_key.to_string();
        let batch = CommandBatch { commands: vec![v1::Command::from(command)] };
        self.send(&to, &id, HeaderMap::new(), batch.encode_to_vec().into()).await
    }

    /// Writes an outcome into the ledger, where it takes the place of an earlier one of the same effect.
    ///
    /// # Errors
    /// [`PublishError`] when it could not be sent.
    pub async fn send_outcome(&self, outcome: &Outcome) -> Result<Publishing, PublishError> {
        let to = outcome.ledger_subject();
        // The attempt is part of the id: a later outcome of the same effect is news, not a duplicate.
        let id = format!("{to}.{}.{}", outcome.kind, outcome.attempts);
        self.send(&to, &id, HeaderMap::new(), outcome.encode_to_vec().into()).await
    }

    /// Stores a dead letter. The same letter again is stored once.
    ///
    /// # Errors
    /// [`PublishError`] when it was not stored.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<Stored, PublishError> {
        let outcome = letter.outcome.clone().unwrap_or_default();
        let id = format!("dead.{}", outcome.ledger_subject());
        let to = subject::dead_letters(&outcome.reason);
        self.send(&to, &id, HeaderMap::new(), letter.encode_to_vec().into()).await?.stored().await
    }

    async fn send(
        &self,
        to: &str,
        id: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Publishing, PublishError> {
        let message = PublishMessage::build().payload(body).headers(headers).header(header::MESSAGE_ID, id);
        Ok(Publishing(self.jetstream.send_publish(to.to_owned(), message).await?))
    }
}

fn partition_of(key: &WorkflowId) -> u16 {
    partition(key, PARTITIONS)
}
