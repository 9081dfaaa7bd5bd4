//! Publishing: everything but outcomes carries a `Nats-Msg-Id`, so that what was sent twice is stored once.

use std::borrow::Cow;

use async_nats::{
    HeaderMap, HeaderName, HeaderValue,
    header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
    jetstream::{context::PublishErrorKind, message::PublishMessage},
};
use bytes::Bytes;
use prost::Message;
use signalbox_domain::{Command, Event, EventSubject, OutcomeExt, partition};
use signalbox_proto::{
    names::{PARTITIONS, header, subject},
    v1::{self, CommandBatch, DeadLetter, Outcome},
};

use signalbox_telemetry::{Chain, Span};

use crate::{
    Bus,
    pause::{LONGEST_PAUSE, patient},
    spans::{self, About, CLOUDEVENT_ID, CLOUDEVENT_SOURCE, CLOUDEVENT_TYPE, DUPLICATE},
};

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

impl PublishError {
    /// Whether the same message would be refused again.
    fn is_for_good(&self) -> bool {
        match self {
            Self::TooLarge => true,
            Self::NotStored(cause) => {
                let cause = cause.downcast_ref::<async_nats::jetstream::context::PublishError>();
                cause.is_some_and(|cause| cause.kind() == PublishErrorKind::WrongLastSequence)
            }
            Self::Unknown(_) => false,
        }
    }
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

/// A message to be published, as often as it takes.
#[derive(Clone)]
pub(crate) struct Outgoing {
    to: String,
    /// Without it, what is sent twice is stored twice.
    id: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

/// A message, and the span of its sending.
struct Traced {
    outgoing: Outgoing,
    span: Span,
}

impl Traced {
    /// The message carries the context of the span.
    fn event(event: &Event) -> Self {
        let mut outgoing = Outgoing::event(event);
        let mut span = spans::publish(&event.trace, &outgoing.about(subject::EVENTS));
        span.set(CLOUDEVENT_ID, || event.id.to_string());
        span.set(CLOUDEVENT_SOURCE, || event.source.to_string());
        span.set(CLOUDEVENT_TYPE, || event.kind.to_string());
        let trace = span.context();
        outgoing.put(header::TRACEPARENT, trace.traceparent());
        outgoing.put(header::TRACESTATE, trace.tracestate());
        Self { outgoing, span }
    }

    /// So does the command.
    fn command(command: Command) -> Self {
        let to = subject::commands(partition(command.key(), PARTITIONS));
        let id = command.effect_key.to_string();
        let (wire, span) = traced(command, &to, subject::COMMANDS, &id);
        let batch = CommandBatch { commands: vec![wire], planned_at: None };
        Self { outgoing: Outgoing::new(to, id, batch.encode_to_vec()), span }
    }
}

/// The command as it is sent to a subject, with the context of the span of its sending.
pub(crate) fn traced(
    mut command: Command,
    to: &str,
    template: &'static str,
    id: &str,
) -> (v1::Command, Span) {
    let about = About { subject: to, template, id: Some(id), size: None };
    let span = spans::publish(&command.trace, &about);
    command.trace = span.context();
    (command.into(), span)
}

fn ended(mut span: Span, sent: Result<Stored, PublishError>) -> Result<Stored, PublishError> {
    match &sent {
        Ok(stored) => span.set(DUPLICATE, || stored.duplicate),
        Err(error) => span.fail(|| Chain(error).to_string()),
    }
    sent
}

impl Outgoing {
    pub(crate) fn new(to: String, id: String, body: impl Into<Bytes>) -> Self {
        Self { to, id: Some(id), headers: HeaderMap::new(), body: body.into() }
    }

    /// Its message id is derived from the event's own, so that an event that is sent again is stored once.
    fn event(event: &Event) -> Self {
        Self::new(event.nats_subject.to_string(), event.key().message_id(), event.body())
            .with_headers(event.headers())
    }

    fn with_headers(mut self, headers: impl IntoIterator<Item = (Cow<'static, str>, String)>) -> Self {
        for (name, value) in headers {
            // Attributes come from outside: what NATS cannot carry in a header is left out, not a panic.
            let name = match name {
                Cow::Borrowed(ours) => Ok(HeaderName::from_static(ours)),
                Cow::Owned(theirs) => theirs.parse(),
            };
            if let (Ok(name), Ok(value)) = (name, value.parse::<HeaderValue>()) {
                self.headers.insert(name, value);
            }
        }
        self
    }

    fn put(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(Ok(value)) = value.map(str::parse::<HeaderValue>) {
            self.headers.insert(name, value);
        }
    }

    fn about(&self, template: &'static str) -> About<'_> {
        About { subject: &self.to, template, id: self.id.as_deref(), size: Some(self.body.len()) }
    }

    /// Without a message id: the ledger keeps the last of each subject, so that twice the same is once.
    pub(crate) fn outcome(outcome: &Outcome) -> Self {
        let body = outcome.encode_to_vec().into();
        Self { to: outcome.ledger_subject(), id: None, headers: HeaderMap::new(), body }
    }

    /// It is stored if the ledger has nothing newer of its effect than what is at `place`; 0: nothing at all.
    fn outcome_after(place: u64, outcome: &Outcome) -> Self {
        let mut outgoing = Self::outcome(outcome);
        outgoing.headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, place.to_string());
        outgoing
    }

    /// What was taken out and died again is another letter.
    pub(crate) fn dead_letter(letter: &DeadLetter) -> Self {
        let none = Outcome::default();
        let outcome = letter.outcome.as_ref().unwrap_or(&none);
        let redriven = letter.command.as_ref().and_then(|command| command.terms.as_ref());
        let redriven = redriven.map_or(0, |terms| terms.redriven);
        let id = format!("dead.{}.{}.{redriven}", outcome.ledger_subject(), outcome.route);
        Self::new(subject::dead_letters(&outcome.reason), id, letter.encode_to_vec())
    }

    /// The same as another message.
    pub(crate) fn under(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }
}

impl Bus {
    /// Publishes an event and waits until it is stored.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_event(&self, event: &Event) -> Result<Stored, PublishError> {
        let Traced { outgoing, span } = Traced::event(event);
        ended(span, self.store(outgoing).await)
    }

    /// Publishes a message as a publisher of its own would write it, under this message id, and waits until it is
    /// stored. A header that NATS cannot carry is left out.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_as_written(
        &self,
        to: &EventSubject,
        message_id: &str,
        headers: Vec<(Cow<'static, str>, String)>,
        body: Bytes,
    ) -> Result<Stored, PublishError> {
        let message = Outgoing::new(to.to_string(), message_id.to_owned(), body);
        self.store(message.with_headers(headers)).await
    }

    /// Publishes one command and waits until it is stored.
    ///
    /// # Errors
    /// [`PublishError`] says whether it may have been stored.
    pub async fn publish_command(&self, command: Command) -> Result<Stored, PublishError> {
        let Traced { outgoing, span } = Traced::command(command);
        ended(span, self.store(outgoing).await)
    }

    /// The same under another message id, which says that it is another message.
    pub(crate) async fn publish_command_under(
        &self,
        id: String,
        command: Command,
    ) -> Result<Stored, PublishError> {
        let Traced { outgoing, span } = Traced::command(command);
        ended(span, self.store(outgoing.under(id)).await)
    }

    /// Writes an outcome into the ledger, where it takes the place of an earlier one of the same effect, however
    /// long JetStream is away. Drop the future to give it up.
    pub async fn record(&self, outcome: &Outcome) {
        if let Err(error) = self.store_at_last(&Outgoing::outcome(outcome)).await {
            tracing::error!(%error, effect.key = outcome.effect_key, "an outcome is not recorded");
        }
    }

    /// Writes an outcome that is not the last into the ledger, unless there is one already: whoever was asleep, or sent
    /// it into a connection where it lay, must not undo what others have recorded since. However long JetStream is
    /// away; drop the future to give it up.
    pub async fn record_first(&self, outcome: &Outcome) {
        if let Err(PublishError::TooLarge) = self.store_at_last(&Outgoing::outcome_after(0, outcome)).await {
            tracing::error!(effect.key = outcome.effect_key, "an outcome is not recorded");
        }
    }

    /// Writes an outcome into the ledger unless there is a newer one than that at `place`. Not to be told whether it did
    /// is no harm.
    pub async fn record_after(&self, place: u64, outcome: &Outcome) {
        if let Err(error) = self.store(Outgoing::outcome_after(place, outcome)).await {
            tracing::debug!(error = %Chain(&error), effect.key = outcome.effect_key, "the ledger knows better");
        }
    }

    pub(crate) async fn store(&self, outgoing: Outgoing) -> Result<Stored, PublishError> {
        let Outgoing { to, id, headers, body } = outgoing;
        let message = PublishMessage::build().payload(body).headers(headers);
        let message = match id {
            Some(id) => message.header(header::MESSAGE_ID, id),
            None => message,
        };
        let ack = self.jetstream.send_publish(to, message).await?.await?;
        Ok(Stored { stream_sequence: ack.sequence, duplicate: ack.duplicate })
    }

    /// Tries again, with the same message id, until JetStream has the message or says that it never will.
    pub(crate) async fn store_at_last(&self, outgoing: &Outgoing) -> Result<Stored, PublishError> {
        let mut pauses = patient();
        loop {
            match self.store(outgoing.clone()).await {
                Ok(stored) => return Ok(stored),
                Err(error) if error.is_for_good() => return Err(error),
                Err(error) => tracing::warn!(error = %Chain(&error), "not stored yet, will try again"),
            }
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }
}
