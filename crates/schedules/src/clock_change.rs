//! What a change of the clock does to times: those left out, those that come twice.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::matcher::Matcher;
use crate::next::Clock;
use crate::{Specification, Warning, WarningKind};

/// With more times than these in the days of a change, nobody counts on a single one.
const MOST: usize = 500;

/// A change of a zone's clock: the first second after it, and what the clock shows without and with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    at: DateTime<Utc>,
    before: NaiveDateTime,
    after: NaiveDateTime,
}

/// The changes of a zone's clock, found by looking at each day.
pub(crate) fn changes(zone: Tz, from: DateTime<Utc>, days: i64) -> Vec<Change> {
    let ahead = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let mut found = Vec::new();
    for day in 0..days {
        let (mut before, mut at) = (from + TimeDelta::days(day), from + TimeDelta::days(day + 1));
        if ahead(before) == ahead(at) {
            continue;
        }
        while at - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((at - before).num_seconds() / 2);
            if ahead(middle) == ahead(before) { before = middle } else { at = middle }
        }
        found.push(Change { at, before: at.naive_utc() + ahead(before), after: at.naive_utc() + ahead(at) });
    }
    found
}

/// What the change does to the times of a specification, of which the clock's times in those days are compared with
/// the times that fire.
pub(crate) fn warnings(times: &Specification, path: &str, change: Change) -> Vec<Warning> {
    let out_of_bounds =
        times.start.is_some_and(|start| start >= change.at) || times.end.is_some_and(|end| end < change.at);
    if out_of_bounds {
        return Vec::new();
    }
    let (first, last) = change.days();
    let wanted = wanted(times, first, last);
    let fired = fired(times, first, last);
    if wanted.is_empty() || wanted.len() >= MOST || fired.len() > 2 * MOST {
        return Vec::new();
    }
    let moved = fired.keys().find(|wall| !wanted.contains(wall)).copied();
    let of = |kind, fires: fn(usize) -> bool| {
        let count = |wall: &NaiveDateTime| fired.get(wall).copied().unwrap_or_default();
        let walls: Vec<_> = wanted.iter().copied().filter(|wall| fires(count(wall))).collect();
        let first = *walls.first()?;
        let text = change.told(kind, first, moved, times.time_zone) + &others(walls.len() - 1);
        Some(Warning::new(kind, Some(path), text))
    };
    let left_out = if moved.is_some() { WarningKind::Moved } else { WarningKind::Skipped };
    [of(left_out, |fires| fires == 0), of(WarningKind::Doubled, |fires| fires > 1)]
        .into_iter()
        .flatten()
        .collect()
}

fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", and another time with it".to_owned(),
        _ => format!(", and {count} other times with it"),
    }
}

/// The times of the clock that the calendars match, as if it never changed.
fn wanted(times: &Specification, first: NaiveDate, last: NaiveDate) -> Vec<NaiveDateTime> {
    let on_even_clock = Specification { time_zone: Tz::UTC, start: None, end: None, ..times.clone() };
    let (from, to) = (midnight(first).and_utc(), midnight(last).and_utc());
    let walls = on_even_clock.next_times(from - TimeDelta::seconds(1)).take_while(|wall| *wall < to);
    walls.map(|wall| wall.naive_utc()).take(MOST).collect()
}

/// How often it fires at each time of the clock.
fn fired(times: &Specification, first: NaiveDate, last: NaiveDate) -> BTreeMap<NaiveDateTime, usize> {
    let day = TimeDelta::days(1);
    let unbounded = Specification { start: None, end: None, ..times.clone() };
    let (from, to) = (midnight(first), midnight(last));
    let mut fired = BTreeMap::new();
    let walls = unbounded
        .next_times((from - day).and_utc())
        .take(8 * MOST)
        .take_while(|at| at.naive_utc() < to + day)
        .map(|at| Clock(times.time_zone).wall(at))
        .filter(|wall| (from..to).contains(wall));
    for wall in walls {
        *fired.entry(wall).or_default() += 1;
    }
    fired
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// Whether a single time of day counts: where it fires every hour, none does.
pub(crate) fn is_felt(calendar: &Matcher) -> bool {
    !calendar.has_all_hours()
}

impl Change {
    /// The first day of the clock that the change is felt in, and the one after the last.
    fn days(self) -> (NaiveDate, NaiveDate) {
        let last_before = self.before - TimeDelta::seconds(1);
        let first = last_before.min(self.after).date();
        (first, last_before.max(self.after).date() + Days::new(1))
    }

    fn told(self, kind: WarningKind, wall: NaiveDateTime, moved: Option<NaiveDateTime>, zone: Tz) -> String {
        let (before, after) = (time(self.before), time(self.after));
        let when = format!("{} on {}", time(wall), wall.date());
        match (kind, moved) {
            (WarningKind::Doubled, _) => {
                format!(
                    "{when} comes twice in {zone}, where the clock is put back from {before} to {after}: it fires twice"
                )
            }
            (_, Some(moved)) => format!(
                "{when} does not come in {zone}, where the clock goes from {before} to {after}: it fires at {} then",
                time(moved)
            ),
            _ if (self.before..self.after).contains(&wall) => {
                format!(
                    "{when} does not come in {zone}, where the clock goes from {before} to {after}: it does not fire then"
                )
            }
            _ => format!(
                "{when} is passed over by Temporal, as the clock of {zone} goes from {before} to {after} that day"
            ),
        }
    }
}

fn time(wall: NaiveDateTime) -> String {
    let text = wall.format("%H:%M:%S").to_string();
    text.strip_suffix(":00").map_or_else(|| text.clone(), ToOwned::to_owned)
}
