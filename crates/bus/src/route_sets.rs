//! The bucket of route sets: their files, which set is wanted, and which holds for which event.

use std::{
    collections::BTreeSet,
    marker::PhantomData,
    time::{Duration, SystemTime},
};

use async_nats::jetstream::kv;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use signalbox_domain::{Log, wire_time};
use signalbox_proto::{
    names::{bucket, consumer, route_key, stream},
    v1::{RouteFiles, RouteTimeline, RoutesAnswer, WantedRoutes},
};

use tokio::time::sleep;

use crate::{Bus, Error, at_last, lease::pin_of};

/// What a message has around its payload.
const ENVELOPE: usize = 1024;

/// Looks for a set that is named.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The bucket of route sets. Cheap to clone.
#[derive(Clone)]
pub struct RouteSets {
    bus: Bus,
    store: kv::Store,
}

/// A value, and the revision of the bucket that it came with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revised<M> {
    /// Whoever replaces the value says which revision.
    pub revision: u64,
    /// The value.
    pub value: M,
}

/// Why a route set is not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It never will be.
    #[error(
        "the route files have {bytes} bytes together; this NATS server takes messages of at most {limit}"
    )]
    TooLarge {
        /// The size of the set.
        bytes: usize,
        /// `max_payload` of the server.
        limit: usize,
    },
    /// It may be, if stored again.
    #[error(transparent)]
    Bus(#[from] Error),
}

/// One key, value by value as they are written.
pub struct Watched<M> {
    entries: kv::Watch,
    of: PhantomData<fn() -> M>,
}

impl Bus {
    /// The bucket of route sets.
    ///
    /// # Errors
    /// When it cannot be reached, or is not there yet.
    pub async fn route_sets(&self) -> Result<RouteSets, Error> {
        let store = self.jetstream.get_key_value(bucket::ROUTES).await;
        let store = store.map_err(|e| Error::when("open the bucket of routes")(e.into()))?;
        Ok(RouteSets { bus: self.clone(), store })
    }

    /// The stream of events, and how far its matcher was given of it. Made if they are not there.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn log(&self) -> Result<Log, Error> {
        let of = Error::when("tell how far events are matched");
        self.ensure_streams().await.map_err(|e| of(e.into()))?;
        let events = self.jetstream.get_stream(stream::EVENTS).await.map_err(|e| of(e.into()))?;
        let matcher = events.consumer_info(consumer::MATCH).await.map_err(|e| of(e.into()))?;
        Ok(Log {
            began: events.cached_info().created,
            delivered: matcher.delivered.stream_sequence,
            taken: pin_of(&matcher).is_some() && matcher.num_waiting > 0,
        })
    }
}

impl Bus {
    /// Notes, in the timeline, that events up to `delivered` may have been matched; tells up to where that is known.
    pub(crate) async fn keep_in_mind(&self, began: DateTime<Utc>, delivered: u64) -> Result<u64, Error> {
        let bucket = self.route_sets().await?;
        loop {
            let Some(Revised { revision, value: mut timeline }) = bucket.timeline().await? else {
                return Ok(delivered);
            };
            if timeline.log_began != Some(wire_time(began)) {
                return Ok(delivered);
            }
            if timeline.seen >= delivered {
                return Ok(timeline.seen);
            }
            timeline.seen = delivered;
            if bucket.replace_timeline(revision, &timeline).await?.is_some() {
                return Ok(delivered);
            }
        }
    }
}

impl RouteSets {
    /// The files of a set.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn files(&self, version: &str) -> Result<Option<RouteFiles>, Error> {
        Ok(self.get(&route_key::set(version)).await?.map(|kept| kept.value))
    }

    /// The files of a set that is named somewhere, however long JetStream is away. One that was stored a moment ago may
    /// not have reached the server that is asked for it, so it is looked for a few times.
    pub async fn named_files(&self, version: &str) -> Option<RouteFiles> {
        for _ in 1..LOOKS {
            let files = at_last(|| self.files(version)).await;
            if files.is_some() {
                return files;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        at_last(|| self.files(version)).await
    }

    /// Stores the files of a set, unless they are there: a set never changes.
    ///
    /// # Errors
    /// [`StoreError`]; repeating it does no harm.
    pub async fn store(&self, version: &str, files: &RouteFiles) -> Result<(), StoreError> {
        let limit = self.bus.client.server_info().max_payload.saturating_sub(ENVELOPE);
        let bytes = files.encoded_len();
        if bytes > limit {
            return Err(StoreError::TooLarge { bytes, limit });
        }
        // What is there already is the same.
        self.replace(&route_key::set(version), 0, files).await?;
        Ok(())
    }

    /// The set that was applied last.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn wanted(&self) -> Result<Option<Revised<WantedRoutes>>, Error> {
        self.get(route_key::WANTED).await
    }

    /// Applies a set: `change` makes it of the one that was applied before. Tells the number of the change.
    ///
    /// # Errors
    /// When the bucket cannot be written. It may have been all the same.
    pub async fn want(&self, change: impl Fn(WantedRoutes) -> WantedRoutes) -> Result<u64, Error> {
        loop {
            let Revised { revision, value } = self.wanted().await?.unwrap_or_default();
            if let Some(revision) = self.replace(route_key::WANTED, revision, &change(value)).await? {
                return Ok(revision);
            }
        }
    }

    /// What the matcher has said last.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn answer(&self) -> Result<Option<RoutesAnswer>, Error> {
        Ok(self.get(route_key::ANSWER).await?.map(|kept| kept.value))
    }

    /// Says what became of a change. For the matcher alone.
    ///
    /// # Errors
    /// When the bucket cannot be written.
    pub async fn say(&self, answer: &RoutesAnswer) -> Result<(), Error> {
        let put = self.store.put(route_key::ANSWER, answer.encode_to_vec().into()).await;
        put.map(drop).map_err(written)
    }

    /// Which set holds from which event on.
    ///
    /// # Errors
    /// When the bucket cannot be read.
    pub async fn timeline(&self) -> Result<Option<Revised<RouteTimeline>>, Error> {
        self.get(route_key::TIMELINE).await
    }

    /// Replaces the timeline of this revision, 0 if there was none; `None` if it is another one by now. Tells the new
    /// revision. For the matcher alone.
    ///
    /// # Errors
    /// When the bucket cannot be written. It may have been all the same.
    pub async fn replace_timeline(
        &self,
        revision: u64,
        timeline: &RouteTimeline,
    ) -> Result<Option<u64>, Error> {
        self.replace(route_key::TIMELINE, revision, timeline).await
    }

    /// What is applied, from the set that was applied last on.
    ///
    /// # Errors
    /// When the bucket cannot be watched.
    pub async fn watch_wanted(&self) -> Result<Watched<WantedRoutes>, Error> {
        self.watch(route_key::WANTED).await
    }

    /// What the matcher says, from what it has said last on.
    ///
    /// # Errors
    /// When the bucket cannot be watched.
    pub async fn watch_answer(&self) -> Result<Watched<RoutesAnswer>, Error> {
        self.watch(route_key::ANSWER).await
    }

    /// Removes the files of sets that are not `named` and older than `age`: a younger one may be about to be applied.
    /// Tells how many.
    ///
    /// # Errors
    /// When the bucket cannot be read or written.
    pub async fn forget_others(&self, named: &BTreeSet<&str>, age: Duration) -> Result<usize, Error> {
        let of = Error::when("forget old route sets");
        let keys = self.store.keys().await.map_err(|e| of(e.into()))?;
        let keys: Vec<String> = keys.try_collect().await.map_err(|e| of(e.into()))?;
        let unnamed = keys.iter().filter(|key| {
            key.strip_prefix(route_key::SET_PREFIX).is_some_and(|version| !named.contains(version))
        });
        let mut forgotten = 0;
        for key in unnamed {
            let entry = self.store.entry(key).await.map_err(|e| of(e.into()))?;
            let old = |entry: &kv::Entry| {
                SystemTime::now().duration_since(entry.created.into()).is_ok_and(|since| since > age)
            };
            if entry.as_ref().is_some_and(old) {
                // A purge by key would leave a mark for every set that there ever was.
                let subject = format!("{}{key}", self.store.prefix);
                self.store.stream.purge().filter(subject).await.map_err(|e| of(e.into()))?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    async fn get<M: Message + Default>(&self, key: &str) -> Result<Option<Revised<M>>, Error> {
        let of = Error::when("read from the bucket of routes");
        let entry = self.store.entry(key).await.map_err(|e| of(e.into()))?;
        let kept = entry.filter(|entry| entry.operation == kv::Operation::Put);
        kept.map(|entry| revised(&entry)).transpose()
    }

    /// Replaces the value of this revision, 0 if there is none; `None` if there is another one by now.
    async fn replace(&self, key: &str, revision: u64, value: &impl Message) -> Result<Option<u64>, Error> {
        let value = value.encode_to_vec().into();
        if revision == 0 {
            // Also where somebody deleted it, which leaves a mark that has a revision.
            return match self.store.create(key, value).await {
                Ok(revision) => Ok(Some(revision)),
                Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(written(error)),
            };
        }
        match self.store.update(key, value, revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(written(error)),
        }
    }

    async fn watch<M>(&self, key: &str) -> Result<Watched<M>, Error> {
        let entries = self.store.watch_with_history(key).await;
        let entries = entries.map_err(|e| Error::when("watch the bucket of routes")(e.into()))?;
        Ok(Watched { entries, of: PhantomData })
    }
}

impl<M: Message + Default> Watched<M> {
    /// The next value; pending while there is none, `None` when it can no longer be watched. May be dropped without
    /// loss.
    ///
    /// # Errors
    /// When what was written cannot be read.
    pub async fn next(&mut self) -> Result<Option<Revised<M>>, Error> {
        loop {
            match self.entries.next().await {
                Some(Ok(entry)) if entry.operation == kv::Operation::Put => return revised(&entry).map(Some),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Error::when("watch the bucket of routes")(error.into())),
                None => return Ok(None),
            }
        }
    }
}

fn revised<M: Message + Default>(entry: &kv::Entry) -> Result<Revised<M>, Error> {
    let value = M::decode(entry.value.clone());
    let value = value.map_err(|e| Error::when("read from the bucket of routes")(e.into()))?;
    Ok(Revised { revision: entry.revision, value })
}

fn written(error: impl Into<async_nats::Error>) -> Error {
    Error::when("write into the bucket of routes")(error.into())
}
