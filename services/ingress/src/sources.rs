//! The sources of webhooks that the route set declares which was applied last.

mod secrets;
mod table;

use std::{sync::Arc, time::Duration};

use signalbox_bus::{Bus, Error, Revised, RouteSets, Watched, at_last};
use signalbox_proto::v1::WantedRoutes;
use signalbox_routing::RouteSet;
use signalbox_telemetry::Chain;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tracing::{debug, info, warn};

pub use secrets::read as read_secret;
use table::Table;
pub use table::{Declared, Unverified};

use crate::problem::{Code, Problem};

/// How often it is looked whether their secrets are others by now.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The sources of now; none is known before NATS has told which set was applied.
#[derive(Clone, Debug, Default)]
pub struct Sources(watch::Sender<Option<Arc<Table>>>);

impl Sources {
    /// The source of that name.
    ///
    /// # Errors
    /// 404 if there is none, 503 while nobody knows.
    pub fn find(&self, name: &str) -> Result<Arc<Declared>, Problem> {
        let table = self.0.borrow();
        let Some(table) = &*table else {
            let detail = "which sources there are is not known yet; NATS has not told it. Send it again";
            return Err(Problem::new(Code::SourcesUnknown, detail));
        };
        table.find(name).ok_or_else(|| {
            Problem::new(Code::SourceNotFound, format!("no source of the routes that run is named `{name}`"))
        })
    }

    /// Swaps them whenever another set is applied. Never ends.
    pub async fn follow(self, bus: Bus) {
        let mut last = None;
        loop {
            let bucket = at_last(|| bus.route_sets()).await;
            if at_last(|| bucket.wanted()).await.is_none() {
                self.0.send_replace(Some(Arc::default()));
            }
            let watched = at_last(|| bucket.watch_wanted()).await;
            if let Err(error) = self.swap(&bucket, watched, &mut last).await {
                debug!(error = %Chain(&error), "sources are not followed for now");
            }
        }
    }

    async fn swap(
        &self,
        bucket: &RouteSets,
        mut watched: Watched<WantedRoutes>,
        last: &mut Option<u64>,
    ) -> Result<(), Error> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wanted = tokio::select! {
                wanted = watched.next() => wanted?,
                _ = look.tick() => {
                    self.look_again().await;
                    continue;
                }
            };
            let Some(Revised { revision, value: WantedRoutes { version, .. } }) = wanted else {
                return Ok(());
            };
            // The same comes again after the connection was lost.
            if last.replace(revision) == Some(revision) {
                continue;
            }
            match load(bucket, &version).await {
                Ok(table) => {
                    info!(
                        version,
                        sources = table.len(),
                        "sources are those of the routes that were applied"
                    );
                    self.0.send_replace(Some(Arc::new(table)));
                }
                Err(why) => {
                    warn!(version, error = why, "sources stay as they are: the routes cannot be used")
                }
            }
        }
    }

    /// Files with secrets may have changed since.
    async fn look_again(&self) {
        let Some(table) = self.0.borrow().clone() else { return };
        match spawn_blocking(move || table.read_again()).await {
            Ok(table) => drop(self.0.send_replace(Some(Arc::new(table)))),
            Err(failed) => warn!(error = %failed, "secrets stay as they are"),
        }
    }
}

async fn load(bucket: &RouteSets, version: &str) -> Result<Table, String> {
    let files = bucket.named_files(version).await.ok_or("their files are not kept any more")?;
    let read = spawn_blocking(move || {
        let set = RouteSet::load(files.files.into_iter().map(|file| (file.name, file.text)));
        set.map(|set| Table::read(set.sources())).map_err(|faults| faults.to_string())
    });
    read.await.unwrap_or_else(|failed| Err(failed.to_string()))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn what_is_not_known_yet_is_not_said_to_be_missing() {
        let sources = Sources::default();
        let status =
            |sources: &Sources| sources.find("payments").unwrap_err().into_response().status().as_u16();
        assert_eq!(status(&sources), 503);
        sources.0.send_replace(Some(Arc::default()));
        assert_eq!(status(&sources), 404);
    }
}
