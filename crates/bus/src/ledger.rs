//! Reading the ledger: the last outcome of each effect of an event. The verdict of an event that led to effects lies
//! with the outcome of the first of them, and is taken out here.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use prost::Message;
use serde_json::json;
use signalbox_domain::{EventKey, OutcomeExt};
use signalbox_proto::{names::stream, v1::Outcome};

use crate::{Bus, Error, at_last, direct::Found};

/// More effects than this of one event id are not listed.
const LIMIT: usize = 1000;

/// Events that are asked for together. The server gives 1,024 answers at most.
const AT_ONCE: usize = 512;

const ASK: &str = "ask the ledger";

impl Bus {
    /// What is known of the events of this id: the verdict of their matching and the outcome of each effect.
    /// Two sources may use one id; each outcome names its source.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn outcomes_of(&self, event_id: &str) -> Result<Vec<Outcome>, Error> {
        let filter = format!("outcomes.{}.>", EventKey::id_token(event_id));
        Ok(with_matching(self.read_last(filter, LIMIT).await?))
    }

    async fn read_last(&self, filter: String, most: usize) -> Result<Vec<Outcome>, Error> {
        let of = Error::when("read the ledger");
        let ledger = self.jetstream.get_stream_no_info(stream::OUTCOMES).await.map_err(|e| of(e.into()))?;
        let config = pull::Config {
            filter_subject: filter,
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(10),
            memory_storage: true,
            ..Default::default()
        };
        let consumer = ledger.create_consumer(config).await.map_err(|e| of(e.into()))?;
        let mut messages = consumer.fetch().max_messages(most).messages().await.map_err(|e| of(e.into()))?;
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

    /// The last outcomes of all effects of these events, however long JetStream is away.
    pub async fn recorded(&self, events: &[EventKey]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut left: Vec<&[EventKey]> = events.chunks(AT_ONCE).collect();
        while let Some(events) = left.pop() {
            match (at_last(|| self.last_of(events)).await, events) {
                (Found::All(found), _) => outcomes.extend(found),
                (Found::TooMany, [] | [_]) => {
                    for event in events {
                        outcomes.extend(at_last(|| self.recorded_of(event)).await);
                    }
                }
                (Found::TooMany, events) => {
                    let (one, other) = events.split_at(events.len() / 2);
                    left.extend([one, other]);
                }
            }
        }
        outcomes
    }

    /// The same, by the keys of the effects.
    pub async fn recorded_by_effect(&self, events: &[EventKey]) -> HashMap<String, Outcome> {
        let recorded = self.recorded(events).await.into_iter();
        recorded.map(|outcome| (outcome.effect_key.clone(), outcome)).collect()
    }

    /// The last outcomes of all effects of an event.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn recorded_of(&self, event: &EventKey) -> Result<Vec<Outcome>, Error> {
        match self.last_of(std::slice::from_ref(event)).await? {
            Found::All(outcomes) => Ok(outcomes),
            Found::TooMany => self.read_last(event.outcome_subject(">"), usize::MAX).await,
        }
    }

    /// One question for many subjects (ADR-31 of NATS, "Multi-subject requests"). Mostly nothing is known.
    async fn last_of(&self, events: &[EventKey]) -> Result<Found<Outcome>, Error> {
        let subjects: Vec<_> = events.iter().map(|event| event.outcome_subject(">")).collect();
        let question = json!({ "multi_last": subjects });
        if self.direct_get_is_empty(ASK, stream::OUTCOMES, &question).await? {
            return Ok(Found::All(Vec::new()));
        }
        self.direct_get(ASK, stream::OUTCOMES, &question, |answer| Ok(Outcome::decode(answer.payload)?)).await
    }
}

/// With the verdicts that lie with effects; one that is recorded for itself comes first.
fn with_matching(mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let taken: Vec<_> = outcomes.iter_mut().filter_map(Outcome::take_matching).collect();
    let event = |outcome: &Outcome| outcome.event.as_ref().map(|event| event.source.clone());
    for matching in taken {
        let known = |outcome: &Outcome| outcome.effect_key.is_empty() && event(outcome) == event(&matching);
        if !outcomes.iter().any(known) {
            outcomes.insert(0, matching);
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::EventRef;

    use super::*;

    #[test]
    fn verdicts_that_lie_with_an_effect_are_told_as_the_matching() {
        let outcome = |source: &str, effect: &str, keys: &[&str]| Outcome {
            event: Some(EventRef { id: "e".into(), source: source.into(), ..Default::default() }),
            effect_key: effect.into(),
            effect_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Default::default()
        };
        let told = with_matching(vec![
            outcome("/a", "k1", &["k1", "k2"]),
            outcome("/a", "k2", &[]),
            outcome("/b", "k3", &["k3"]),
            outcome("/b", "", &["k3"]),
        ]);
        let told: Vec<_> = told
            .iter()
            .map(|outcome| {
                (
                    outcome.event.as_ref().unwrap().source.as_str(),
                    &*outcome.effect_key,
                    outcome.effect_keys.len(),
                )
            })
            .collect();
        assert_eq!(told, [("/a", "", 2), ("/a", "k1", 0), ("/a", "k2", 0), ("/b", "k3", 0), ("/b", "", 1)]);
    }
}
