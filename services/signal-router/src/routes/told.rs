//! What the folder says: it applies what is new in it, as anybody else does. It is silent about what it has said, so
//! that a restart does not undo what was applied by hand since.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use chrono::Utc;
use signalbox_bus::{Error, RouteSets, StoreError, at_last};
use signalbox_domain::wire_time;
use signalbox_proto::v1::WantedRoutes;
use signalbox_telemetry::Chain;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    changes::Changes,
    folder::RouteFolder,
    sets::{Loaded, Sets, apart},
};
use crate::metrics::RouterMetrics;

/// Who applied what the folder has.
const FOLDER: &str = "folder";

/// The folder, which is told to NATS.
pub(crate) struct Told {
    pub(crate) sets: Arc<Sets>,
    pub(crate) metrics: RouterMetrics,
    pub(crate) folder: PathBuf,
    /// Otherwise it is looked at once.
    pub(crate) watched: bool,
}

/// To be dropped when the folder has said what it has to say at the start.
pub(crate) type First = oneshot::Sender<()>;

/// What was found in a folder, or why nothing was.
type Seen = Result<RouteFolder, String>;

impl Told {
    /// Looks until `stop`.
    ///
    /// # Errors
    /// When the folder gives no set at the start, and there is none in NATS either.
    pub(crate) async fn run(self, first: First, stop: CancellationToken) -> anyhow::Result<()> {
        // Before the first look, so that no change is missed.
        let mut changes = self.watched.then(|| Changes::of(&self.folder));
        let mut seen = self.look().await;
        if let Some(begun) = stop.run_until_cancelled(self.begin(&seen)).await {
            begun?;
        }
        drop(first);
        let Some(changes) = &mut changes else {
            stop.cancelled().await;
            return Ok(());
        };
        while stop.run_until_cancelled(changes.next()).await.is_some() {
            let now = self.look().await;
            if now != seen {
                if stop.run_until_cancelled(self.tell(&now)).await.is_none() {
                    break;
                }
                seen = now;
            }
        }
        Ok(())
    }

    async fn begin(&self, seen: &Seen) -> anyhow::Result<()> {
        let Err(why) = self.tell(seen).await else { return Ok(()) };
        let bucket = self.sets.bucket().await;
        let wanted = at_last(|| bucket.wanted()).await.is_some();
        let ran = at_last(|| bucket.timeline()).await.is_some_and(|kept| !kept.value.periods.is_empty());
        match wanted || ran {
            true => Ok(()),
            false => Err(anyhow::Error::msg(why)).with_context(|| {
                format!(
                    "`{}` has no routes to run (--routes), and NATS has none either",
                    self.folder.display()
                )
            }),
        }
    }

    /// Applies what the folder has, if that is news.
    async fn tell(&self, seen: &Seen) -> Result<(), String> {
        let told = match seen {
            Ok(folder) => self.apply(folder).await,
            Err(why) => Err(why.clone()),
        };
        if let Err(why) = &told {
            self.metrics.refused.inc();
            tracing::warn!(folder = %self.folder.display(), error = why, "the folder's routes are not applied");
        }
        told
    }

    async fn apply(&self, folder: &RouteFolder) -> Result<(), String> {
        let loaded = load(folder.clone()).await?;
        let bucket = self.sets.bucket().await;
        let news = at_last(|| say(&bucket, &loaded)).await?;
        if news {
            let (version, routes) = (&loaded.version, loaded.set.len());
            tracing::info!(version, routes, folder = %self.folder.display(), "the folder's routes are applied");
            self.sets.keep_at_hand(loaded);
        }
        Ok(())
    }

    async fn look(&self) -> Seen {
        let folder = self.folder.clone();
        apart(move || RouteFolder::read(&folder).map_err(|error| Chain(&error).to_string())).await
    }
}

async fn load(folder: RouteFolder) -> Result<Arc<Loaded>, String> {
    let loaded = apart(move || {
        let set = folder.load().map_err(|faults| faults.to_string())?;
        Ok(Loaded { version: set.version().to_owned(), set, files: folder.files() })
    });
    loaded.await.map(Arc::new)
}

/// Whether it was news. The inner error is for good.
async fn say(bucket: &RouteSets, loaded: &Loaded) -> Result<Result<bool, String>, Error> {
    let said = bucket.wanted().await?.unwrap_or_default().value.folder_version;
    if said == loaded.version {
        return Ok(Ok(false));
    }
    match bucket.store(&loaded.version, &loaded.files).await {
        Ok(()) => {}
        Err(StoreError::Bus(error)) => return Err(error),
        Err(error @ StoreError::TooLarge { .. }) => return Ok(Err(error.to_string())),
    }
    let wanted = |_| WantedRoutes {
        version: loaded.version.clone(),
        applied_at: Some(wire_time(Utc::now())),
        applied_by: FOLDER.to_owned(),
        note: String::new(),
        folder_version: loaded.version.clone(),
    };
    bucket.want(wanted).await.map(|_| Ok(true))
}
