//! Route sets as they are kept, loaded and checked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signalbox_bus::{Bus, Error, RouteSets, at_last};
use signalbox_domain::TimelineExt;
use signalbox_proto::v1::RouteFiles;
use signalbox_routing::RouteSet;
use tokio::task::spawn_blocking;

/// Sets that are kept loaded: what runs, what ran before, what is wanted.
const LOADED: usize = 4;

/// A set that nobody names is kept for so long: it may be about to be applied.
const KEPT_UNNAMED: Duration = Duration::from_secs(60 * 60);

/// A checked set, under the name that it is kept by.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) version: String,
    pub(crate) set: RouteSet,
    pub(crate) files: RouteFiles,
}

/// The sets that NATS keeps. Those that were used last are at hand.
pub(crate) struct Sets {
    pub(super) bus: Bus,
    recent: Mutex<VecDeque<Arc<Loaded>>>,
}

impl Sets {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus, recent: Mutex::default() }
    }

    /// The bucket that they are kept in, however long JetStream is away. Made if it is not there.
    pub(crate) async fn bucket(&self) -> RouteSets {
        let open = || async {
            match self.bus.route_sets().await {
                Ok(bucket) => Ok(bucket),
                Err(_) => {
                    self.bus.log().await?;
                    self.bus.route_sets().await
                }
            }
        };
        at_last(open).await
    }

    /// The set of that version, however long JetStream is away.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub(crate) async fn get(&self, version: &str) -> Result<Arc<Loaded>, String> {
        if let Some(loaded) = self.at_hand(version) {
            return Ok(loaded);
        }
        let bucket = self.bucket().await;
        let Some(files) = bucket.named_files(version).await else {
            return Err("its files are not kept any more; apply them again".to_owned());
        };
        let loaded = Arc::new(load(version.to_owned(), files).await?);
        self.keep_at_hand(Arc::clone(&loaded));
        Ok(loaded)
    }

    pub(crate) fn keep_at_hand(&self, loaded: Arc<Loaded>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|other| other.version != loaded.version);
        recent.push_front(loaded);
        recent.truncate(LOADED);
    }

    fn at_hand(&self, version: &str) -> Option<Arc<Loaded>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|loaded| loaded.version == version).cloned()
    }

    /// Removes sets that nobody has a use for.
    pub(crate) async fn forget_unused(&self) -> Result<(), Error> {
        let bucket = self.bus.route_sets().await?;
        let (timeline, wanted) = (bucket.timeline().await?, bucket.wanted().await?);
        let (timeline, wanted) = (timeline.unwrap_or_default().value, wanted.unwrap_or_default().value);
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut named = timeline.versions();
        named.insert(&wanted.version);
        named.extend(recent.iter().map(|loaded| loaded.version.as_str()));
        let forgotten = bucket.forget_others(&named, KEPT_UNNAMED).await?;
        if forgotten > 0 {
            tracing::info!(forgotten, "route sets that nobody names are gone");
        }
        Ok(())
    }
}

/// Checks files: many routes take a while.
async fn load(version: String, files: RouteFiles) -> Result<Loaded, String> {
    apart(move || {
        let texts = files.files.iter().map(|file| (file.name.clone(), file.text.clone()));
        let set = RouteSet::load(texts).map_err(|faults| faults.to_string())?;
        Ok(Loaded { version, set, files })
    })
    .await
}

/// Work that takes a while, on a thread of its own: events do not wait for it.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    spawn_blocking(work).await.unwrap_or_else(|failed| Err(failed.to_string()))
}
