//! Replays: events that were matched before are matched with the routes that run now, and what they lead to is
//! published as commands, as far as the ledger does not know of its end.
//!
//! Every router answers, whether it matches or stands by. The verdict, which names the effects, is in the ledger before
//! these are published: what it names may have been published, and is resolved before it is carried out. So what is
//! asked for again, because no answer came, has its effect once; and what is new need not be looked for.

mod planned;
mod wanted;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use signalbox_bus::{Bus, Call, Entry, Error};
use signalbox_domain::{Outcome, TimelineExt};
use signalbox_proto::{
    Message,
    v1::{Problem, ReplayReply, ReplayRequest, Replayed, ReplayedEvent, replay_reply::What},
};
use signalbox_telemetry::Chain;
use tokio::{sync::Semaphore, time::sleep};

use crate::routes::{Loaded, Sets};
use planned::Planned;
use wanted::Wanted;

/// Events that are worked on together.
const TOGETHER: usize = 64;
/// An answer with more bytes than these is cut short: NATS takes no message of any size.
const ENOUGH: usize = 128 * 1024;

/// Acknowledgements of what was matched a moment ago are on their way.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

pub(crate) struct Replay {
    bus: Bus,
    sets: Sets,
    /// One replay at a time: the others wait, and hold no events meanwhile.
    turn: Semaphore,
}

impl Replay {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { sets: Sets::new(bus.clone()), bus, turn: Semaphore::new(1) }
    }

    pub(crate) async fn answer(&self, call: &Call) {
        let what = match call.question::<ReplayRequest>() {
            Err(error) => return call.refuse(&error.to_string()).await,
            Ok(request) => match self.replay(request).await {
                Ok(replayed) => What::Replayed(replayed),
                Err(problem) => What::Problem(problem),
            },
        };
        call.answer(&ReplayReply { what: Some(what) }).await;
    }

    /// Whoever is told may ask again for what is missing at the end.
    pub(crate) async fn replay(&self, request: ReplayRequest) -> Result<Replayed, Problem> {
        let wanted = Wanted::read(request)?;
        // The semaphore is never closed; a permit is all that its error could withhold.
        let _turn = self.turn.acquire().await.ok();
        let routes = self.running().await?;
        wanted.routes_are_in(&routes.set)?;
        let matched = self.matched(wanted.last()).await.map_err(|error| away(&error))?;
        let mut told = Replayed { route_set: routes.set.version().to_owned(), events: Vec::new() };
        for sequences in wanted.sequences.chunks(TOGETHER) {
            match self.replay_together(&wanted, &routes, sequences, matched).await {
                Ok(events) => told.events.extend(events),
                Err(error) if told.events.is_empty() => return Err(away(&error)),
                Err(_) => break,
            }
            if told.encoded_len() > ENOUGH {
                break;
            }
        }
        Ok(told)
    }

    /// The set that holds for the events that come now.
    async fn running(&self) -> Result<Arc<Loaded>, Problem> {
        let timeline = self.sets.bucket().await.timeline().await.map_err(|error| away(&error))?;
        let timeline = timeline.unwrap_or_default().value;
        let Some(period) = timeline.running() else {
            return Err(problem("no-routes", "no routes run yet".to_owned()));
        };
        let version = &period.version;
        let unusable = |why| problem("no-routes", format!("the routes {version} cannot be used: {why}"));
        self.sets.get(version).await.map_err(unusable)
    }

    /// Up to where events are matched; looks a few times if that is before `last`.
    async fn matched(&self, last: u64) -> Result<u64, Error> {
        for _ in 1..LOOKS {
            let matched = self.bus.matched_up_to().await?;
            if matched >= last {
                return Ok(matched);
            }
            sleep(BETWEEN_LOOKS).await;
        }
        self.bus.matched_up_to().await
    }

    async fn replay_together(
        &self,
        wanted: &Wanted,
        routes: &Loaded,
        sequences: &[u64],
        matched: u64,
    ) -> Result<Vec<ReplayedEvent>, Error> {
        let planned_at = Utc::now();
        let entries = self.bus.events_at(sequences).await?;
        let plan = |(sequence, entry): (&u64, Option<Entry>)| match entry {
            Some(entry) if *sequence <= matched => Planned::of(&entry, &routes.set, wanted),
            Some(_) => Planned::not_matched_yet(*sequence),
            None => Planned::gone(*sequence),
        };
        let mut all: Vec<_> = sequences.iter().zip(entries).map(plan).collect();
        let events: Vec<_> = all.iter().filter_map(Planned::event_key).collect();
        let known = by_event(self.bus.recorded(&events).await);
        for planned in &mut all {
            planned.pass_over(planned.key().and_then(|key| known.get(&key)), wanted);
        }
        if !wanted.dry_run {
            self.carry_on(&mut all, wanted.letters, planned_at).await;
        }
        Ok(all.into_iter().map(Planned::told).collect())
    }

    async fn carry_on(&self, all: &mut [Planned], letters: bool, planned_at: DateTime<Utc>) {
        let verdicts: Vec<_> = all.iter().filter_map(|planned| planned.verdict(letters)).collect();
        join_all(verdicts.iter().map(|verdict| self.bus.record(verdict))).await;
        let commands: Vec<_> = all.iter_mut().flat_map(Planned::take_commands).collect();
        tracing::debug!(events = all.len(), commands = commands.len(), "events replayed");
        for command in self.bus.publish_commands_at_last(commands, planned_at).await {
            let of = all.iter_mut().find(|planned| planned.led_to(&command));
            of.into_iter().for_each(|planned| planned.command_too_large(&command));
        }
        if letters {
            for letter in all.iter().flat_map(Planned::letters) {
                self.bus.bury(letter).await;
            }
        }
        let dead: Vec<_> = all.iter().flat_map(Planned::dead_effects).collect();
        join_all(dead.into_iter().map(|outcome| self.bus.record(outcome))).await;
    }
}

/// Source and id.
type OfEvent = (String, String);

fn by_event(recorded: Vec<Outcome>) -> HashMap<OfEvent, Vec<Outcome>> {
    let mut known: HashMap<OfEvent, Vec<Outcome>> = HashMap::new();
    for outcome in recorded {
        if let Some(event) = &outcome.event {
            known.entry((event.source.clone(), event.id.clone())).or_default().push(outcome);
        }
    }
    known
}

fn away(error: &Error) -> Problem {
    problem("jetstream-away", Chain(error).to_string())
}

fn problem(code: &str, detail: String) -> Problem {
    Problem { code: code.to_owned(), detail }
}
