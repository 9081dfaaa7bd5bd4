//! What is asked of the dead letters, and how much of it at a time.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};

use signalbox_bus::{Bus, Error, Letter, LetterFilter, Page, RedriveError, Several};
use signalbox_telemetry::Chain;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use tracing::warn;

use crate::{
    letters::{AllTakenOut, LetterInFull, LetterInShort, TakenOut},
    problem::{Code, Problem},
};

/// Calls that look through letters at a time: each may read a great many.
const AT_ONCE: usize = 8;

/// Letters of one event that are asked after.
const MOST_ASKED_AFTER: usize = 64;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The dead letters, as the API knows them.
pub struct DeadLetters {
    bus: Bus,
    places: Semaphore,
}

/// Which letters are meant, and how many of them.
#[derive(Debug)]
pub struct Wanted {
    /// Which.
    pub filter: LetterFilter,
    /// Only those after this sequence.
    pub after: u64,
    /// At most so many.
    pub limit: usize,
}

impl DeadLetters {
    /// Those of this bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus, places: Semaphore::new(AT_ONCE) }
    }

    /// A page of them.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub async fn list(&self, wanted: &Wanted) -> Result<Page<LetterInShort>, Problem> {
        let Wanted { filter, after, limit } = wanted;
        self.in_time(self.bus.dead_letters(filter, *after, *limit, LetterInShort::of)).await
    }

    /// One of them.
    ///
    /// # Errors
    /// When it is not there, or cannot be read now.
    pub async fn show(&self, sequence: u64) -> Result<LetterInFull, Problem> {
        let letter = self.in_time(self.bus.dead_letter(sequence)).await?;
        let letter: Letter = letter.ok_or_else(|| not_found(sequence))?;
        self.in_time(LetterInFull::read(&self.bus, letter)).await
    }

    /// Which of these are there. Of a great many the first are asked after.
    ///
    /// # Errors
    /// When they cannot be read now.
    pub async fn still_there(&self, sequences: &BTreeSet<u64>) -> Result<BTreeSet<u64>, Error> {
        let asked = sequences.iter().take(MOST_ASKED_AFTER).map(async |sequence| {
            let letter = self.bus.dead_letter(*sequence).await?;
            Ok(letter.map(|letter| letter.sequence))
        });
        let asked: Vec<_> = asked.collect();
        stream::iter(asked).buffered(AT_ONCE).try_filter_map(async |there| Ok(there)).try_collect().await
    }

    /// Takes one out.
    ///
    /// # Errors
    /// When it stays where it is.
    pub async fn redrive(&self, sequence: u64) -> Result<TakenOut, Problem> {
        self.connected()?;
        let redriven = self.bus.redrive(&[sequence]).await.map_err(of_redrive)?;
        let redriven = redriven.into_iter().next().ok_or_else(Problem::unreadable)?;
        match redriven.problem {
            Some(problem) => Err(problem.into()),
            None => Ok(redriven.into()),
        }
    }

    /// Takes several out.
    ///
    /// # Errors
    /// When nothing is known of what became of them.
    pub async fn redrive_wanted(&self, wanted: &Wanted) -> Result<AllTakenOut, Problem> {
        self.connected()?;
        let _place = self.place().await;
        let Wanted { filter, after, limit } = wanted;
        let several = self.bus.redrive_wanted(filter, *after, *limit).await.map_err(of_redrive)?;
        Ok(AllTakenOut::of(several.letters, several.next))
    }

    /// Removes one.
    ///
    /// # Errors
    /// When it is not there, or cannot be removed now.
    pub async fn remove(&self, sequence: u64) -> Result<(), Problem> {
        self.connected()?;
        let removed = self.in_time(self.bus.remove_dead_letter(sequence)).await?;
        if removed { Ok(()) } else { Err(not_found(sequence)) }
    }

    /// Removes several.
    ///
    /// # Errors
    /// When they cannot be removed now; some may be then.
    pub async fn remove_wanted(&self, wanted: &Wanted) -> Result<Several<u64>, Problem> {
        self.connected()?;
        let Wanted { filter, after, limit } = wanted;
        self.in_time(self.bus.remove_wanted(filter, *after, *limit)).await
    }

    /// The client would keep what it is told and send it later, after the caller was told to send it again.
    fn connected(&self) -> Result<(), Problem> {
        if self.bus.is_connected() { Ok(()) } else { Err(Problem::disconnected()) }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        self.connected()?;
        let _place = self.place().await;
        match timeout(PATIENCE, work).await {
            Ok(done) => done.map_err(|error| away(&error)),
            Err(_) => {
                Err(Problem::new(Code::LettersAway, "the dead letters were not read in time; ask again"))
            }
        }
    }

    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; a permit is all that its error could withhold.
        self.places.acquire().await.ok()
    }
}

fn not_found(sequence: u64) -> Problem {
    Problem::new(Code::DeadLetterNotFound, format!("there is no dead letter {sequence}, or no more"))
}

fn away(error: &Error) -> Problem {
    warn!(error = %Chain(error), "dead letters not read");
    Problem::new(Code::LettersAway, "the dead letters cannot be read now; ask again")
}

/// Whatever became of it, to ask again is safe: a letter that is taken out twice has one effect.
fn of_redrive(error: RedriveError) -> Problem {
    match error {
        RedriveError::Read(error) => away(&error),
        RedriveError::Ask(error) => Problem::from(&error),
        RedriveError::Refused(problem) => problem.into(),
    }
}
