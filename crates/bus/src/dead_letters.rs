//! The dead letters: storing, reading, and taking them out to try again what they ask for.

use async_nats::jetstream::{ErrorCode, stream::RawMessageErrorKind};
use chrono::{DateTime, SecondsFormat, Utc};
use prost::Message;
use serde_json::{Value, json};
use signalbox_domain::{Command, OutcomeExt, Reason};
use signalbox_proto::{
    names::{stream, subject},
    v1::{DeadLetter, Outcome},
};

use crate::{
    Bus, Error, PublishError, Stored, at_last,
    direct::{Found, Taken},
    publish::Outgoing,
};

/// Letters that are asked for together, and bytes.
const AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// No more letters than these are looked through for one page.
const LOOKED_THROUGH: usize = 10_000;

/// A dead letter in its stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Its sequence in DEADLETTERS.
    pub sequence: u64,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// What it says.
    pub letter: DeadLetter,
}

/// Which letters are wanted; what is `None` is of no account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetterFilter {
    /// Those of this reason.
    pub reason: Option<Reason>,
    /// Those of this route.
    pub route: Option<String>,
    /// Those of events of this id.
    pub event_id: Option<String>,
    /// Those that were stored then or later.
    pub since: Option<DateTime<Utc>>,
    /// Those that were stored then or before.
    pub until: Option<DateTime<Utc>>,
}

/// A part of what is wanted, in the order of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What was made of each letter.
    pub letters: Vec<T>,
    /// There may be more: those after this sequence.
    pub next: Option<u64>,
}

impl LetterFilter {
    /// Whether all are wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn subject(&self) -> String {
        self.reason
            .map_or_else(|| subject::DEAD_LETTERS.to_owned(), |reason| subject::dead_letters(reason.code()))
    }

    /// Whether it is of the wanted route and event, and stored late enough.
    fn takes(&self, letter: &Letter) -> bool {
        let said = &letter.letter;
        let route = said.outcome.as_ref().map(|outcome| outcome.route.as_str());
        let members = said.command.iter().flat_map(|command| &command.terms).flat_map(|terms| &terms.members);
        let mut events = said.event.iter().chain(members.filter_map(|member| member.event.as_ref()));
        self.route.as_deref().is_none_or(|wanted| route == Some(wanted))
            && self.event_id.as_deref().is_none_or(|wanted| events.any(|event| event.id == wanted))
            && self.since.is_none_or(|since| letter.stored_at >= since)
    }

    /// The first question has no sequence, if it has a time.
    fn question(&self, after: u64, most: usize) -> Value {
        let mut question =
            json!({ "next_by_subj": self.subject(), "batch": most, "max_bytes": BYTES_AT_ONCE });
        match self.since {
            Some(since) if after == 0 => {
                question["start_time"] = since.to_rfc3339_opts(SecondsFormat::Nanos, true).into();
            }
            _ => question["seq"] = after.saturating_add(1).into(),
        }
        question
    }
}

impl Letter {
    fn of(Taken { sequence, stored_at, subject, payload }: Taken) -> Self {
        let letter = DeadLetter::decode(payload.clone()).unwrap_or_else(|error| DeadLetter {
            raw: payload,
            outcome: Some(Outcome {
                reason: subject.rsplit('.').next().unwrap_or_default().to_owned(),
                detail: format!("this message is no dead letter: {error}"),
                ..Default::default()
            }),
            ..Default::default()
        });
        Self { sequence, stored_at, letter }
    }
}

impl Bus {
    /// Stores a dead letter, however long JetStream is away, and tells its sequence. The same letter again is stored
    /// once, unless it was taken out meanwhile. Drop the future to give it up.
    pub async fn bury(&self, letter: &DeadLetter) -> Option<u64> {
        let outgoing = Outgoing::dead_letter(letter);
        match self.store_letter(outgoing).await {
            Err(PublishError::TooLarge) => {
                // The event itself stays in its stream; the letter names its sequence.
                let short = DeadLetter {
                    event: letter.event.clone(),
                    outcome: letter.outcome.clone(),
                    ..Default::default()
                };
                self.store_letter(Outgoing::dead_letter(&short)).await
            }
            stored => stored,
        }
        .inspect_err(|error| tracing::error!(%error, "a dead letter is not stored"))
        .ok()
    }

    async fn store_letter(&self, outgoing: Outgoing) -> Result<u64, PublishError> {
        let stored = self.store_at_last(&outgoing).await?;
        let there = async || {
            !stored.duplicate || at_last(|| self.dead_letter(stored.stream_sequence)).await.is_some()
        };
        if there().await {
            return Ok(stored.stream_sequence);
        }
        // JetStream knows the id of a letter for a while after it was taken out.
        let id = uuid::Uuid::now_v7().to_string();
        Ok(self.store_at_last(&outgoing.under(id)).await?.stream_sequence)
    }

    /// The dead letter of this sequence; `None` if there is none, or no more.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn dead_letter(&self, sequence: u64) -> Result<Option<Letter>, Error> {
        // JetStream counts from 1, and takes 0 for no sequence at all.
        if sequence == 0 {
            return Ok(None);
        }
        let of = Error::when("read a dead letter");
        let letters =
            self.jetstream.get_stream_no_info(stream::DEAD_LETTERS).await.map_err(|e| of(e.into()))?;
        match letters.get_raw_message(sequence).await {
            Ok(message) => {
                let (stored_at, subject) = (message.time.to_utc(), message.subject.to_string());
                let payload = message.payload;
                Ok(Some(Letter::of(Taken { sequence, stored_at, subject, payload })))
            }
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(cause)
                    if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(of(error.into())),
            },
        }
    }

    /// The first `limit` of the letters after the sequence `after` that are wanted. Each is made what is wanted of it as
    /// it comes, so that no more is held. Where few of many are wanted, a page may have less than `limit`, and more follow.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn dead_letters<T>(
        &self,
        filter: &LetterFilter,
        mut after: u64,
        limit: usize,
        read: impl Fn(Letter) -> T,
    ) -> Result<Page<T>, Error> {
        let mut letters = Vec::new();
        let mut looked_through = 0;
        while looked_through < LOOKED_THROUGH {
            let question = filter.question(after, AT_ONCE);
            let found = self.letters_found(&question).await?;
            if found.is_empty() {
                return Ok(Page { letters, next: None });
            }
            looked_through += found.len();
            for letter in found.into_iter().map(Letter::of) {
                if filter.until.is_some_and(|until| letter.stored_at > until) {
                    return Ok(Page { letters, next: None });
                }
                after = letter.sequence;
                if filter.takes(&letter) {
                    letters.push(read(letter));
                }
                if letters.len() >= limit {
                    return Ok(Page { letters, next: Some(after) });
                }
            }
        }
        Ok(Page { letters, next: Some(after) })
    }

    async fn letters_found(&self, question: &Value) -> Result<Vec<Taken>, Error> {
        const DOING: &str = "read dead letters";
        match self.direct_get(DOING, stream::DEAD_LETTERS, question, Taken::of).await? {
            Found::All(found) => Ok(found),
            Found::TooMany => Err(Error::when(DOING)("more than the server gives at once".into())),
        }
    }

    /// Removes a dead letter; `false` if it is not there.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn remove_dead_letter(&self, sequence: u64) -> Result<bool, Error> {
        if self.dead_letter(sequence).await?.is_none() {
            return Ok(false);
        }
        let of = Error::when("remove a dead letter");
        let letters =
            self.jetstream.get_stream_no_info(stream::DEAD_LETTERS).await.map_err(|e| of(e.into()))?;
        match letters.delete_message(sequence).await {
            Ok(removed) => Ok(removed),
            // Somebody else was quicker.
            Err(error) => match self.dead_letter(sequence).await? {
                None => Ok(false),
                Some(_) => Err(of(error.into())),
            },
        }
    }

    /// Publishes the command of the dead letter of this sequence once more. The same again is the same message.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_redriven(&self, letter: u64, command: Command) -> Result<Stored, PublishError> {
        let id = format!("redriven.{letter}.{}", command.effect_key);
        self.publish_command_under(id, command).await
    }

    /// The last outcome of the effect of this one, and its place in the ledger, which is 0 if there is none.
    ///
    /// # Errors
    /// When JetStream is away.
    pub async fn last_outcome(&self, of_effect: &Outcome) -> Result<(u64, Option<Outcome>), Error> {
        let of = Error::when("read the ledger");
        let ledger = self.jetstream.get_stream_no_info(stream::OUTCOMES).await.map_err(|e| of(e.into()))?;
        match ledger.get_last_raw_message_by_subject(&of_effect.ledger_subject()).await {
            Ok(message) => {
                let outcome = Outcome::decode(message.payload).map_err(|e| of(e.into()))?;
                Ok((message.sequence, Some(outcome)))
            }
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok((0, None)),
                RawMessageErrorKind::JetStream(cause)
                    if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
                {
                    Ok((0, None))
                }
                _ => Err(of(error.into())),
            },
        }
    }
}
