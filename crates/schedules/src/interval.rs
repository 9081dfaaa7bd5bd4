use std::time::Duration;

use crate::Interval;
use crate::bad_cron::Fault;
use crate::duration::{duration, spoken};

/// The interval of `@every 1h`, or of `@every 1h/5m` with its offset; `None` for any other text.
pub(crate) fn of_shorthand(text: &str) -> Option<Result<Interval, Fault>> {
    let start = text.get(.."@every".len())?;
    let rest = text.get("@every".len()..)?;
    if !start.eq_ignore_ascii_case("@every") || rest.starts_with(|next: char| !next.is_whitespace()) {
        return None;
    }
    let (every, offset) = match rest.split_once('/') {
        Some((every, offset)) => (every, Some(offset)),
        None => (rest, None),
    };
    Some(read(every, offset).map_err(|(_, fault)| fault))
}

/// Which of the two texts is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Every,
    Offset,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Offset => "offset",
        }
    }
}

pub(crate) fn read(every: &str, offset: Option<&str>) -> Result<Interval, (Part, Fault)> {
    let every = duration(every).map_err(|bad| (Part::Every, bad.into()))?;
    let phase = duration(offset.unwrap_or("0s")).map_err(|bad| (Part::Offset, bad.into()))?;
    if every.is_zero() {
        return Err((Part::Every, Fault::whole("it is no time at all", "write `1s` or more")));
    }
    if phase >= every {
        let reason = format!("the offset is not less than the {} between two runs", spoken(every));
        let rest = Duration::from_secs(phase.as_secs() % every.as_secs());
        return Err((
            Part::Offset,
            Fault::whole(reason, format!("write `{}`", humantime::format_duration(rest))),
        ));
    }
    Ok(Interval { every, phase })
}

/// `Every 30 seconds`, `Every hour, offset by 5 minutes`.
pub(crate) fn meaning(interval: &Interval) -> String {
    let every = spoken(interval.every);
    let every = match every.strip_prefix("1 ") {
        Some(unit) if !unit.contains(' ') => format!("Every {unit}"),
        _ => format!("Every {every}"),
    };
    if interval.phase.is_zero() { every } else { format!("{every}, offset by {}", spoken(interval.phase)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorthand_is_read_with_and_without_an_offset() {
        let read = |text| of_shorthand(text).unwrap().unwrap();
        let seconds =
            |every, phase| Interval { every: Duration::from_secs(every), phase: Duration::from_secs(phase) };
        assert_eq!(read("@every 90s"), seconds(90, 0));
        assert_eq!(read("@EVERY 1h 30m/5m"), seconds(5_400, 300));
        assert!(of_shorthand("@every").unwrap().is_err());
        assert!(of_shorthand("@every 1h/").unwrap().is_err());
        assert!(of_shorthand("@everyday").is_none() && of_shorthand("@ever").is_none());
    }

    #[test]
    fn it_is_told_in_words() {
        let told = |every, offset| meaning(&read(every, offset).unwrap());
        assert_eq!(told("30s", None), "Every 30 seconds");
        assert_eq!(told("1h", Some("5m")), "Every hour, offset by 5 minutes");
        assert_eq!(told("1h 30m", None), "Every 1 hour 30 minutes");
    }
}
