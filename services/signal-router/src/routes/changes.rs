//! When something in a folder may have changed.

use std::{path::Path, sync::Arc, time::Duration};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use signalbox_telemetry::Chain;
use tokio::{
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout, timeout_at},
};

/// Whoever writes several files, or one in several steps, is done when it has been quiet for so long.
const QUIET: Duration = Duration::from_millis(150);

/// It is looked at after this, quiet or not.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked at without being told of a change: a folder of another system (a mounted one, one that was
/// put in the place of the first) may change without a word.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the system tells of a folder, and what it may not.
pub(crate) struct Changes {
    told: Arc<Notify>,
    looks: Interval,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    pub(crate) fn of(folder: &Path) -> Self {
        let told = Arc::new(Notify::new());
        let watcher = watch(folder, Arc::clone(&told));
        if let Err(error) = &watcher {
            let every_s = LOOK_EVERY.as_secs();
            tracing::info!(error = %Chain(error), every_s, "the folder is looked at, not watched");
        }
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { told, looks, _watcher: watcher.ok() }
    }

    /// Comes back when it is worth looking.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            () = self.told.notified() => {
                let end = Instant::now() + PATIENCE;
                let quiet = async { while timeout(QUIET, self.told.notified()).await.is_ok() {} };
                // Whether it is quiet by then or not.
                let _ = timeout_at(end, quiet).await;
            }
            _ = self.looks.tick() => {}
        }
    }
}

fn watch(folder: &Path, told: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change, and it is what a look does.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            told.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_change_is_told_at_once_and_a_reader_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::of(folder.path());
        for n in 0..3 {
            fs::write(folder.path().join("a.yaml"), n.to_string()).unwrap();
            timeout(LOOK_EVERY / 2, changes.next()).await.expect("a change is not told");
            fs::read(folder.path().join("a.yaml")).unwrap();
        }
        assert!(timeout(QUIET * 3, changes.next()).await.is_err(), "a reader is told");
    }
}
