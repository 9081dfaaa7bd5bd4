use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::matcher::{Matcher, Stretch};
use crate::next::{self, Clock};
use crate::{Interval, Specification};

/// After so many excluded times in a row there are taken to be no others.
const MOST_EXCLUDED: usize = 100_000;

/// Fewer, when each of them is looked for in many calendars.
const MOST_SEARCHES: usize = 2_000_000;

impl Specification {
    /// The times strictly after `after` that Temporal computes, without jitter, in order, to the end of the year
    /// 2100, where Temporal's calendars end.
    ///
    /// On the days the clock is changed this is what Temporal does, not what a wall clock suggests: a time
    /// that is skipped does not fire, and around a repeated hour a time may fire twice, or once in either.
    pub fn next_times(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        Times::of(self, after)
    }
}

/// The search of Temporal's server for the next time, over and over.
struct Times {
    calendars: Vec<Matcher>,
    intervals: Vec<Interval>,
    excluded: Vec<Matcher>,
    end: Option<DateTime<Utc>>,
    zone: Tz,
    /// The last time, or `None` when there are no more.
    after: Option<DateTime<Utc>>,
}

impl Times {
    fn of(specification: &Specification, after: DateTime<Utc>) -> Self {
        let matchers = |calendars: &[_]| calendars.iter().map(Matcher::of).collect();
        let start = specification.start.unwrap_or(DateTime::UNIX_EPOCH) - TimeDelta::seconds(1);
        Self {
            calendars: matchers(&specification.calendars),
            intervals: specification.intervals.clone(),
            excluded: matchers(&specification.excluded),
            end: specification.end,
            zone: specification.time_zone,
            after: DateTime::from_timestamp(after.timestamp(), 0).map(|after| after.max(start)),
        }
    }

    /// The next time, whether or not it is excluded.
    fn any_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let of_calendars =
            self.calendars.iter().filter_map(|calendar| next::time(calendar, self.zone, after));
        let of_intervals = self.intervals.iter().filter_map(|interval| next_of(interval, after));
        let in_bounds =
            |time: &DateTime<Utc>| time.year() <= next::LAST_YEAR && self.end.is_none_or(|end| *time <= end);
        of_calendars.chain(of_intervals).min().filter(in_bounds)
    }

    /// The last second of what is excluded around a time, as far as that is known without looking further; `None`
    /// when the time is not excluded.
    fn excluded_until(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let wall = Clock(self.zone).wall(time);
        let around =
            self.excluded.iter().filter(|calendar| calendar.matches(wall)).map(Matcher::whole).max()?;
        // Where the clock changes, the search depends on where it starts: smaller steps there.
        let stretches = [Stretch::Day, Stretch::Hour, Stretch::Minute].into_iter();
        let within = stretches.filter(|stretch| Some(*stretch) <= around);
        let last = within.map(|stretch| time + stretch.rest(wall)).find(|last| self.is_even(time, *last));
        Some(last.unwrap_or(time))
    }

    fn is_even(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let ahead = |time: DateTime<Utc>| Clock(self.zone).wall(time) - time.naive_utc();
        ahead(from - TimeDelta::hours(3)) == ahead(to + TimeDelta::hours(3))
    }
}

/// As the server counts, rounding towards zero.
fn next_of(interval: &Interval, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let every = i64::try_from(interval.every.as_secs()).ok()?.max(1);
    let phase = i64::try_from(interval.phase.as_secs()).ok()?;
    let periods = after.timestamp().checked_sub(phase)? / every + 1;
    DateTime::from_timestamp(periods.checked_mul(every)?.checked_add(phase)?, 0)
}

impl Iterator for Times {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<DateTime<Utc>> {
        let mut after = self.after.take()?;
        let searched = self.calendars.len() + self.excluded.len() / 10;
        for _ in 0..MOST_EXCLUDED.min(MOST_SEARCHES / searched.max(1)) {
            let time = self.any_after(after)?;
            match self.excluded_until(time) {
                Some(last) => after = last,
                None => {
                    self.after = Some(time);
                    return self.after;
                }
            }
        }
        None
    }
}
