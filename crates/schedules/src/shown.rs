use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;

/// A time for a person: in the zone, `2026-03-29 03:00:00 +02:00 CEST`, and in UTC, `2026-03-29T01:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By the clock of the zone, with its offset and its abbreviation if it has one.
    pub local: String,
    /// RFC 3339 in UTC.
    pub utc: String,
}

/// The time for a person.
pub fn shown(zone: Tz, at: DateTime<Utc>) -> Shown {
    let local = at.with_timezone(&zone);
    let abbreviation = local.format("%Z").to_string();
    let named = abbreviation.bytes().all(|byte| byte.is_ascii_alphabetic());
    let format = if named { "%Y-%m-%d %H:%M:%S %:z %Z" } else { "%Y-%m-%d %H:%M:%S %:z" };
    Shown { local: local.format(format).to_string(), utc: at.to_rfc3339_opts(SecondsFormat::Secs, true) }
}

/// The time after a delay, as [`Written::at`](crate::Written::at) takes it: in whole seconds, rounded up.
pub fn after(delay: Duration, now: DateTime<Utc>) -> Option<String> {
    let at = now.checked_add_signed(TimeDelta::from_std(delay).ok()?)?;
    let whole = at.trunc_subsecs(0);
    let up = if whole < at { whole.checked_add_signed(TimeDelta::seconds(1))? } else { whole };
    Some(up.to_rfc3339_opts(SecondsFormat::Secs, true))
}
