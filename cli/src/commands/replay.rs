//! Has events of the past matched with the routes that run now.

mod ask;
mod asked;
mod pass;
mod tally;
mod text;
mod when;

use std::convert::Infallible;
use std::future::pending;

use clap::{Args, ValueHint};
use signalbox_bus::Bus;
use signalbox_domain::EventId;
use signalbox_proto::{names::stream, v1::ReplayPlace};
use signalbox_service::NatsArgs;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::ask::Router;
use self::asked::Asked;
use self::pass::{Ended, Pass};
use self::when::When;
use super::Run;
use super::events::Filter;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;

/// Match events of the past with the routes that run now, and have done what was not done
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox replay --since 2h --route lab-stop --dry-run
  signalbox replay --since 2h --route lab-stop
  signalbox replay --since 1d --subject 'events.lab.stop.*' --limit 1000 --json
  signalbox replay --event message-1 --route lab-message
  signalbox replay --event message-1 --route lab-message --again ticket-12

An effect that has happened does not happen again: an event, a route, an action and a target are
one effect, whichever version of the routes asks for it. So a replay can be repeated, and it mends
what went past routes that were not there yet. With --again effects happen once more, on purpose;
the same ID twice is once. now() in a route is the time of the event. Dead letters are an end, too;
--dead asks for them once more. Routes that fail are told, and become no dead letters.

Ctrl-C finishes the batch under way. NATS keeps how far it came, so that
`signalbox replay --resume --name NAME` goes on from any machine. Exits with 1
if a route failed on an event, with 4 if it was stopped.")]
pub struct Replay {
    /// From when on: so long ago, such as 2h or 3d, or a time such as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME", required_unless_present_any = ["event", "resume"])]
    since: Option<When>,

    /// Until when; what comes after the start of the replay is not part of it
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<When>,

    /// Only events on subjects that match this NATS filter
    #[arg(long, value_name = "FILTER", default_value = "events.>", value_hint = ValueHint::Other)]
    subject: Filter,

    /// Only by this route; may be repeated
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    route: Vec<String>,

    /// Only the event with this id
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other,
          conflicts_with_all = ["since", "subject", "limit", "resume", "name"])]
    event: Option<EventId>,

    /// Have what happened happen once more; the same ID again is the same once more
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other,
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    again: Option<String>,

    /// Have tried once more what ended as a dead letter
    #[arg(long)]
    dead: bool,

    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// At most so many events, the earliest; --resume goes on after them
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Go on where this replay was stopped
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,

    /// What to call it [default: derived from what is asked for]
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other,
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: Option<String>,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

impl Run for Replay {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let (stop, mut signals) = (CancellationToken::new(), Signals::listen()?);
        let router = Router::new(&bus, stop.clone());
        let mut pass = match &self.event {
            Some(id) => {
                Pass::of_one(Asked::of_one(&self), router, self.dry_run, sequences_of(&bus, id).await?)
            }
            None => {
                let asked = self.asked(&bus).await?;
                Pass::open(&bus, asked, router, self.dry_run, self.limit).await?
            }
        };
        let ended = tokio::select! {
            ended = pass.run(&stop) => ended?,
            never = signals.cancel(&stop) => match never {},
        };
        let Pass { asked, tally, .. } = &pass;
        self.output.show(&tally.value(asked, ended), || text::report(tally, asked, ended))?;
        Ok(match ended {
            Ended::Stopped => Exit::Pending,
            _ if tally.failed() > 0 => Exit::Failed,
            Ended::Finished | Ended::AtLimit => Exit::Done,
        })
    }
}

impl Replay {
    /// What is to be replayed: as it is typed, or as it was when it was stopped.
    async fn asked(&self, bus: &Bus) -> Result<Asked, Failure> {
        let Some(events) = bus.stream_state(stream::EVENTS).await? else {
            return Err(Failure::other(Exit::NotFound, "there is no stream EVENTS")
                .with_tip("the services make it: `signalbox up`"));
        };
        if !self.resume {
            return Ok(Asked::typed(self, &events));
        }
        let typed = self.since.as_ref().map(|_| Asked::typed(self, &events));
        let derived = typed.as_ref().map(|typed| typed.name.clone());
        let Some(name) = self.name.clone().or(derived) else {
            return Err(Failure::other(Exit::Usage, "--resume needs --name, or what was asked for"));
        };
        let place = bus.replays().await?.get(&name).await?;
        let Some(place) = place else {
            return Err(Failure::other(Exit::NotFound, format!("no replay `{name}` was stopped"))
                .with_tip("without --resume it begins anew; what has happened does not happen again"));
        };
        self.is_the_same(&place, typed.as_ref())?;
        Asked::goes_on(place, &events)
    }

    fn is_the_same(&self, place: &ReplayPlace, typed: Option<&Asked>) -> Result<(), Failure> {
        let words = typed.map_or_else(|| Asked::words_of(self), |typed| typed.words.clone());
        if words.is_empty() || words == place.asked {
            return Ok(());
        }
        let detail = format!("`{}` was asked for `{}`, and not for `{words}`", place.name, place.asked);
        Err(Failure::other(Exit::Usage, detail).with_tip("--resume --name NAME is enough"))
    }
}

/// Where the stream has the events of this id.
async fn sequences_of(bus: &Bus, id: &EventId) -> Result<Vec<u64>, Failure> {
    let outcomes = bus.outcomes_of(id.as_str()).await?;
    let events = outcomes.into_iter().filter_map(|outcome| outcome.event);
    let mut sequences: Vec<_> =
        events.map(|event| event.stream_sequence).filter(|found| *found > 0).collect();
    sequences.sort_unstable();
    sequences.dedup();
    match sequences.is_empty() {
        false => Ok(sequences),
        true => Err(Failure::other(Exit::NotFound, format!("the ledger knows of no event `{id}`"))
            .with_tip("`signalbox events list --since 1d` lists what came; a direct call is no event")),
    }
}

/// Ctrl-C, and whoever asks the process to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Cancels when one comes, and has no end of its own: what is under way has.
    async fn cancel(&mut self, stop: &CancellationToken) -> Infallible {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        stop.cancel();
        pending().await
    }
}
