use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::{BadTiming, Cron, Specification, Warning, Written, time_zone};

/// When a schedule fires, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    specification: Specification,
    time_zone: Tz,
    runs: Option<u64>,
    meaning: String,
    crons: Vec<Cron>,
}

impl Timing {
    /// Checks what is written; all that is wrong with it is told, not the first.
    pub fn check(written: &Written) -> Result<Self, Vec<BadTiming>> {
        let mut bad = Vec::new();
        let mut crons = Vec::new();
        for (index, text) in written.cron.iter().enumerate() {
            match text.parse::<Cron>() {
                Ok(cron) => crons.push(cron),
                Err(refused) => bad.push(
                    BadTiming::new(format!("cron[{index}]"), refused.reason())
                        .suggest(refused.suggestion().unwrap_or("write for example `0 9 * * MON-FRI`")),
                ),
            }
        }
        let zone = time_zone(written.time_zone.as_deref().unwrap_or_default()).unwrap_or_else(|unknown| {
            bad.push(BadTiming::new("time_zone", unknown.to_string()));
            Tz::UTC
        });
        if crons.is_empty() && bad.is_empty() {
            bad.push(
                BadTiming::new("", "no times are given").suggest("write for example `cron: 0 9 * * MON-FRI`"),
            );
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        Ok(Self::new(crons, zone, written.runs))
    }

    /// The times of one expression in a zone.
    pub fn of_cron(cron: &Cron, zone: Tz) -> Self {
        Self::new(vec![cron.clone()], zone, None)
    }

    fn new(crons: Vec<Cron>, time_zone: Tz, runs: Option<u64>) -> Self {
        let meaning = crons.iter().map(Cron::meaning).collect::<Vec<_>>().join("; ");
        let specification = Specification {
            calendars: Vec::new(),
            intervals: Vec::new(),
            excluded: Vec::new(),
            start: None,
            end: None,
            jitter: std::time::Duration::ZERO,
            time_zone,
        };
        Self { specification, time_zone, runs, meaning, crons }
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
    pub fn next_times(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let runs = self.runs.and_then(|runs| usize::try_from(runs).ok()).unwrap_or(usize::MAX);
        self.crons.iter().flat_map(move |cron| cron.next_times(self.time_zone, after)).take(runs)
    }

    /// What its author may not have meant, as of now.
    pub fn warnings(&self, _now: DateTime<Utc>) -> Vec<Warning> {
        Vec::new()
    }
}
