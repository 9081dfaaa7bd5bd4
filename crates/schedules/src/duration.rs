use std::time::Duration;

use crate::bad_cron::{Fault, excerpt};

/// Longest text that is read, in bytes.
const LONGEST: usize = 64;

/// Longest duration: a hundred years of 365 days.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {suggestion}")]
pub struct BadDuration {
    reason: String,
    suggestion: String,
}

impl BadDuration {
    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What to write instead.
    pub fn suggestion(&self) -> &str {
        &self.suggestion
    }
}

/// Reads `90s` or `1h 30m`: whole seconds, from 0 to a hundred years.
pub fn duration(text: &str) -> Result<Duration, BadDuration> {
    let bad = |reason: String, suggestion: &str| BadDuration { reason, suggestion: suggestion.to_owned() };
    if text.len() > LONGEST {
        return Err(bad(format!("it is {} bytes long, more than {LONGEST}", text.len()), "write `1h 30m`"));
    }
    let read = humantime::parse_duration(text.trim()).map_err(|_| {
        bad(format!("`{}` is not a duration", excerpt(text)), "write for example `90s` or `1h 30m`")
    })?;
    match read {
        _ if read.subsec_nanos() > 0 => Err(bad(
            format!("`{}` is not in whole seconds", excerpt(text)),
            "write whole seconds, such as `1s`",
        )),
        _ if read > MOST => {
            Err(bad(format!("`{}` is more than a hundred years", excerpt(text)), "write less"))
        }
        _ => Ok(read),
    }
}

impl From<BadDuration> for Fault {
    fn from(bad: BadDuration) -> Self {
        Self::whole(bad.reason).suggest(bad.suggestion)
    }
}
