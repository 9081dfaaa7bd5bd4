//! Times of a workflow, from its history.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, as a workflow task saw them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(u64);

impl Moment {
    /// A workflow task that has no time yet counts as the epoch: `ctx.workflow_time()` is set from the first one on.
    pub(crate) fn of(time: Option<SystemTime>) -> Self {
        let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// What is left at `now` of the duration that began at this moment.
    pub(crate) fn left_of(self, whole: Duration, now: Self) -> Duration {
        whole.saturating_sub(Duration::from_millis(now.0.saturating_sub(self.0)))
    }

    /// RFC 3339 in UTC, to the millisecond.
    pub(crate) fn to_rfc3339(self) -> String {
        let time = i64::try_from(self.0).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
        time.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_runs_out() {
        let start = Moment(1_000);
        let whole = Duration::from_secs(5);
        assert_eq!(start.left_of(whole, Moment(3_000)), Duration::from_secs(3));
        assert_eq!(start.left_of(whole, Moment(9_000)), Duration::ZERO);
        assert_eq!(start.left_of(whole, Moment(0)), whole);
    }

    #[test]
    fn it_is_written_as_rfc3339() {
        assert_eq!(Moment(1_795_378_392_778).to_rfc3339(), "2026-11-22T20:13:12.778Z");
        assert_eq!(Moment::of(None).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Moment(u64::MAX).to_rfc3339(), "1970-01-01T00:00:00.000Z");
    }
}
