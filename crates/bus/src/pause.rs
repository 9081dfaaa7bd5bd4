//! Pauses between attempts of what must work at last.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// From 50 ms to [`LONGEST_PAUSE`], without end.
pub(crate) fn patient() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}
