use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::{Error, Process};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Waits until `look` succeeds, `process` ends or the time is up. `look` says why it is not ready yet.
pub(crate) async fn until_ready(
    process: &mut Process,
    within: Duration,
    look: impl AsyncFn() -> Result<(), String>,
) -> Result<(), Error> {
    let deadline = Instant::now() + within;
    let mut reason = "no answer yet".to_owned();
    let ready = async {
        while let Err(why) = look().await {
            reason = why;
            sleep(BETWEEN_LOOKS).await;
        }
    };
    let outcome = tokio::select! {
        biased;
        status = process.ended() => Some(status?),
        looked = timeout_at(deadline, ready) => match looked {
            Ok(()) => return Ok(()),
            Err(_) => None,
        },
    };
    let (name, log) = (process.name().to_owned(), process.last_lines());
    Err(match outcome {
        Some(status) => Error::Ended { name, status, log },
        None => Error::NotReady { name, within, reason, log },
    })
}

/// A port that was free a moment ago may be gone when the server wants it: then tries again, with others.
pub(crate) async fn retrying_ports<T>(start: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    const ATTEMPTS: usize = 5;
    for _ in 1..ATTEMPTS {
        match start().await {
            Err(error) if error.is_address_in_use() => tracing::debug!(%error, "trying other ports"),
            result => return result,
        }
    }
    start().await
}
