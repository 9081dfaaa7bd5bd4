use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Finding;
use crate::text::time;

/// A difference that nobody notices; HTTP tells whole seconds only.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// What another clock says.
pub struct Reading {
    /// Whose clock.
    pub of: &'static str,
    /// How far it is ahead of ours.
    pub ahead: TimeDelta,
    /// Whether it may be further ahead than that.
    pub at_least: bool,
}

impl Reading {
    /// A clock that said `told` between `asked` and now.
    pub fn new(of: &'static str, told: DateTime<Utc>, asked: DateTime<Utc>) -> Self {
        let now = Utc::now();
        Self { of, ahead: told - (asked + (now - asked) / 2), at_least: false }
    }

    /// A clock that has passed `told` already.
    pub fn past(of: &'static str, told: DateTime<Utc>) -> Self {
        Self { of, ahead: told - Utc::now(), at_least: true }
    }

    /// Whether it goes like ours.
    pub fn judge(&self) -> Finding {
        let (check, ahead) = (format!("clock of {}", self.of), self.ahead);
        let numbers = json!({ "ahead_ms": ahead.num_milliseconds(), "at_least": self.at_least });
        let finding = match ahead {
            late if late < -TOLERANCE && !self.at_least => off(check, time::span(late), "behind"),
            early if early > TOLERANCE => off(check, time::span(early), "ahead of"),
            _ => Finding::ok(check, if self.at_least { "is not ahead of ours" } else { "goes like ours" }),
        };
        finding.with(numbers)
    }
}

fn off(check: String, by: String, how: &str) -> Finding {
    let detail = format!("is {by} {how} ours");
    Finding::warning(
        check,
        detail,
        "have both machines set their clocks by NTP: times of schedules and logs differ",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_that_differs_is_told() {
        let judged =
            |seconds, at_least| Reading { of: "NATS", ahead: TimeDelta::seconds(seconds), at_least }.judge();
        assert_eq!(judged(1, false).level, Level::Ok);
        assert_eq!(judged(-90, false).detail, "is 1m 30s behind ours");
        assert_eq!(judged(10, true).detail, "is 10s ahead of ours");
        assert_eq!(judged(-90, true).level, Level::Ok, "it was told a while ago");
    }
}
