//! What the streams have: whether all is done, what became of each event, and the dead letters.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{anyhow, ensure};
use async_nats::jetstream::{
    self,
    consumer::{PullConsumer, pull},
    stream::Stream,
};
use futures::StreamExt;
use signalbox_domain::OutcomeExt;
use signalbox_proto::{
    Message,
    names::{consumer, stream},
    v1::{DeadLetter, Outcome},
};
use signalbox_testkit::eventually;

/// The ledger's outcomes and the dead letters, by the id of their event.
#[derive(Default)]
pub struct Ledger {
    pub effects: BTreeMap<String, Vec<Outcome>>,
    pub verdicts: BTreeMap<String, Vec<Outcome>>,
    pub letters: BTreeMap<String, Vec<DeadLetter>>,
}

impl Ledger {
    pub async fn read(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let mut ledger = Self::default();
        let id = |outcome: &Outcome| outcome.event.as_ref().map(|event| event.id.clone()).unwrap_or_default();
        for message in all(jetstream, stream::OUTCOMES).await? {
            let mut outcome = Outcome::decode(message)?;
            let verdict = outcome.take_matching();
            let is_effect = !outcome.effect_key.is_empty();
            let place = if is_effect { &mut ledger.effects } else { &mut ledger.verdicts };
            place.entry(id(&outcome)).or_default().push(outcome);
            if let Some(verdict) = verdict {
                ledger.verdicts.entry(id(&verdict)).or_default().push(verdict);
            }
        }
        for message in all(jetstream, stream::DEAD_LETTERS).await? {
            let letter = DeadLetter::decode(message)?;
            let id = letter.event.as_ref().map(|event| event.id.clone()).unwrap_or_default();
            ledger.letters.entry(id).or_default().push(letter);
        }
        Ok(ledger)
    }

    /// Everything that is known of an event, a line each.
    pub fn told(&self, id: &str) -> String {
        let outcomes = [&self.verdicts, &self.effects].into_iter().filter_map(|of| of.get(id)).flatten();
        let lines = outcomes.map(|outcome| {
            let Outcome { route, workflow_id, run_id, attempts, reason, detail, .. } = outcome;
            let kind = outcome.kind().as_str_name();
            format!("  {kind} {route} {workflow_id} {run_id} attempt {attempts} {reason} {detail}\n")
        });
        lines.collect()
    }
}

async fn all(jetstream: &jetstream::Context, name: &str) -> anyhow::Result<Vec<bytes::Bytes>> {
    let stream = jetstream.get_stream(name).await?;
    let (left, last) = (stream.cached_info().state.messages, stream.cached_info().state.last_sequence);
    let mut read = Vec::new();
    if left == 0 {
        return Ok(read);
    }
    let mut messages = stream.create_consumer(pull::OrderedConfig::default()).await?.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        read.push(message.payload.clone());
        if message.info().map_err(|error| anyhow!(error))?.stream_sequence >= last {
            break;
        }
    }
    Ok(read)
}

/// Waits until every event is matched and every command carried out.
pub async fn drained(jetstream: &jetstream::Context, within: Duration) {
    eventually(within, async || {
        // What a command publishes is stored before the command is gone: so commands are asked twice.
        no_commands(jetstream).await?;
        let log = jetstream.get_stream(stream::EVENTS).await?;
        let mut matcher: PullConsumer =
            log.get_consumer(consumer::MATCH).await.map_err(|error| anyhow!(error))?;
        let matcher = matcher.info().await?;
        ensure!(
            matcher.num_pending == 0 && matcher.num_ack_pending == 0,
            "{} events wait, {} are under way",
            matcher.num_pending,
            matcher.num_ack_pending
        );
        no_commands(jetstream).await
    })
    .await;
}

async fn no_commands(jetstream: &jetstream::Context) -> anyhow::Result<()> {
    let commands: Stream = jetstream.get_stream(stream::COMMANDS).await?;
    let left = commands.cached_info().state.messages;
    ensure!(left == 0, "{left} messages with commands are left");
    Ok(())
}
