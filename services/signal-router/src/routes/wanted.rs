//! What is wanted: loaded as soon as somebody applies it, for the matcher to take up.

use std::{sync::Arc, time::Duration};

use signalbox_bus::{Error, Revised, Watched, at_last};
use signalbox_proto::v1::WantedRoutes;
use signalbox_telemetry::Chain;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::sets::{Loaded, Sets};

/// How often sets that nobody needs are looked for, at most.
const CLEAN_EVERY: Duration = Duration::from_secs(60 * 60);

/// A set that somebody applied.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// Tells changes apart.
    pub(crate) number: u64,
    pub(crate) wanted: WantedRoutes,
    /// The set, or why it cannot be used.
    pub(crate) set: Result<Arc<Loaded>, String>,
}

/// What there is for the matcher to take up.
#[derive(Clone, Debug, Default)]
pub(crate) enum Offer {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// Nobody ever applied a set.
    Nothing,
    /// The last change.
    Change(Change),
}

/// Follows what is wanted.
pub(crate) struct Wanted {
    pub(crate) sets: Arc<Sets>,
    pub(crate) offer: watch::Sender<Offer>,
}

impl Wanted {
    /// Until `stop`; not before `first`, so that what is new at the start is the first to be offered.
    pub(crate) async fn run(
        self,
        first: impl Future + Send + 'static,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let follow = async {
            first.await;
            let mut cleaned = None;
            loop {
                let bucket = self.sets.bucket().await;
                if at_last(|| bucket.wanted()).await.is_none() {
                    self.offer.send_replace(Offer::Nothing);
                }
                let watched = at_last(|| bucket.watch_wanted()).await;
                if let Err(error) = self.follow(watched, &mut cleaned).await {
                    tracing::debug!(error = %Chain(&error), "routes are not followed for now");
                }
            }
        };
        stop.run_until_cancelled(follow).await;
        Ok(())
    }

    async fn follow(
        &self,
        mut watched: Watched<WantedRoutes>,
        cleaned: &mut Option<Instant>,
    ) -> Result<(), Error> {
        while let Some(Revised { revision, value }) = watched.next().await? {
            // The same comes again after the connection was lost.
            if !matches!(&*self.offer.borrow(), Offer::Change(last) if last.number == revision) {
                let set = self.sets.get(&value.version).await;
                self.offer.send_replace(Offer::Change(Change { number: revision, wanted: value, set }));
            }
            if cleaned.is_none_or(|at| at.elapsed() > CLEAN_EVERY) {
                self.sets.forget_unused().await?;
                *cleaned = Some(Instant::now());
            }
        }
        Ok(())
    }
}
