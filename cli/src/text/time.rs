//! Times as people say them.

use chrono::{DateTime, Local, TimeDelta, Utc};

/// A time that the API tells, in RFC 3339.
pub fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// By the clock on the wall; with the day, unless it is today's.
pub fn local(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    on_the_wall(time, now, "%H:%M:%S")
}

/// The same, to the millisecond.
pub fn precise(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    on_the_wall(time, now, "%H:%M:%S%.3f")
}

fn on_the_wall(time: DateTime<Utc>, now: DateTime<Utc>, form: &str) -> String {
    let (time, now) = (time.with_timezone(&Local), now.with_timezone(&Local));
    let day = if time.date_naive() == now.date_naive() { "" } else { "%Y-%m-%d " };
    time.format(&format!("{day}{form}")).to_string()
}

/// `in 5m 20s`, `3h 2m ago` or `now`.
pub fn relative(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let delta = time - now;
    match span(delta) {
        short if short == "0s" => "now".to_owned(),
        ahead if delta > TimeDelta::zero() => format!("in {ahead}"),
        past => format!("{past} ago"),
    }
}

/// A length of time in at most two units, whatever its sign.
pub fn span(delta: TimeDelta) -> String {
    let seconds = delta.abs().num_seconds();
    let units =
        [("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("m", seconds / 60 % 60), ("s", seconds % 60)];
    let first = units.iter().position(|(_, count)| *count > 0).unwrap_or(units.len() - 1);
    let told = units.iter().skip(first).take(2).enumerate().filter(|(n, (_, count))| *n == 0 || *count > 0);
    told.map(|(_, (unit, count))| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_units_at_most() {
        for (seconds, said) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (-80, "1m 20s"),
            (3600, "1h"),
            (90_061, "1d 1h"),
            (86_460, "1d"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), said);
        }
    }

    #[test]
    fn times_are_told_from_now() {
        let now = read("2026-01-01T00:00:00Z").unwrap();
        let at = |seconds| relative(now + TimeDelta::seconds(seconds), now);
        assert_eq!([at(30), at(-90), at(0)], ["in 30s", "1m 30s ago", "now"]);
        assert!(read("yesterday").is_none());
    }
}
