//! Seals: a batch is written down with its members before it is published, so that no crash in between changes who
//! they are.

use async_nats::jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind};
use futures::TryStreamExt;
use prost::Message;
use signalbox_domain::Command;
use signalbox_proto::{
    names::{stream, subject},
    v1::{self, CommandBatch},
};

use crate::{Bus, Error, PublishError, at_last, publish::Outgoing};

/// A batch that is sealed.
#[derive(Debug)]
pub struct Seal {
    sequence: u64,
    /// The batch.
    pub command: Command,
}

/// Why a batch is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It is larger than NATS takes.
    #[error("the batch is larger than NATS takes")]
    TooLarge,
    /// Its first member has been sealed with others: whoever works on this partition now did so.
    #[error("its first member belongs to another batch")]
    Taken,
}

impl Bus {
    /// Seals a batch, however long JetStream is away. Drop the future to give it up.
    ///
    /// # Errors
    /// [`SealError`] says why it must not be published.
    pub async fn seal(&self, partition: u16, batch: &Command) -> Result<Seal, SealError> {
        let first = batch.terms.members.first().map_or("", |member| &member.effect_key);
        let to = subject::seal(partition, first);
        let wire = CommandBatch { commands: vec![v1::Command::from(batch.clone())], planned_at: None };
        let outgoing = Outgoing::new(to.clone(), format!("seal.{first}"), wire.encode_to_vec());
        let stored = match self.store_at_last(&outgoing).await {
            Ok(stored) => stored,
            Err(PublishError::TooLarge | PublishError::NotStored(_) | PublishError::Unknown(_)) => {
                return Err(SealError::TooLarge);
            }
        };
        if !stored.duplicate {
            return Ok(Seal { sequence: stored.stream_sequence, command: batch.clone() });
        }
        // An acknowledgement that was lost, or another router.
        let known = at_last(|| self.read_seal(&to)).await;
        known.filter(|seal| seal.command.effect_key == batch.effect_key).ok_or(SealError::Taken)
    }

    /// The seals of a partition, however long JetStream is away.
    pub async fn seals(&self, partition: u16) -> Vec<Seal> {
        let subjects = at_last(|| self.sealed_subjects(partition)).await;
        let mut seals = Vec::new();
        for subject in subjects {
            seals.extend(at_last(|| self.read_seal(&subject)).await);
        }
        seals
    }

    /// Takes a seal away, once it is known of each member that it belongs to the batch. One that stays is opened again
    /// by whoever works on this partition next.
    pub async fn unseal(&self, seal: &Seal) {
        let deleted = async {
            let of = Error::when("delete a seal");
            let held = self.jetstream.get_stream_no_info(stream::FLOW).await.map_err(|e| of(e.into()))?;
            held.delete_message(seal.sequence).await.map_err(|e| of(e.into()))
        };
        if let Err(error) = deleted.await {
            tracing::debug!(%error, effect.key = %seal.command.effect_key, "a seal stays");
        }
    }

    async fn sealed_subjects(&self, partition: u16) -> Result<Vec<String>, Error> {
        let of = Error::when("list the seals");
        let held = self.jetstream.get_stream_no_info(stream::FLOW).await.map_err(|e| of(e.into()))?;
        let filter = subject::seal(partition, "*");
        let subjects = held.info_with_subjects(filter).await.map_err(|e| of(e.into()))?;
        let subjects = subjects.map_ok(|(subject, _)| subject);
        subjects.try_collect().await.map_err(|e| of(e.into()))
    }

    /// `None` if it was taken away, or cannot be read.
    async fn read_seal(&self, subject: &str) -> Result<Option<Seal>, Error> {
        let of = Error::when("read a seal");
        let held = self.jetstream.get_stream_no_info(stream::FLOW).await.map_err(|e| of(e.into()))?;
        match held.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(read(&message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(of(error.into())),
        }
    }
}

fn read(message: &StreamMessage) -> Option<Seal> {
    let wire = CommandBatch::decode(message.payload.clone()).ok()?.commands.into_iter().next()?;
    let command = Command::try_from(wire).ok()?;
    Some(Seal { sequence: message.sequence, command })
}
