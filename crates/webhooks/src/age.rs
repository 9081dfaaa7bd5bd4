//! How old a signature may be. What is captured on its way can be sent again for that long, and is known by its id then.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Rejected;

const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Whether `header` has a time in seconds since 1970 that is near `now`.
pub(crate) fn check(seconds: &str, header: &'static str, now: DateTime<Utc>) -> Result<(), Rejected> {
    // Digits alone: what is signed is the text, and a number has only one.
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let signed =
        seconds.parse().ok().filter(|_| digits).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    match signed {
        Some(signed) if (now - signed).abs() <= TOLERANCE => Ok(()),
        _ => Err(Rejected::Stale(header)),
    }
}
