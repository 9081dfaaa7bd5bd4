//! Redrive: dead letters are taken out, and what they ask for is tried again.
//!
//! A command goes to COMMANDS once more, under its own effect key and as one that may have been tried: so it is resolved
//! first, and taking a letter out twice, at once or later, has one effect. The letter goes when the command is stored. A
//! crash in between leaves it, to be taken out again.

use std::{borrow::Cow, sync::Arc};

use chrono::Utc;
use signalbox_bus::{Bus, Call, Error, PublishError};
use signalbox_domain::{
    Command, DeadLetter, EventRef, Outcome, OutcomeExt, OutcomeKind, Reason, Verdict, of_command, of_each,
};
use signalbox_proto::v1::{
    Problem, RedriveReply, RedriveRequest, Redriven, ReplayRequest, ReplayedEvent, ReplayedState,
};
use signalbox_telemetry::Chain;

use crate::replay::Replay;

/// Letters that are taken out by one request.
const MOST: usize = 100;

pub(crate) struct Redrive {
    pub(crate) bus: Bus,
    pub(crate) replay: Arc<Replay>,
}

/// What a letter asks for.
#[derive(Debug, PartialEq)]
enum Wanted {
    /// To carry this out.
    Command(Box<Command>),
    /// To match this event; with this route, unless it is empty.
    Event(EventRef, String),
}

impl Redrive {
    pub(crate) async fn answer(&self, call: &Call) {
        match call.question() {
            Ok(request) => call.answer(&self.redrive(request).await).await,
            Err(error) => call.refuse(&error.to_string()).await,
        }
    }

    /// Takes the letters out in their order, so that commands of one key stay in theirs.
    async fn redrive(&self, request: RedriveRequest) -> RedriveReply {
        if request.sequences.is_empty() || request.sequences.len() > MOST {
            let detail =
                format!("a request has 1 to {MOST} sequences; this one has {}", request.sequences.len());
            return RedriveReply { problem: Some(problem("bad-request", detail)), letters: Vec::new() };
        }
        let mut letters = Vec::with_capacity(request.sequences.len());
        for sequence in request.sequences {
            let mut told = Redriven { sequence, ..Default::default() };
            told.problem = self.take_out(&mut told).await.err();
            letters.push(told);
        }
        RedriveReply { problem: None, letters }
    }

    async fn take_out(&self, told: &mut Redriven) -> Result<(), Problem> {
        let found = self.bus.dead_letter(told.sequence).await.map_err(|error| away(&error))?;
        let letter = found.ok_or_else(|| not_found(told.sequence))?.letter;
        told.event = letter.event.clone();
        let reason = letter.outcome.as_ref().map(|outcome| outcome.reason.clone()).unwrap_or_default();
        match wanted(letter)? {
            Wanted::Command(command) => {
                told.effect_key = command.effect_key.to_string();
                told.happened = self.again(told.sequence, *command, &reason).await?;
            }
            Wanted::Event(event, route) => self.match_again(&event, &route).await?,
        }
        let removed = self.bus.remove_dead_letter(told.sequence).await;
        removed.map(|_| ()).map_err(|error| left(&error))
    }

    /// Tells whether its effect has happened since: then there is nothing to try again.
    async fn again(&self, letter: u64, command: Command, reason: &str) -> Result<bool, Problem> {
        let reply_to = None;
        let terms = command.terms.redriven();
        let command = Command { terms, reply_to, repeated: true, ..command };
        let (mut places, mut happened) = (Vec::new(), false);
        for waits in wait(&command, reason) {
            let (place, last) = self.bus.last_outcome(&waits).await.map_err(|error| away(&error))?;
            happened |= last.as_ref().is_some_and(has_happened);
            places.push((place, waits));
        }
        if happened {
            return Ok(true);
        }
        self.bus.publish_redriven(letter, command).await.map_err(|error| not_stored(&error))?;
        for (place, waits) in places {
            self.bus.record_after(place, &waits).await;
        }
        Ok(false)
    }

    /// An event that would fail again leaves its letter where it is.
    async fn match_again(&self, event: &EventRef, route: &str) -> Result<(), Problem> {
        self.replay(event, route, true).await?;
        self.replay(event, route, false).await
    }

    async fn replay(&self, event: &EventRef, route: &str, dry_run: bool) -> Result<(), Problem> {
        let request = ReplayRequest {
            stream_sequences: vec![event.stream_sequence],
            routes: [route].into_iter().filter(|route| !route.is_empty()).map(str::to_owned).collect(),
            dry_run,
            // The command of such a letter, if there was one, is not in it.
            dead: true,
            letters: true,
            ..Default::default()
        };
        let replayed = self.replay.replay(request).await?;
        let told = replayed.events.into_iter().next();
        let told =
            told.ok_or_else(|| problem("nats-away", "the event was not matched; ask once more".to_owned()))?;
        matched(event, &told)
    }
}

/// Whether the event of a letter was matched and nothing failed.
fn matched(event: &EventRef, told: &ReplayedEvent) -> Result<(), Problem> {
    let gone = || {
        problem("event-gone", "the stream EVENTS has its event no more: have it published anew".to_owned())
    };
    match told.state() {
        ReplayedState::Planned => {}
        ReplayedState::Gone => return Err(gone()),
        ReplayedState::Unreadable => return Err(problem("bad-event", told.detail.clone())),
        ReplayedState::NotMatchedYet | ReplayedState::Unspecified => {
            return Err(problem("nats-away", "the event is not matched for the first time yet".to_owned()));
        }
    }
    // A stream that was made anew has other events at the same places.
    if !told.event.as_ref().is_some_and(|found| found.id == event.id && found.source == event.source) {
        return Err(gone());
    }
    match told.failed.first() {
        None => Ok(()),
        Some(Verdict { detail, .. }) => {
            Err(problem("route-error", format!("it fails again with the routes that run now: {detail}")))
        }
    }
}

fn wanted(letter: DeadLetter) -> Result<Wanted, Problem> {
    let outcome = letter.outcome.unwrap_or_default();
    if let Some(command) = letter.command {
        let command = Command::try_from(command).map_err(|bad| {
            problem(
                "bad-command",
                format!("its command cannot be read: {bad}; an earlier or later version wrote it"),
            )
        })?;
        return Ok(Wanted::Command(Box::new(command)));
    }
    let never = |why: &str| Err(problem(&outcome.reason, why.to_owned()));
    match outcome.reason.parse() {
        Ok(Reason::BadEvent) => never(
            "the message is no event and would be none again: mend its publisher, and have it publish anew",
        ),
        Ok(Reason::BadCommand) => never(
            "the message is no command and would be none again: publish an event, or upgrade what wrote it",
        ),
        _ => match letter.event.filter(|event| event.stream_sequence > 0) {
            Some(event) => Ok(Wanted::Event(event, outcome.route)),
            None => never("the letter has no command, and its event never was in the stream: call once more"),
        },
    }
}

/// What the ledger says of a command until it is carried out; of one that stands for others, what it says of each of them.
fn wait(command: &Command, reason: &str) -> Vec<Outcome> {
    let reason = reason.parse().unwrap_or(Reason::Refused);
    let detail = "taken out of the dead letters, to be tried again";
    let own = of_command(command, 0, Utc::now()).because(OutcomeKind::Retrying, reason, detail);
    of_each(command, &own).into_iter().map(Cow::into_owned).collect()
}

fn has_happened(outcome: &Outcome) -> bool {
    match outcome.kind() {
        OutcomeKind::Started
        | OutcomeKind::Signalled
        | OutcomeKind::Deduplicated
        | OutcomeKind::Updated
        | OutcomeKind::Answered
        | OutcomeKind::Cancelled
        | OutcomeKind::Terminated
        | OutcomeKind::Scheduled
        | OutcomeKind::Published => true,
        OutcomeKind::Unspecified
        | OutcomeKind::Matched
        | OutcomeKind::Unmatched
        | OutcomeKind::Retrying
        | OutcomeKind::Refused
        | OutcomeKind::Dead
        | OutcomeKind::Parked
        | OutcomeKind::Dropped
        | OutcomeKind::Superseded
        | OutcomeKind::Held => false,
    }
}

fn not_found(sequence: u64) -> Problem {
    problem("dead-letter-not-found", format!("there is no dead letter {sequence}, or no more"))
}

fn away(error: &Error) -> Problem {
    problem("nats-away", format!("{}; nothing is tried again yet, ask once more", Chain(error)))
}

fn not_stored(error: &PublishError) -> Problem {
    let code = match error {
        PublishError::TooLarge => "too-large",
        PublishError::NotStored(_) => "nats-away",
        PublishError::Unknown(_) => "may-be-stored",
    };
    problem(code, format!("{}; taking the letter out twice has one effect", Chain(error)))
}

fn left(error: &Error) -> Problem {
    let detail = format!(
        "it is tried again, but the letter is still there: {}; taking it out twice has one effect",
        Chain(error)
    );
    problem("letter-left", detail)
}

fn problem(code: &str, detail: String) -> Problem {
    Problem { code: code.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use signalbox_domain::dead_letter;

    use super::*;

    fn letter(reason: Reason, stream_sequence: u64) -> DeadLetter {
        let event = EventRef { id: "e".into(), stream_sequence, ..Default::default() };
        let outcome = Outcome { event: Some(event), route: "r".into(), ..Default::default() };
        dead_letter(outcome.because(OutcomeKind::Dead, reason, ""))
    }

    #[test]
    fn what_can_never_work_stays() {
        let why = |letter| wanted(letter).unwrap_err();
        for reason in [Reason::BadEvent, Reason::BadCommand] {
            let problem = why(letter(reason, 7));
            assert_eq!(problem.code, reason.code());
            assert!(problem.detail.contains("none again"), "{problem:?}");
        }
        assert!(why(letter(Reason::InvalidArgument, 0)).detail.contains("call once more"));
        let unreadable = DeadLetter { command: Some(Default::default()), ..letter(Reason::Refused, 7) };
        assert_eq!(why(unreadable).code, "bad-command");
    }

    #[test]
    fn an_event_is_matched_with_the_route_that_failed() {
        let of = wanted(letter(Reason::RouteError, 7)).unwrap();
        let event = EventRef { id: "e".into(), stream_sequence: 7, ..Default::default() };
        assert_eq!(of, Wanted::Event(event, "r".to_owned()));
    }
}
