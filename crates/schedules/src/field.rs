use std::fmt;
use std::ops::RangeInclusive;

/// A field of a calendar; those of a cron expression first, in the order of the six-field form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// 0 to 59; only the six-field form has it.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 0 to 7, or SUN to SAT; 0 and 7 are both Sunday.
    DayOfWeek,
    /// 2000 to 2100; a cron expression has none.
    Year,
}

impl Field {
    /// The fields of the six-field form.
    pub(crate) const CRON: [Self; 6] =
        [Self::Second, Self::Minute, Self::Hour, Self::DayOfMonth, Self::Month, Self::DayOfWeek];

    pub(crate) const fn bounds(self) -> RangeInclusive<u16> {
        match self {
            Self::Second | Self::Minute => 0..=59,
            Self::Hour => 0..=23,
            Self::DayOfMonth => 1..=31,
            Self::Month => 1..=12,
            Self::DayOfWeek => 0..=7,
            Self::Year => 2000..=2100,
        }
    }

    /// How many different values the field has; the week has seven days though Sunday has two numbers.
    pub(crate) const fn size(self) -> u16 {
        match self {
            Self::DayOfWeek => 7,
            _ => *self.bounds().end() - *self.bounds().start() + 1,
        }
    }

    /// The names a value may be written with; the first stands for the lower bound.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => {
                &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
            }
            Self::DayOfWeek => &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
            _ => &[],
        }
    }

    /// What may be written.
    pub(crate) fn remedy(self) -> String {
        let (low, high) = self.bounds().into_inner();
        match self.names() {
            [first, .., last] => format!("write {low} to {high}, {first} to {last}, or `*`"),
            _ => format!("write {low} to {high}, or `*`"),
        }
    }

    pub(crate) fn value_of_name(self, name: &str) -> Option<u16> {
        let position = self.names().iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Some(self.bounds().start() + u16::try_from(position).ok()?)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
            Self::Year => "year",
        })
    }
}
