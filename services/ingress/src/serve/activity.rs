//! When something was asked over a connection, the last time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{HEAD_WITHIN, IDLE_AT_MOST};

/// When something was asked over a connection, the last time.
pub(super) struct Activity {
    opened: Instant,
    /// Milliseconds after it was opened; 0 if nothing was.
    last: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { opened: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Something is asked now.
    pub(super) fn notice(&self) {
        let after = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(after.max(1), Ordering::Relaxed);
    }

    /// Nothing is asked for too long.
    pub(super) async fn ceased(&self) {
        loop {
            let until = match self.last.load(Ordering::Relaxed) {
                0 => self.opened + HEAD_WITHIN,
                last => self.opened + Duration::from_millis(last) + IDLE_AT_MOST,
            };
            if Instant::now() >= until {
                return;
            }
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_last_counts() {
        let (activity, opened) = (Activity::new(), Instant::now());
        activity.ceased().await;
        assert_eq!(opened.elapsed().as_secs(), HEAD_WITHIN.as_secs(), "nothing was ever asked");
        activity.notice();
        advance(IDLE_AT_MOST / 2).await;
        activity.notice();
        let asked = Instant::now();
        activity.ceased().await;
        assert_eq!(asked.elapsed().as_secs(), IDLE_AT_MOST.as_secs());
    }
}
