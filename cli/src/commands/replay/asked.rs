use std::fmt::Write;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use signalbox_bus::{Start, StreamState};
use signalbox_domain::{time, wire_time};
use signalbox_proto::v1::{ReplayPlace, ReplayRequest};

use super::Replay;
use crate::exit::Exit;
use crate::failure::Failure;

/// What is replayed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it is called.
    pub name: String,
    /// As it was typed.
    pub words: String,
    /// A NATS filter.
    pub subject: String,
    /// Where it begins.
    pub start: Start,
    /// Past this it does not go.
    pub last_sequence: u64,
    /// Nor past this.
    pub until: Option<DateTime<Utc>>,
    log_began: DateTime<Utc>,
    routes: Vec<String>,
    again: Option<String>,
    dead: bool,
}

impl Asked {
    /// What is typed, from the stream as it is.
    pub fn typed(replay: &Replay, events: &StreamState) -> Self {
        let now = Utc::now();
        let since = replay.since.as_ref().map_or(DateTime::UNIX_EPOCH, |since| since.from(now));
        Self {
            start: Start::At(since),
            last_sequence: events.last_sequence,
            until: replay.until.as_ref().map(|until| until.from(now)),
            log_began: events.created,
            ..Self::of_one(replay)
        }
    }

    /// What is typed about one event.
    pub fn of_one(replay: &Replay) -> Self {
        let words = Self::words_of(replay);
        Self {
            name: replay.name.clone().unwrap_or_else(|| derived(&words)),
            words,
            subject: replay.subject.as_str().to_owned(),
            start: Start::After(0),
            last_sequence: u64::MAX,
            until: None,
            log_began: DateTime::UNIX_EPOCH,
            routes: replay.route.clone(),
            again: replay.again.clone(),
            dead: replay.dead,
        }
    }

    /// What was typed when it began.
    ///
    /// # Errors
    /// When the stream is another one than then.
    pub fn goes_on(place: ReplayPlace, events: &StreamState) -> Result<Self, Failure> {
        if place.log_began.and_then(time) != Some(events.created) {
            let detail = format!("the stream EVENTS was made anew since `{}` began", place.name);
            return Err(Failure::other(Exit::Refused, detail).with_tip("begin it anew, without --resume"));
        }
        Ok(Self {
            name: place.name,
            words: place.asked,
            subject: place.subject,
            start: Start::After(place.answered),
            last_sequence: place.last_sequence,
            until: place.until.and_then(time),
            log_began: events.created,
            routes: place.routes,
            again: (!place.again.is_empty()).then_some(place.again),
            dead: place.dead,
        })
    }

    /// What a router is asked about these events.
    pub fn request(&self, stream_sequences: Vec<u64>, dry_run: bool, repeated: bool) -> ReplayRequest {
        ReplayRequest {
            stream_sequences,
            routes: self.routes.clone(),
            again: self.again.clone().unwrap_or_default(),
            dry_run,
            dead: self.dead,
            letters: false,
            repeated,
        }
    }

    /// How far it came.
    pub fn place(&self, answered: u64) -> ReplayPlace {
        ReplayPlace {
            name: self.name.clone(),
            asked: self.words.clone(),
            log_began: Some(wire_time(self.log_began)),
            subject: self.subject.clone(),
            answered,
            last_sequence: self.last_sequence,
            routes: self.routes.clone(),
            again: self.again.clone().unwrap_or_default(),
            dead: self.dead,
            at: Some(wire_time(Utc::now())),
            until: self.until.map(wire_time),
        }
    }

    /// Whether somebody asked before, and maybe had no answer to the last of it.
    pub fn was_stopped(&self) -> bool {
        matches!(self.start, Start::After(answered) if answered > 0)
    }

    /// What goes on with it.
    pub fn resume(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        match self.name.chars().all(plain) {
            true => format!("signalbox replay --resume --name {}", self.name),
            false => format!("signalbox replay --resume --name '{}'", self.name.replace('\'', r"'\''")),
        }
    }

    /// What of the command line says what is replayed; empty if nothing does.
    pub fn words_of(replay: &Replay) -> String {
        let mut words = String::new();
        let mut say = |flag: &str, value: &str| {
            let _ = write!(words, "{}--{flag} {value}", if words.is_empty() { "" } else { " " });
        };
        for (flag, when) in [("since", &replay.since), ("until", &replay.until)] {
            when.iter().for_each(|when| say(flag, when.typed()));
        }
        if replay.subject.as_str() != "events.>" {
            say("subject", replay.subject.as_str());
        }
        replay.event.iter().for_each(|id| say("event", id.as_str()));
        replay.route.iter().for_each(|route| say("route", route));
        replay.again.iter().for_each(|id| say("again", id));
        if replay.dead {
            say("dead", "");
        }
        words.trim_end().to_owned()
    }
}

fn derived(words: &str) -> String {
    let digest = hex::encode(Sha256::digest(words));
    format!("replay-{}", digest.get(..8).unwrap_or(&digest))
}
