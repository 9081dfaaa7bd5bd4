//! Flags and variables of what is taken.

use std::{num::NonZeroU32, str::FromStr};

use governor::Quota;

/// What is taken, from whom.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitArgs {
    /// Calls that one address may make, such as 100/s, 600/m or off; 1000/s where callers are asked who they are
    #[arg(long, env = "SIGNALBOX_RATE_PER_ADDRESS", value_name = "COUNT/s", value_hint = clap::ValueHint::Other)]
    pub rate_per_address: Option<Rate>,

    /// Calls that one API key or subject of tokens may make, such as 100/s, 600/m or off; 1000/s where callers are asked
    /// who they are
    #[arg(long, env = "SIGNALBOX_RATE_PER_KEY", value_name = "COUNT/s", value_hint = clap::ValueHint::Other)]
    pub rate_per_key: Option<Rate>,

    /// How many proxies of yours stand before it: a caller's address is then so far from the end of X-Forwarded-For
    #[arg(long, env = "SIGNALBOX_PROXIES", default_value_t = 0, value_name = "COUNT")]
    pub proxies: usize,
}

/// How many calls in which time; as many may come at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rate {
    /// As many as come, unless callers are asked who they are.
    #[default]
    Unsaid,
    /// As many as come.
    Off,
    /// So many.
    Of(NonZeroU32, Per),
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

/// A text that no rate is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is written as 100/s, 600/m or 1000/h, or off")]
pub struct BadRate;

/// What is taken by itself of callers that are asked who they are.
const USUAL: NonZeroU32 = match NonZeroU32::new(1000) {
    Some(count) => count,
    None => NonZeroU32::MIN,
};

impl Rate {
    /// As governor has it; `None` if there is no bound.
    pub fn quota(self, asked: bool) -> Option<Quota> {
        match self {
            Self::Unsaid => asked.then(|| Quota::per_second(USUAL)),
            Self::Off => None,
            Self::Of(count, Per::Second) => Some(Quota::per_second(count)),
            Self::Of(count, Per::Minute) => Some(Quota::per_minute(count)),
            Self::Of(count, Per::Hour) => Some(Quota::per_hour(count)),
        }
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let (count, per) = text.split_once('/').ok_or(BadRate)?;
        let per = match per {
            "s" => Per::Second,
            "m" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(BadRate),
        };
        Ok(Self::Of(count.parse().map_err(|_| BadRate)?, per))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_with_their_time() {
        let count = |n| NonZeroU32::new(n).unwrap();
        assert_eq!("100/s".parse(), Ok(Rate::Of(count(100), Per::Second)));
        assert_eq!("600/m".parse(), Ok(Rate::Of(count(600), Per::Minute)));
        assert_eq!("5/h".parse(), Ok(Rate::Of(count(5), Per::Hour)));
        assert_eq!("off".parse(), Ok(Rate::Off));
        for text in ["", "100", "0/s", "-1/s", "1/d", "1/", "/s", "5000000000/s"] {
            assert_eq!(text.parse::<Rate>(), Err(BadRate), "{text}");
        }
    }

    #[test]
    fn what_is_not_said_is_bounded_where_callers_are_asked() {
        assert_eq!(Rate::Unsaid.quota(true), Some(Quota::per_second(USUAL)));
        assert_eq!((Rate::Unsaid.quota(false), Rate::Off.quota(true)), (None, None));
        assert_eq!(
            "9/m".parse::<Rate>().unwrap().quota(false),
            Some(Quota::per_minute(NonZeroU32::new(9).unwrap()))
        );
    }
}
