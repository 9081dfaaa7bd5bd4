//! What Temporal is told of a schedule's times: its `ScheduleSpec`, field by field.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// `temporal.api.schedule.v1.ScheduleSpec`, without the texts that Temporal would read itself.
///
/// The times are those of any calendar or interval, less those of any excluded calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specification {
    /// `structured_calendar`.
    pub calendars: Vec<Calendar>,
    /// `interval`.
    pub intervals: Vec<Interval>,
    /// `exclude_structured_calendar`.
    pub excluded: Vec<Calendar>,
    /// `start_time`: none fires before.
    pub start: Option<DateTime<Utc>>,
    /// `end_time`: none fires after.
    pub end: Option<DateTime<Utc>>,
    /// `jitter`: each fires up to this much later, at random. Zero is none.
    pub jitter: Duration,
    /// `timezone_name`: of the calendars, excluded ones too.
    pub time_zone: Tz,
}

impl Specification {
    pub(crate) fn empty(time_zone: Tz) -> Self {
        Self {
            calendars: Vec::new(),
            intervals: Vec::new(),
            excluded: Vec::new(),
            start: None,
            end: None,
            jitter: Duration::ZERO,
            time_zone,
        }
    }
}

/// `StructuredCalendarSpec`: a time matches when all fields do; a field matches when one of its ranges does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// 0 to 59.
    pub second: Vec<Range>,
    /// 0 to 59.
    pub minute: Vec<Range>,
    /// 0 to 23.
    pub hour: Vec<Range>,
    /// 1 to 31.
    pub day_of_month: Vec<Range>,
    /// 1 to 12.
    pub month: Vec<Range>,
    /// Empty is every year.
    pub year: Vec<Range>,
    /// 0 to 6 from Sunday on.
    pub day_of_week: Vec<Range>,
}

/// `Range`: every `step`th value from `start` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first value.
    pub start: u16,
    /// The last value, if the steps hit it.
    pub end: u16,
    /// At least 1.
    pub step: u16,
}

/// `IntervalSpec`: the times that are `phase` after a multiple of `every` since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// At least a second, whole seconds.
    pub every: Duration,
    /// Less than `every`, whole seconds.
    pub phase: Duration,
}
