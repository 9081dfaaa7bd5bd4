//! Cron expressions: parse, describe in words, next times, map to what Temporal understands. Pure.
//!
//! Five fields are `minute hour day-of-month month day-of-week`; six fields have the *seconds first*. When both
//! days are restricted either of them suffices, as in Vixie's cron. Temporal reads such texts differently, so
//! it is never handed an expression as written, but [`Cron::temporal_cron_strings`].

mod bad_cron;
mod cron;
mod field;
mod meaning;
mod next;
mod parse;
mod policies;
mod specification;
mod zone;

pub use bad_cron::BadCron;
pub use cron::Cron;
pub use field::Field;
pub use policies::{Overlap, Policies};
pub use specification::{Calendar, Interval, Range, Specification};
pub use zone::{BadZone, time_zone};
