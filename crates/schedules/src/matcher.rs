use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};

use crate::{Calendar, Range};

/// A calendar made ready for looking up: a bit for each value of a field.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    second: Bits,
    minute: Bits,
    hour: Bits,
    day_of_month: Bits,
    month: Bits,
    day_of_week: Bits,
    years: Vec<Range>,
}

/// A stretch of the clock that ends where its next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stretch {
    Minute,
    Hour,
    Day,
}

impl Matcher {
    pub(crate) fn of(calendar: &Calendar) -> Self {
        Self {
            second: Bits::of(&calendar.second),
            minute: Bits::of(&calendar.minute),
            hour: Bits::of(&calendar.hour),
            day_of_month: Bits::of(&calendar.day_of_month),
            month: Bits::of(&calendar.month),
            day_of_week: Bits::of(&calendar.day_of_week),
            years: calendar.year.clone(),
        }
    }

    pub(crate) fn matches(&self, wall: NaiveDateTime) -> bool {
        self.has_year(wall.year())
            && self.has_month(wall.month())
            && self.has_day(wall.day())
            && self.day_of_week.has(wall.weekday().num_days_from_sunday())
            && self.hour.has(wall.hour())
            && self.minute.has(wall.minute())
            && self.second.has(wall.second())
    }

    pub(crate) fn has_year(&self, year: i32) -> bool {
        let hit = |range: &Range| {
            let (start, end) = (i32::from(range.start), i32::from(range.end));
            (start..=end).contains(&year) && (year - start) % i32::from(range.step.max(1)) == 0
        };
        self.years.is_empty() || self.years.iter().any(hit)
    }

    pub(crate) fn has_month(&self, month: u32) -> bool {
        self.month.has(month)
    }

    /// Whether the day of the month is one of those; the day of the week is asked for apart.
    pub(crate) fn has_day(&self, day: u32) -> bool {
        self.day_of_month.has(day)
    }

    pub(crate) fn has_day_of_week(&self, from_sunday: u32) -> bool {
        self.day_of_week.has(from_sunday)
    }

    pub(crate) fn has_all_days_of_week(&self) -> bool {
        self.day_of_week.has_all(7)
    }

    pub(crate) fn has_all_days(&self) -> bool {
        let all_days_and_months = self.day_of_month.has_from_one_to(31) && self.month.has_from_one_to(12);
        all_days_and_months && self.has_all_days_of_week() && self.years.is_empty()
    }

    pub(crate) fn has_all_hours(&self) -> bool {
        self.hour.has_all(24)
    }

    /// The first hour from that one on.
    pub(crate) fn hour(&self, from: u32) -> Option<u32> {
        self.hour.first(from)
    }

    /// The first minute from that one on.
    pub(crate) fn minute(&self, from: u32) -> Option<u32> {
        self.minute.first(from)
    }

    /// The first second from that one on.
    pub(crate) fn second(&self, from: u32) -> Option<u32> {
        self.second.first(from)
    }

    /// What matches as a whole around a time that matches.
    pub(crate) fn whole(&self) -> Option<Stretch> {
        match (self.second.has_all(60), self.minute.has_all(60), self.has_all_hours()) {
            (false, ..) => None,
            (true, false, _) => Some(Stretch::Minute),
            (true, true, false) => Some(Stretch::Hour),
            (true, true, true) => Some(Stretch::Day),
        }
    }
}

impl Stretch {
    /// From that time on to the last second of the stretch it is in.
    pub(crate) fn rest(self, wall: NaiveDateTime) -> TimeDelta {
        let length = match self {
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        };
        let passed = i64::from(wall.num_seconds_from_midnight()) % length;
        TimeDelta::seconds(length - 1 - passed)
    }
}

/// Which of the numbers from 0 to 63 there are.
#[derive(Debug, Clone, Copy)]
struct Bits(u64);

impl Bits {
    fn of(ranges: &[Range]) -> Self {
        let values = |range: &Range| (range.start..=range.end).step_by(range.step.max(1).into());
        Self(
            ranges
                .iter()
                .flat_map(values)
                .filter(|value| *value < 64)
                .fold(0, |bits, value| bits | 1 << value),
        )
    }

    fn has(self, value: u32) -> bool {
        self.0.checked_shr(value).is_some_and(|bits| bits & 1 == 1)
    }

    /// Whether the first `count` numbers are there.
    fn has_all(self, count: u32) -> bool {
        self.0.trailing_ones() >= count
    }

    fn has_from_one_to(self, last: u32) -> bool {
        Self(self.0 >> 1).has_all(last)
    }

    fn first(self, from: u32) -> Option<u32> {
        let rest = self.0.checked_shr(from)?;
        (rest != 0).then(|| from + rest.trailing_zeros())
    }
}
