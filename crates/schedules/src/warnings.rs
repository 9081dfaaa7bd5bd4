use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock_change::{self, changes};
use crate::duration::spoken;
use crate::timing::Part;
use crate::{Specification, Timing, Warning, WarningKind, shown};

/// Runs that are closer together may be a mistake.
const OFTEN: TimeDelta = TimeDelta::seconds(10);

/// So many times are looked at to find the shortest gap.
const LOOKED_AT: usize = 50;

/// So many of the crons and calendars are compared with changes of the clock.
const MOST_PARTS: usize = 20;

/// How far ahead changes of the clock are looked for, in days.
const AHEAD: i64 = 366;

pub(crate) fn of(timing: &Timing, now: DateTime<Utc>) -> Vec<Warning> {
    let singles = singles(timing, now);
    if timing.specification.next_times(now).next().is_none() {
        return if singles.is_empty() { vec![never(timing)] } else { singles };
    }
    let rest = [often(timing, now), jitter(timing, now)].into_iter().flatten();
    singles.into_iter().chain(rest).chain(clock_changes(timing, now)).collect()
}

fn never(timing: &Timing) -> Warning {
    let ever = timing.specification.next_times(DateTime::UNIX_EPOCH).next().is_some();
    let text = if ever {
        "it never fires again: all its times are past"
    } else {
        "it never fires: no time matches that is not excepted and lies in its bounds"
    };
    Warning::new(WarningKind::NeverFires, None, text)
}

fn singles(timing: &Timing, now: DateTime<Utc>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let bounds = (timing.specification.start, timing.specification.end);
    for single in &timing.singles {
        let show = |at| shown(timing.time_zone, at).local;
        let never = |why: String| Warning::new(WarningKind::NeverFires, Some(&single.path), why);
        if single.at <= now {
            warnings.push(never(format!("it never fires: {} is past", show(single.at))));
        } else if bounds.0.is_some_and(|start| single.at < start)
            || bounds.1.is_some_and(|end| single.at > end)
        {
            warnings.push(never(format!("it never fires: {} is out of bounds", show(single.at))));
        } else if let Some(again) = single.again {
            let text = format!(
                "the clock shows this time twice: it fires at {}, not at {}",
                show(single.at),
                show(again)
            );
            warnings.push(Warning::new(WarningKind::Doubled, Some(&single.path), text));
        }
    }
    warnings
}

/// The shortest time between two of the next runs.
fn shortest_gap(times: &Specification, now: DateTime<Utc>) -> Option<TimeDelta> {
    let next: Vec<_> = times.next_times(now).take(LOOKED_AT).collect();
    next.windows(2).map(|pair| pair[1] - pair[0]).min()
}

fn often(timing: &Timing, now: DateTime<Utc>) -> Option<Warning> {
    if timing.runs == Some(1) || !timing.singles.is_empty() {
        return None;
    }
    let gap = shortest_gap(&timing.specification, now).filter(|gap| *gap < OFTEN)?;
    let alone = |part: &&Part| shortest_gap(&times_of(timing, part), now).is_some_and(|gap| gap < OFTEN);
    let part = timing.parts.iter().find(alone);
    let gap = spoken(Duration::from_secs(gap.num_seconds().unsigned_abs()));
    let hint = match part {
        Some(part) if part.has_seconds => "; six fields begin with the seconds, five with the minutes",
        _ => "",
    };
    let text = format!("runs are only {gap} apart{hint}");
    Some(Warning::new(WarningKind::Often, part.map(|part| part.path.as_str()), text))
}

fn jitter(timing: &Timing, now: DateTime<Utc>) -> Option<Warning> {
    let jitter = timing.specification.jitter;
    let gap = shortest_gap(&timing.specification, now)?.to_std().ok()?;
    (jitter > gap).then(|| {
        let (jitter, gap) = (spoken(jitter), spoken(gap));
        let text = format!(
            "{jitter} is longer than the {gap} between two runs, which Temporal then takes as the most"
        );
        Warning::new(WarningKind::Jitter, Some("jitter"), text)
    })
}

/// What fires because of that part alone.
fn times_of(timing: &Timing, part: &Part) -> Specification {
    Specification {
        calendars: part.calendars.clone(),
        intervals: part.intervals.clone(),
        ..timing.specification.clone()
    }
}

fn clock_changes(timing: &Timing, now: DateTime<Utc>) -> Vec<Warning> {
    let of_calendars = timing.parts.iter().filter(|part| part.intervals.is_empty());
    let parts: Vec<_> = of_calendars.take(MOST_PARTS).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let changes = changes(timing.time_zone, now, AHEAD);
    let of = |part: &Part| {
        let times = times_of(timing, part);
        changes
            .iter()
            .flat_map(|change| clock_change::warnings(&times, &part.path, *change))
            .collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of).collect()
}
