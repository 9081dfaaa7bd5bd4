use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::commands::before;

/// A time, as it was typed: so long ago, or at a moment.
#[derive(Clone, Debug)]
pub struct When {
    typed: String,
    meant: Meant,
}

#[derive(Clone, Copy, Debug)]
enum Meant {
    Ago(Duration),
    At(DateTime<Utc>),
}

impl When {
    /// The moment.
    pub fn from(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.meant {
            Meant::Ago(back) => before(now, back),
            Meant::At(at) => at,
        }
    }

    /// As it was typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let ago = humantime::parse_duration(text).map(Meant::Ago);
        let at = || humantime::parse_rfc3339_weak(text).map(|at| Meant::At(at.into()));
        match ago.or_else(|_| at()) {
            Ok(meant) => Ok(Self { typed: text.to_owned(), meant }),
            Err(_) => Err(
                "it is a length of time, such as 2h or 3d, or a time in UTC, such as 2026-01-31T08:00:00Z",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_moment() {
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1);
        let of = |text: &str| text.parse::<When>().map(|when| when.from(now).to_rfc3339());
        assert_eq!(of("2h").unwrap(), "1970-01-01T22:00:00+00:00");
        assert_eq!(of("2026-01-31T08:00:00Z").unwrap(), "2026-01-31T08:00:00+00:00");
        assert_eq!(of("2026-01-31 08:00:00").unwrap(), "2026-01-31T08:00:00+00:00");
        for bad in ["", "yesterday", "2026-01-31T08:00:00+02:00", "5"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
