//! What came in, and what became of it.

mod feeds;
mod row;
mod shown;

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueHint};
use reqwest::Method;
use serde_json::{Value, json};
use signalbox_domain::EventId;
use signalbox_service::NatsArgs;

use super::{LookArgs, Run, before};
use crate::api::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats::{self, NatsError};
use crate::output::Output;
use crate::watch::{Sight, WatchArgs};
use feeds::Feeds;
pub use feeds::Filter;
use row::Row;

/// Look at events and what became of them
#[derive(Debug, Args)]
#[command(
    visible_alias = "event",
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  signalbox events
  signalbox events --watch --outcomes
  signalbox events --watch --since 10m --json"
)]
pub struct Events {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List events as they lie in the stream EVENTS
    List(List),
    /// Tell all that happened to one event
    Show(Show),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox events list
  signalbox events list --since 10m --subject 'events.github.>' --outcomes
  signalbox events list --limit 5 --json
  signalbox events list --watch --outcomes")]
struct List {
    /// Go on with what comes from now on (or from --since on); Ctrl-C ends it
    #[arg(long)]
    watch: bool,

    /// Only events on subjects that match this NATS filter
    #[arg(long, value_name = "FILTER", default_value = "events.>", value_hint = ValueHint::Other)]
    subject: Filter,

    /// How far back to look, such as 10m or 2d [default: 1h, with --watch now]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,

    /// Tell what became of them, too, and of direct calls
    #[arg(long)]
    outcomes: bool,

    /// At most so many, the latest
    #[arg(long, value_name = "COUNT", default_value_t = 100, conflicts_with = "watch",
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,

    #[command(flatten)]
    nats: NatsArgs,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox events show message-1
  signalbox events show message-1 --json
  signalbox event show message-1 --watch

--watch ends when nothing more will come of it. Where nothing has come of it yet, --sequence says where
it lies in the stream EVENTS, as `signalbox publish` told.")]
struct Show {
    /// Id of the event
    #[arg(value_hint = ValueHint::Other)]
    event_id: EventId,

    /// Sequence of the event in the stream EVENTS
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: Option<u64>,

    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    look: LookArgs,
}

impl Run for Events {
    fn output(&self) -> Output {
        match &self.what {
            Some(What::Show(show)) => show.look.output,
            Some(What::List(list)) => list.output,
            None => self.list.output,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self.what {
            Some(What::Show(show)) => show.run().await,
            Some(What::List(list)) => list.run().await,
            None => self.list.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let open = Feeds::open(&bus, &self.subject, self.outcomes, self.from(Utc::now()));
        let feeds = open.await?;
        match self.watch {
            true => self.follow(feeds).await,
            false => self.tell(feeds).await,
        }
    }

    /// Where to begin; without it, with what comes now.
    fn from(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hour = (!self.watch).then_some(Duration::from_secs(3600));
        Some(before(now, self.since.or(hour)?))
    }

    async fn tell(&self, feeds: Feeds) -> Result<Exit, Failure> {
        let rows = feeds.latest(self.limit.into()).await?;
        let of = |wanted: bool| rows.iter().filter(|row| row.is_event() == wanted).map(Row::value).collect();
        let (events, outcomes): (Vec<Value>, Vec<Value>) = (of(true), of(false));
        let mut value = json!({ "events": events });
        if self.outcomes {
            value["outcomes"] = outcomes.into();
        }
        self.output.show(&value, || match rows.is_empty() {
            true => "There are none; --since looks further back.".to_owned(),
            false => row::table(&rows, Utc::now()),
        })?;
        Ok(Exit::Done)
    }

    async fn follow(&self, mut feeds: Feeds) -> Result<Exit, Failure> {
        if !self.output.json {
            // The widths stay as they are: what will come is not known.
            self.output.show_next(&(), row::headings)?;
        }
        while let Some(row) = feeds.next().await? {
            if self.output.json || row.is_news() {
                self.output.show_next(&row.value(), || row.line(Utc::now()))?;
            }
        }
        Err(NatsError::JetStream("the connection to NATS is closed".to_owned()).into())
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let api = Api::new(&self.look.api)?;
        let sequence: Vec<_> = self.sequence.iter().map(|sequence| ("sequence", sequence)).collect();
        let look = async || {
            let call = api.call(Method::GET, &["events", self.event_id.as_str()])?;
            let answer = api.send(call.query(&sequence)).await?;
            let last = answer.body["final"] == true;
            Ok(Sight { text: shown::event(&answer.body, Utc::now()), value: answer.body, last })
        };
        self.watch.run(self.look.output, look).await
    }
}
