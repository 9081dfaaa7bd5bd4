//! Reading the ledger: the last outcome of each effect of an event.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use prost::Message;
use signalbox_domain::EventKey;
use signalbox_proto::{names::stream, v1::Outcome};

use crate::{Bus, Error};

/// More effects than this of one event id are not listed.
const LIMIT: usize = 1000;

impl Bus {
    /// What is known of the events of this id: the verdict of their matching and the outcome of each effect.
    /// Two sources may use one id; each outcome names its source.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn outcomes_of(&self, event_id: &str) -> Result<Vec<Outcome>, Error> {
        let of = Error::when("read the ledger");
        let ledger = self.jetstream.get_stream_no_info(stream::OUTCOMES).await.map_err(|e| of(e.into()))?;
        let config = pull::Config {
            filter_subject: format!("outcomes.{}.>", EventKey::id_token(event_id)),
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(10),
            memory_storage: true,
            ..Default::default()
        };
        let consumer = ledger.create_consumer(config).await.map_err(|e| of(e.into()))?;
        let mut messages = consumer.fetch().max_messages(LIMIT).messages().await.map_err(|e| of(e.into()))?;
        let mut outcomes = Vec::new();
        while let Some(message) = messages.next().await {
            let message = message.map_err(&of)?;
            outcomes.push(Outcome::decode(message.payload.clone()).map_err(|e| of(e.into()))?);
        }
        let name = consumer.cached_info().name.clone();
        if let Err(error) = ledger.delete_consumer(&name).await {
            tracing::debug!(%error, "a reader of the ledger goes by itself");
        }
        Ok(outcomes)
    }
}
