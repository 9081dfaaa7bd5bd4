//! What changed routes would make of recorded events.

mod open_runs;
mod tally;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use clap::{Args, ValueHint};
use signalbox_bus::{Entry, Feed};
use signalbox_domain::read_event;
use signalbox_routing::{RouteSet, differences};
use signalbox_service::NatsArgs;

use self::tally::Tally;
use super::events::Filter;
use super::{LookArgs, Run, before, lint, running};
use crate::api::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;
use crate::progress::Progress;
use crate::route_files;

/// Tell what changed routes would make of the events of the last hours
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox diff routes --against routes
  signalbox diff --against routes --since 2d --json
  signalbox diff routes --running || echo they differ

Both sets are asked about each event that the stream EVENTS has; nothing is carried out. Told is
what would be started, signalled and so on otherwise, with examples; and a workflow that runs under
an id that the same event would no longer lead to: events after the change go past it. Exits as
diff(1) does: 0 if there is no difference, 1 if there is one.")]
pub struct Diff {
    /// Folder or files with the routes as they would be
    #[arg(default_value = route_files::FOLDER, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// Folder or files with the routes as they are
    #[arg(long, value_name = "PATH", num_args = 1.., required_unless_present = "running",
          value_hint = ValueHint::AnyPath)]
    against: Vec<PathBuf>,

    /// The routes as they are in the router that runs
    #[arg(long, conflicts_with = "against")]
    running: bool,

    /// How far back to look, such as 10m or 2d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = humantime::parse_duration)]
    since: Duration,

    /// At most so many events, the latest
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// Only events on subjects that match this NATS filter
    #[arg(long, value_name = "FILTER", default_value = "events.>", value_hint = ValueHint::Other)]
    subject: Filter,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    look: LookArgs,
}

impl Run for Diff {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let output = self.look.output;
        let after = lint::load(&self.paths, output)?;
        let bus = nats::connect(&self.nats).await?;
        let set = match self.running {
            true => running::set(&bus).await?,
            false => lint::load(&self.against, output)?,
        };
        let feed = bus.read_events(self.subject.as_str(), Some(before(Utc::now(), self.since))).await?;
        let mut tally = Tally::default();
        self.compare(feed, (&set, &after), &mut tally).await?;
        let open = open_runs::of(&Api::new(&self.look.api)?, tally.moved()).await;
        output.show(&tally.value(&open), || text::report(&tally, &open))?;
        Ok(if tally.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

impl Diff {
    async fn compare(
        &self,
        mut feed: Feed,
        sets: (&RouteSet, &RouteSet),
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let progress = Progress::new();
        let mut skip = feed.behind().saturating_sub(self.limit);
        while let Some(entry) = feed.next_there().await? {
            if skip > 0 {
                skip -= 1;
            } else {
                compare(&entry, sets, tally);
            }
            progress.show(format_args!("{} events, {} to come", tally.events(), feed.behind()));
        }
        Ok(())
    }
}

fn compare(entry: &Entry, (before, after): (&RouteSet, &RouteSet), tally: &mut Tally) {
    // What is no event is one for no set.
    let Ok(event) = read_event(&entry.raw()) else { return tally.unreadable() };
    let (before, after) = (before.plan(&event, entry.stored_at), after.plan(&event, entry.stored_at));
    tally.count(&event, differences(&before, &after));
}
