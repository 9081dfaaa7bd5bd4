//! Temporal's timestamps, whose type is of its own crate, to ours.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

pub(crate) fn utc<T>(at: T) -> Option<DateTime<Utc>>
where
    SystemTime: TryFrom<T>,
{
    SystemTime::try_from(at).ok().map(DateTime::from)
}

pub(crate) fn timestamp<T>(at: T) -> Option<prost_types::Timestamp>
where
    SystemTime: TryFrom<T>,
{
    SystemTime::try_from(at).ok().map(prost_types::Timestamp::from)
}

pub(crate) fn rfc3339<T>(at: Option<T>) -> Option<String>
where
    SystemTime: TryFrom<T>,
{
    at.and_then(utc).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
