//! Waiting for a state.

use std::time::{Duration, Instant};

const BETWEEN: Duration = Duration::from_millis(50);

/// Asks until `ask` gives a value; after `deadline` it panics with the last reason why not. What is asked for
/// should be a level (`at least three`), not an edge that can be missed.
#[track_caller]
pub fn eventually<T, F>(deadline: Duration, mut ask: F) -> impl Future<Output = T>
where
    F: AsyncFnMut() -> anyhow::Result<T>,
{
    let caller = std::panic::Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            match ask().await {
                Ok(value) => return value,
                #[allow(clippy::panic, reason = "a test fails by it")]
                Err(reason) if Instant::now() > end => {
                    panic!("not within {deadline:?}, says {caller}: {reason:#}")
                }
                Err(_) => tokio::time::sleep(BETWEEN).await,
            }
        }
    }
}
