//! Dead letters: what cannot work, to be looked at, tried again, or removed.

mod args;
mod shown;

use std::io::{IsTerminal, Write, stdin};

use chrono::Utc;
use clap::Subcommand;
use serde_json::json;
use signalbox_bus::{Bus, LetterFilter, RedriveError, RequestError};
use signalbox_ingress::{AllTakenOut, LetterInFull, LetterInShort};
use signalbox_telemetry::Chain;

pub use args::{List, Purge, Redrive, Show};

use super::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;

/// Look at dead letters, try them again, or remove them
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  signalbox dead list
  signalbox dead show 1
  signalbox dead redrive 1
  signalbox dead purge 1 --yes")]
pub enum Dead {
    List(List),
    Show(Show),
    Redrive(Redrive),
    Purge(Purge),
}

impl Run for Dead {
    fn output(&self) -> Output {
        match self {
            Self::List(List { output, .. })
            | Self::Show(Show { output, .. })
            | Self::Redrive(Redrive { output, .. })
            | Self::Purge(Purge { output, .. }) => *output,
        }
    }

    async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Redrive(redrive) => redrive.run().await,
            Self::Purge(purge) => purge.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<Exit, Failure> {
        let now = Utc::now();
        let bus = nats::connect(&self.nats).await?;
        let page = bus
            .dead_letters(&self.which.filter(now), self.after, self.limit.into(), LetterInShort::of)
            .await?;
        let value = json!({ "dead_letters": page.letters, "next": page.next });
        self.output.show(&value, || shown::list(&page, now))?;
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self) -> Result<Exit, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let letter = bus.dead_letter(self.sequence).await?.ok_or_else(|| not_found(self.sequence))?;
        let letter = LetterInFull::read(&bus, letter).await?;
        self.output.show(&letter, || shown::one(&letter, Utc::now()))?;
        Ok(Exit::Done)
    }
}

impl Redrive {
    async fn run(self) -> Result<Exit, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let taken_out = match &self.meant.sequences[..] {
            // What dies again meanwhile is a new letter, and not meant.
            [] => {
                let filter = self.meant.which.filter_until(Utc::now());
                let several = bus.redrive_wanted(&filter, 0, self.limit.into()).await.map_err(failure)?;
                AllTakenOut::of(several.letters, several.next)
            }
            sequences => AllTakenOut::of(bus.redrive(sequences).await.map_err(failure)?, None),
        };
        self.output.show(&taken_out, || shown::taken_out(&taken_out))?;
        let missing = |code: &str| code == "dead-letter-not-found";
        Ok(match &taken_out.letters[..] {
            _ if taken_out.left == 0 => Exit::Done,
            [only] if missing(&only.code) => Exit::NotFound,
            _ => Exit::Refused,
        })
    }
}

impl Purge {
    async fn run(self) -> Result<Exit, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let filter = self.meant.which.filter_until(Utc::now());
        let sequences = match &self.meant.sequences[..] {
            [] => None,
            sequences => Some(sequences),
        };
        if !self.yes && !confirmed(&self.question(&bus, &filter).await?)? {
            return Err(Failure::other(Exit::Refused, "nothing is removed"));
        }
        let removed = match sequences {
            Some(sequences) => remove(&bus, sequences).await?,
            None => remove_all(&bus, &filter).await?,
        };
        self.output.show(&json!({ "removed": removed }), || shown::removed(removed))?;
        let none_of_the_named = sequences.is_some() && removed == 0;
        Ok(if none_of_the_named { Exit::NotFound } else { Exit::Done })
    }

    async fn question(&self, bus: &Bus, filter: &LetterFilter) -> Result<String, Failure> {
        let (count, more) = match self.meant.sequences.len() {
            0 => {
                let page = bus.dead_letters(filter, 0, COUNTED, |_| ()).await?;
                (page.letters.len(), page.next.is_some())
            }
            named => (named, false),
        };
        let count = if more { format!("{count} or more") } else { count.to_string() };
        Ok(format!("Remove {count} dead letters for ever? What they ask for never happens then. [y/N] "))
    }
}

/// Letters that are counted before they are asked about.
const COUNTED: usize = 1000;

async fn remove(bus: &Bus, sequences: &[u64]) -> Result<u64, Failure> {
    let mut removed = 0;
    for sequence in sequences {
        removed += u64::from(bus.remove_dead_letter(*sequence).await?);
    }
    Ok(removed)
}

async fn remove_all(bus: &Bus, filter: &LetterFilter) -> Result<u64, Failure> {
    let (mut removed, mut after) = (0, Some(0));
    while let Some(from) = after {
        let several = bus.remove_wanted(filter, from, COUNTED).await?;
        removed += several.letters.len() as u64;
        after = several.next;
    }
    Ok(removed)
}

/// Asks whoever sits at the terminal.
fn confirmed(question: &str) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::other(Exit::Usage, "nobody can be asked whether to remove dead letters")
            .with_tip("--yes says that it is meant"));
    }
    let mut terminal = anstream::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn not_found(sequence: u64) -> Failure {
    Failure::other(Exit::NotFound, format!("there is no dead letter {sequence}, or no more"))
        .with_tip("`signalbox dead list` lists them")
}

fn failure(error: RedriveError) -> Failure {
    let exit = match &error {
        RedriveError::Refused(_) => Exit::Refused,
        RedriveError::Ask(RequestError::Unreadable(_)) => Exit::Failed,
        RedriveError::Ask(_) | RedriveError::Read(_) => Exit::Unavailable,
    };
    Failure::other(exit, Chain(&error).to_string()).with_tip("a letter that is redriven twice has one effect")
}
