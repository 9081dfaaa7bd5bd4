//! What a change of the clock does to times: those left out, those that come twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use crate::matcher::Matcher;
use crate::{Specification, Warning, WarningKind};

/// So many times around a change are looked at; of what fires more often, nothing is told.
const MOST: usize = 20_000;

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

/// What the change does to the times of a specification: the clock's times in those days are compared with those that
/// fire.
pub(crate) fn warnings(times: &Specification, path: &str, change: Change) -> Vec<Warning> {
    let out_of_bounds =
        times.start.is_some_and(|start| start >= change.at) || times.end.is_some_and(|end| end < change.at);
    if out_of_bounds {
        return Vec::new();
    }
    let seen = [change.days(), change.hours()].into_iter().find_map(|window| seen(times, change, window));
    let Some((wanted, fired)) = seen else { return Vec::new() };
    // Where it fires every hour, it does so whatever the clock shows.
    let hourly = times.calendars.iter().map(Matcher::of).any(|calendar| calendar.has_all_hours());
    let daily = times.calendars.iter().map(Matcher::of).all(|calendar| calendar.has_all_days());
    let warning = |kind, walls: &[NaiveDateTime], effect: &str| {
        let (first, others) = walls.split_first()?;
        let remedy = if hourly && daily { "; in UTC none would be" } else { "" };
        let text = change.told(*first, effect, times.time_zone) + &and_others(others.len()) + remedy;
        Some(Warning::new(kind, Some(path), text))
    };
    let Effects { left_out, unwanted, twice } =
        if hourly { change.effects_by_the_hour(&wanted, &fired) } else { change.effects(&wanted, &fired) };
    let told = match (left_out.first(), unwanted.first()) {
        (Some(_), _) if hourly => warning(WarningKind::Skipped, &left_out, "Temporal leaves it out"),
        (Some(_), Some(at)) => {
            let effect = format!("it fires at {} then", time(*at));
            warning(WarningKind::Moved, &left_out, &effect)
        }
        (Some(_), None) => warning(WarningKind::Skipped, &left_out, "it does not fire then"),
        (None, _) => warning(WarningKind::Extra, &unwanted, "Temporal fires then too"),
    };
    told.into_iter().chain(warning(WarningKind::Doubled, &twice, "it fires twice")).collect()
}

/// From one time of the clock on to another.
type Window = (NaiveDateTime, NaiveDateTime);

/// Times of the clock, each in order.
struct Effects {
    left_out: Vec<NaiveDateTime>,
    unwanted: Vec<NaiveDateTime>,
    twice: Vec<NaiveDateTime>,
}

fn and_others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", and another time with it".to_owned(),
        _ => format!(", and {count} other times with it"),
    }
}

/// The times of the clock that the calendars match, as if it never changed, and those that fire; `None` when they are
/// too many.
fn seen(
    times: &Specification,
    change: Change,
    (from, to): Window,
) -> Option<(Vec<NaiveDateTime>, Vec<DateTime<Utc>>)> {
    let a_second = TimeDelta::seconds(1);
    let of = Specification { start: None, end: None, ..times.clone() };
    let on_even_clock = Specification { time_zone: Tz::UTC, ..of.clone() };
    let wanted = on_even_clock.next_times(from.and_utc() - a_second).take_while(|wall| *wall < to.and_utc());
    let wanted: Vec<_> = wanted.map(|wall| wall.naive_utc()).take(MOST).collect();
    let (start, end) = (change.at + (from - change.before), change.at + (to - change.after));
    let fired: Vec<_> = of.next_times(start - a_second).take_while(|at| *at < end).take(MOST).collect();
    (wanted.len() < MOST && fired.len() < MOST).then_some((wanted, fired))
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

impl Change {
    fn wall(self, at: DateTime<Utc>) -> NaiveDateTime {
        if at < self.at { self.before + (at - self.at) } else { self.after + (at - self.at) }
    }

    /// What becomes of times that are meant once a day: each is to fire once.
    fn effects(self, wanted: &[NaiveDateTime], fired: &[DateTime<Utc>]) -> Effects {
        let mut counts: BTreeMap<NaiveDateTime, usize> = BTreeMap::new();
        for at in fired {
            *counts.entry(self.wall(*at)).or_default() += 1;
        }
        let count = |wall: &NaiveDateTime| counts.get(wall).copied().unwrap_or_default();
        Effects {
            left_out: wanted.iter().copied().filter(|wall| count(wall) == 0).collect(),
            unwanted: counts.keys().copied().filter(|wall| wanted.binary_search(wall).is_err()).collect(),
            twice: wanted.iter().copied().filter(|wall| count(wall) > 1).collect(),
        }
    }

    /// What becomes of times that are meant every hour: they are to fire whenever the clock shows them.
    fn effects_by_the_hour(self, wanted: &[NaiveDateTime], fired: &[DateTime<Utc>]) -> Effects {
        let without = wanted.iter().map(|wall| self.at + (*wall - self.before)).filter(|at| *at < self.at);
        let with = wanted.iter().map(|wall| self.at + (*wall - self.after)).filter(|at| *at >= self.at);
        let wanted: BTreeSet<_> = without.chain(with).collect();
        let fired: BTreeSet<_> = fired.iter().copied().collect();
        Effects {
            left_out: wanted.difference(&fired).map(|at| self.wall(*at)).collect(),
            unwanted: fired.difference(&wanted).map(|at| self.wall(*at)).collect(),
            twice: Vec::new(),
        }
    }

    /// The days of the clock that the change is felt in.
    fn days(self) -> Window {
        let last_before = self.before - TimeDelta::seconds(1);
        let last = last_before.max(self.after).date() + Days::new(1);
        (midnight(last_before.min(self.after).date()), midnight(last))
    }

    /// The hours around the change.
    fn hours(self) -> Window {
        let hours = TimeDelta::hours(2);
        (self.before.min(self.after) - hours, self.before.max(self.after) + hours)
    }

    fn told(self, wall: NaiveDateTime, effect: &str, zone: Tz) -> String {
        let (before, after) = (time(self.before), time(self.after));
        let when = format!("{} on {}", time(wall), wall.date());
        let (put, comes) =
            if self.before < self.after { ("forward", "does not come") } else { ("back", "comes twice") };
        let change = format!("{put} from {before} to {after}");
        if self.covers(wall) {
            format!("{when} {comes} in {zone}, where the clock is put {change}: {effect}")
        } else {
            format!("{when} is on the day on which {zone} puts its clock {change}: {effect}")
        }
    }

    /// Whether the time of the clock is one that does not come, or comes twice.
    fn covers(self, wall: NaiveDateTime) -> bool {
        (self.before.min(self.after)..self.before.max(self.after)).contains(&wall)
    }
}

fn time(wall: NaiveDateTime) -> String {
    let text = wall.format("%H:%M:%S").to_string();
    text.strip_suffix(":00").map_or_else(|| text.clone(), ToOwned::to_owned)
}
