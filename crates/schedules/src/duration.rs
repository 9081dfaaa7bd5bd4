use std::time::Duration;

use crate::bad_cron::{Fault, excerpt};

/// Longest text that is read, in bytes.
const LONGEST: usize = 64;

/// Longest duration: a hundred years of 365 days.
const MOST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Units of humantime that are no number of days, and `M` is easily written for `m`.
const UNEVEN: [&str; 9] = ["M", "month", "months", "y", "yr", "yrs", "year", "years", "Y"];

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {suggestion}")]
pub struct BadDuration {
    reason: String,
    suggestion: &'static str,
}

impl BadDuration {
    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What to write instead.
    pub fn suggestion(&self) -> &str {
        self.suggestion
    }
}

/// Reads `90s` or `1h 30m`: whole seconds, from 0 to a hundred years, in units up to weeks.
pub fn duration(text: &str) -> Result<Duration, BadDuration> {
    const EXAMPLE: &str = "write for example `90s` or `1h 30m`";
    let bad = |reason, suggestion| Err(BadDuration { reason, suggestion });
    if text.len() > LONGEST {
        return bad(format!("it is {} bytes long, more than {LONGEST}", text.len()), EXAMPLE);
    }
    let text = text.trim();
    let shown = || excerpt(text);
    if text.is_empty() {
        return bad("it is empty".to_owned(), EXAMPLE);
    }
    match humantime::parse_duration(text) {
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            bad(format!("`{}` has no unit", shown()), "write `s`, `m`, `h`, `d` or `w` after the number")
        }
        Err(_) => bad(format!("`{}` is not a duration", shown()), EXAMPLE),
        Ok(_) if text.split(|c: char| !c.is_alphabetic()).any(|unit| UNEVEN.contains(&unit)) => bad(
            format!("`{}` is in months or years, which differ in length", shown()),
            "write days, such as `30d`, or a calendar; minutes are `m`",
        ),
        Ok(read) if read.subsec_nanos() > 0 => {
            bad(format!("`{}` is not in whole seconds", shown()), "write whole seconds, such as `1s`")
        }
        Ok(read) if read > MOST => {
            bad(format!("`{}` is more than a hundred years", shown()), "write a shorter one")
        }
        Ok(read) => Ok(read),
    }
}

impl From<BadDuration> for Fault {
    fn from(bad: BadDuration) -> Self {
        Self::whole(bad.reason, bad.suggestion)
    }
}

/// `2 hours 30 minutes`.
pub(crate) fn spoken(duration: Duration) -> String {
    let (mut rest, mut parts) = (duration.as_secs(), Vec::new());
    for (unit, seconds) in [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)] {
        match rest / seconds {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            count => parts.push(format!("{count} {unit}s")),
        }
        rest %= seconds;
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_taken_in_units_up_to_weeks() {
        let good = [
            ("90s", 90),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            (" 2days ", 172_800),
            ("0s", 0),
            ("1w", 604_800),
        ];
        for (text, seconds) in good {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let bad = [
            ("", "it is empty"),
            ("90", "`90` has no unit"),
            ("1.5s", "`1.5s` is not"),
            ("1500ms", "`1500ms` is not in whole seconds"),
            ("5M", "`5M` is in months or years"),
            ("1 year", "`1 year` is in months or years"),
            ("-5s", "`-5s` is not a duration"),
            ("PT5M", "`PT5M` is not a duration"),
            ("36501d", "`36501d` is more than a hundred years"),
            ("99999999999999999999s", "`99999999999999999999s` is not a duration"),
            ("18446744073709551615w", "`18446744073709551615w` is not a duration"),
        ];
        for (text, reason) in bad {
            let refused = duration(text).unwrap_err();
            assert!(refused.reason().starts_with(reason), "{refused}");
        }
        assert!(duration(&"1s ".repeat(50)).unwrap_err().reason().starts_with("it is 150 bytes long"));
    }

    #[test]
    fn spoken_it_is_in_words() {
        let words =
            [(0, "0 seconds"), (1, "1 second"), (90, "1 minute 30 seconds"), (90_000, "1 day 1 hour")];
        for (seconds, text) in words {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }
}
