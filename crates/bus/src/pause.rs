//! Pauses between attempts of what must work at last.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use signalbox_telemetry::Chain;

use crate::Error;

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

/// Tries until it works, however long JetStream is away. Drop the future to give it up.
pub async fn at_last<T, F: Future<Output = Result<T, Error>>>(mut attempt: impl FnMut() -> F) -> T {
    let mut pauses = patient();
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => tracing::debug!(error = %Chain(&error), "will try again"),
        }
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
    }
}
