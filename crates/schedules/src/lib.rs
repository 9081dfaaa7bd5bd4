//! When schedules fire: read what is written, describe it in words, compute the next times, map to Temporal. Pure.
//!
//! A cron expression of five fields is `minute hour day-of-month month day-of-week`; six fields have the *seconds
//! first*. When both days are restricted either of them suffices, as in Vixie's cron. Temporal reads such texts
//! differently, so it is never handed an expression as written, but a [`Specification`].

mod bad_cron;
mod bad_timing;
mod calendar;
mod check;
mod clock_change;
mod cron;
mod duration;
mod exception;
mod field;
mod foreign;
mod interval;
mod matcher;
mod meaning;
mod moment;
mod next;
mod parse;
mod policies;
mod shown;
mod specification;
mod times;
mod timing;
mod warning;
mod warnings;
mod words;
mod written;
mod zone;

pub use bad_cron::BadCron;
pub use bad_timing::BadTiming;
pub use cron::Cron;
pub use duration::{BadDuration, duration};
pub use field::Field;
pub use policies::{Overlap, Policies};
pub use shown::{Shown, after, shown};
pub use specification::{Calendar, Interval, Range, Specification};
pub use timing::Timing;
pub use warning::{Warning, WarningKind};
pub use written::{Exception, Written, WrittenCalendar, WrittenInterval};
pub use zone::{BadZone, time_zone};
