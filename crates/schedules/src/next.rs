use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta};
use chrono::{TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::matcher::Matcher;

/// The last year in which Temporal's calendars match.
pub(crate) const LAST_YEAR: i32 = 2100;

/// The first time after `after` at which Temporal finds the calendar to match.
///
/// This is the search of Temporal's server with its decisions about changes of the clock, which libraries for cron
/// take differently: they move a skipped time behind the gap and fire a repeated one once.
pub(crate) fn time(calendar: &Matcher, zone: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let after = DateTime::from_timestamp(after.timestamp().max(-1), 0)?;
    if after.year() > LAST_YEAR {
        return None;
    }
    let clock = Clock(zone);
    let wall = clock.wall(after);
    let repeated = clock.wall(after - TimeDelta::hours(1)).hour() == wall.hour();
    Search { calendar, clock, wall, repeated }.run().filter(|found| found.year() <= LAST_YEAR)
}

/// A zone's wall clock, read as Go's `time` package reads it.
#[derive(Clone, Copy)]
pub(crate) struct Clock(pub(crate) Tz);

impl Clock {
    pub(crate) fn wall(self, at: DateTime<Utc>) -> NaiveDateTime {
        at.naive_utc() + self.0.offset_from_utc_datetime(&at.naive_utc()).fix()
    }

    /// The instant of a wall clock time, which for a skipped one is an hour off, and for a repeated one the
    /// first west of Greenwich and the second east of it.
    fn instant(self, wall: NaiveDateTime) -> DateTime<Utc> {
        let offset = |utc| self.0.offset_from_utc_datetime(&utc).fix();
        let near = wall - offset(wall);
        (wall - offset(near)).and_utc()
    }
}

struct Search<'a> {
    calendar: &'a Matcher,
    clock: Clock,
    wall: NaiveDateTime,
    /// Whether `wall` is in the second run of an hour that the clock goes through twice.
    repeated: bool,
}

impl Search<'_> {
    fn run(mut self) -> Option<DateTime<Utc>> {
        self.next_second();
        while self.wall.year() <= LAST_YEAR {
            let date = self.wall.date();
            if !self.calendar.has_year(date.year()) {
                self.go_to(midnight(NaiveDate::from_yo_opt(date.year() + 1, 1)?));
            } else if !self.calendar.has_month(date.month()) {
                self.go_to(midnight(first_of_next_month(date)?));
            } else if !self.day_matches() {
                self.go_to(midnight(date + Days::new(1)));
            } else if let Some(hour) = self.calendar.hour(self.wall.hour()) {
                if hour > self.wall.hour() {
                    self.go_to(midnight(date) + TimeDelta::hours(i64::from(hour)));
                }
                if let Some(found) = self.try_this_hour() {
                    return Some(found);
                }
            } else {
                self.go_to(midnight(date + Days::new(1)));
            }
        }
        None
    }

    /// A match in the rest of this hour; without one, goes on to where to look next.
    fn try_this_hour(&mut self) -> Option<DateTime<Utc>> {
        let Some(wall) = self.in_this_hour() else {
            self.leave_hour();
            return None;
        };
        let at = self.clock.instant(wall);
        if self.clock.wall(at).hour() == wall.hour() {
            return Some(at + TimeDelta::hours(i64::from(self.repeated)));
        }
        self.go_to(hour_after(wall));
        None
    }

    fn go_to(&mut self, wall: NaiveDateTime) {
        self.wall = wall;
        self.repeated = false;
    }

    fn next_second(&mut self) {
        let next = self.wall + TimeDelta::seconds(1);
        if next.hour() == self.wall.hour() { self.wall = next } else { self.leave_hour() }
    }

    /// Goes on to the next hour, or once more through this one if the clock does.
    fn leave_hour(&mut self) {
        let next = hour_after(self.wall);
        let this = next - TimeDelta::hours(1);
        let lasts = self.clock.instant(next) - self.clock.instant(this);
        self.repeated = !self.repeated && lasts > TimeDelta::hours(1);
        self.wall = if self.repeated { this } else { next };
    }

    /// The weekday is that of the instant: where midnight is skipped Temporal sees the day before.
    fn day_matches(&self) -> bool {
        let weekday = || self.clock.wall(self.clock.instant(self.wall)).weekday().num_days_from_sunday();
        self.calendar.has_day(self.wall.day())
            && (self.calendar.has_all_days_of_week() || self.calendar.has_day_of_week(weekday()))
    }

    fn in_this_hour(&self) -> Option<NaiveDateTime> {
        let (mut minute, mut second) = (self.wall.minute(), self.wall.second());
        loop {
            let found = self.calendar.minute(minute)?;
            if found > minute {
                second = 0;
            }
            if let Some(second) = self.calendar.second(second) {
                return self.wall.date().and_hms_opt(self.wall.hour(), found, second);
            }
            (minute, second) = (found + 1, 0);
        }
    }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))
}

fn hour_after(wall: NaiveDateTime) -> NaiveDateTime {
    midnight(wall.date()) + TimeDelta::hours(i64::from(wall.hour()) + 1)
}
