use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{BadTiming, Calendar, Cron, Field, Interval, Specification, Warning, Written, check, warnings};

/// When a schedule fires, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    pub(crate) specification: Specification,
    pub(crate) time_zone: Tz,
    pub(crate) runs: Option<u64>,
    pub(crate) meaning: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) singles: Vec<Single>,
}

/// What one entry of what is written comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) path: String,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) meaning: String,
    /// Whether the seconds are written, as the first of six fields.
    pub(crate) has_seconds: bool,
}

/// A single time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Single {
    pub(crate) path: String,
    pub(crate) at: DateTime<Utc>,
    /// When the clock shows the same time again.
    pub(crate) again: Option<DateTime<Utc>>,
}

impl Part {
    pub(crate) fn of_cron(path: String, cron: &Cron) -> Self {
        let Specification { calendars, intervals, .. } = cron.specification(Tz::UTC);
        let has_seconds =
            intervals.is_empty() && cron.source().split_ascii_whitespace().count() == Field::CRON.len();
        Self { path, calendars, intervals, meaning: cron.meaning(), has_seconds }
    }
}

impl Timing {
    /// Checks what is written; all that is wrong with it is told, not the first.
    pub fn check(written: &Written) -> Result<Self, Vec<BadTiming>> {
        check::timing(written)
    }

    /// The times of one expression in a zone.
    pub fn of_cron(cron: &Cron, zone: Tz) -> Self {
        Self {
            specification: cron.specification(zone),
            time_zone: zone,
            runs: None,
            meaning: format!("{}, in {zone}", cron.meaning()),
            parts: vec![Part::of_cron("cron".to_owned(), cron)],
            singles: Vec::new(),
        }
    }

    /// What Temporal is told.
    pub fn specification(&self) -> &Specification {
        &self.specification
    }

    /// The zone that the author thinks in, and in which times are shown. The specification's is another when the
    /// times are given one by one.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// How many runs there are at most.
    pub fn runs(&self) -> Option<u64> {
        self.runs
    }

    /// All of it in English: `At 09:00, on Monday through Friday, in Europe/Paris, 10 times at most`.
    pub fn meaning(&self) -> String {
        self.meaning.clone()
    }

    /// The times strictly after `after` that Temporal computes, without jitter, in order; no more than there are
    /// runs.
    pub fn next_times(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let runs = self.runs.and_then(|runs| usize::try_from(runs).ok()).unwrap_or(usize::MAX);
        self.specification.next_times(after).take(runs)
    }

    /// What its author may not have meant, as of now.
    pub fn warnings(&self, now: DateTime<Utc>) -> Vec<Warning> {
        warnings::of(self, now)
    }
}
