use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};
use signalbox_bus::LetterFilter;
use signalbox_domain::{EventId, Reason};
use signalbox_service::NatsArgs;

use crate::commands::before;
use crate::output::Output;

/// Which letters are meant.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// Only those of this reason, such as workflow-not-found
    #[arg(long, value_name = "CODE", value_hint = ValueHint::Other)]
    reason: Option<Reason>,

    /// Only those of this route
    #[arg(long, value_name = "ROUTE", value_hint = ValueHint::Other)]
    route: Option<String>,

    /// Only those of the event of this id
    #[arg(long, value_name = "ID", value_hint = ValueHint::Other)]
    event: Option<EventId>,

    /// Only those that are no older than this, such as 10m or 2d
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,

    /// Only those that are at least so old
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    until: Option<Duration>,
}

impl Which {
    pub fn filter(&self, now: DateTime<Utc>) -> LetterFilter {
        LetterFilter {
            reason: self.reason,
            route: self.route.clone(),
            event_id: self.event.as_ref().map(ToString::to_string),
            since: self.since.map(|back| before(now, back)),
            until: self.until.map(|back| before(now, back)),
        }
    }

    /// What comes from now on is not meant.
    pub fn filter_until(&self, now: DateTime<Utc>) -> LetterFilter {
        let filter = self.filter(now);
        LetterFilter { until: filter.until.or(Some(now)), ..filter }
    }
}

/// Which letters something is done about: whoever means all of them says so.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("meant").required(true).multiple(true)
                .args(["sequences", "all", "reason", "route", "event", "since", "until"])))]
pub struct Meant {
    /// Sequences of the letters
    #[arg(value_name = "COUNT", conflicts_with_all = ["reason", "route", "event", "since", "until", "all"])]
    pub sequences: Vec<u64>,

    /// All of them
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    pub which: Which,
}

/// List dead letters, the oldest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox dead list
  signalbox dead list --reason workflow-not-found --since 1h
  signalbox dead list --route lab-message --limit 10 --json

docs/reference/reasons.md says what each reason means, and what to do.")]
pub struct List {
    #[command(flatten)]
    pub which: Which,

    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,

    /// Only those after this sequence
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub after: u64,

    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// Tell all that is known of a dead letter
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox dead show 1
  signalbox dead show 1 --json

Values of the event are shown: take care where you paste them.")]
pub struct Show {
    /// Sequence of the letter
    #[arg(value_name = "COUNT")]
    pub sequence: u64,

    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// Take dead letters out, and try again what they ask for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox dead redrive 1 2
  signalbox dead redrive --reason workflow-not-found --since 1h
  signalbox dead redrive --all --json

A command is carried out, an event is matched with the routes that run now.
`signalbox event show` tells what came of it. What dies again is a new letter.
To redrive a letter twice has one effect.
Exits with 3 if a letter is still there.")]
pub struct Redrive {
    #[command(flatten)]
    pub meant: Meant,

    /// Of those that are meant at most so many, the oldest
    #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,

    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}

/// Remove dead letters: what they ask for never happens
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox dead purge 1 --yes
  signalbox dead purge --route lab-message --until 2d --yes
  signalbox dead purge --all --yes

It asks first, on a terminal; elsewhere it needs --yes.")]
pub struct Purge {
    #[command(flatten)]
    pub meant: Meant,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    pub nats: NatsArgs,
    #[command(flatten)]
    pub output: Output,
}
