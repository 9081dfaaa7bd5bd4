use std::collections::VecDeque;

use signalbox_bus::{Bus, Feed, Table};
use signalbox_proto::v1::{ReplayPlace, ReplayRequest, Replayed};
use tokio_util::sync::CancellationToken;

use super::ask::Router;
use super::asked::Asked;
use super::tally::Tally;
use crate::failure::Failure;
use crate::progress::Progress;

/// Events that a router is asked about together.
const TOGETHER: usize = 256;

/// One pass over events, batch by batch.
pub struct Pass<'a> {
    pub asked: Asked,
    pub tally: Tally,
    router: Router<'a>,
    dry_run: bool,
    /// Those that are still to be read; none for single events.
    feed: Option<Feed>,
    /// At most so many more are read.
    left: u64,
    /// Read, and not answered yet.
    waiting: VecDeque<u64>,
    /// Where it is kept how far it came.
    places: Option<Table<ReplayPlace>>,
}

/// Why a pass is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Finished,
    AtLimit,
    Stopped,
}

impl<'a> Pass<'a> {
    /// Over a part of the stream.
    pub async fn open(
        bus: &Bus,
        asked: Asked,
        router: Router<'a>,
        dry_run: bool,
        limit: Option<u64>,
    ) -> Result<Self, Failure> {
        let feed = Some(bus.list_events(&asked.subject, asked.start).await?);
        let places = if dry_run { None } else { Some(bus.replays().await?) };
        let left = limit.unwrap_or(u64::MAX);
        Ok(Self { feed, places, left, ..Self::of_one(asked, router, dry_run, Vec::new()) })
    }

    /// Over single events.
    pub fn of_one(asked: Asked, router: Router<'a>, dry_run: bool, sequences: Vec<u64>) -> Self {
        let (tally, waiting) = (Tally::new(dry_run), sequences.into());
        Self { asked, tally, router, dry_run, feed: None, left: u64::MAX, waiting, places: None }
    }

    /// Until all is answered; a stop is heeded between two batches.
    ///
    /// # Errors
    /// When the stream cannot be read, or no router does what it is asked. What was answered is kept.
    pub async fn run(&mut self, stop: &CancellationToken) -> Result<Ended, Failure> {
        let progress = Progress::new();
        loop {
            if stop.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            self.read().await?;
            if self.waiting.is_empty() {
                return self.end().await;
            }
            let batch = self.waiting.iter().take(TOGETHER).copied().collect();
            let repeated = self.tally.events() == 0 && self.asked.was_stopped();
            let request = self.asked.request(batch, self.dry_run, repeated);
            let Some(replayed) = self.ask(request, &progress).await? else { return Ok(Ended::Stopped) };
            self.answered(&replayed).await?;
            let to_come = self.feed.as_ref().map_or(0, Feed::behind);
            progress.show(format_args!(
                "{} events, {} effects asked for, {to_come} events to come",
                self.tally.events(),
                self.tally.asked_for()
            ));
        }
    }

    async fn ask(
        &mut self,
        request: ReplayRequest,
        progress: &Progress,
    ) -> Result<Option<Replayed>, Failure> {
        let answer = self.router.ask(request, progress).await;
        match self.places.is_some() && self.tally.events() > 0 {
            true => answer.map_err(|failure| failure.with_tip(format!("`{}` goes on", self.asked.resume()))),
            false => answer,
        }
    }

    /// Reads on until there is a batch.
    async fn read(&mut self) -> Result<(), Failure> {
        while self.waiting.len() < TOGETHER && self.left > 0 {
            let Some(feed) = &mut self.feed else { return Ok(()) };
            match feed.next_there().await? {
                Some(entry)
                    if entry.stream_sequence <= self.asked.last_sequence
                        && self.asked.until.is_none_or(|until| entry.stored_at <= until) =>
                {
                    self.waiting.push_back(entry.stream_sequence);
                    self.left -= 1;
                }
                _ => self.feed = None,
            }
        }
        Ok(())
    }

    /// An answer may be about the first of a batch only; the others are asked for again.
    async fn answered(&mut self, replayed: &Replayed) -> Result<(), Failure> {
        self.tally.add(replayed);
        let Some(last) = replayed.events.last() else {
            return Err(Failure::other(crate::exit::Exit::Failed, "the router answers nothing"));
        };
        self.waiting.drain(..replayed.events.len().min(self.waiting.len()));
        if let Some(places) = &self.places {
            places.put(&self.asked.name, &self.asked.place(last.stream_sequence)).await?;
        }
        Ok(())
    }

    /// What is finished cannot be gone on with.
    async fn end(&mut self) -> Result<Ended, Failure> {
        if self.feed.as_ref().is_some_and(|feed| feed.behind() > 0) {
            return Ok(Ended::AtLimit);
        }
        if let Some(places) = &self.places {
            places.remove(&self.asked.name).await?;
        }
        Ok(Ended::Finished)
    }
}
