//! Declared schedules: what time triggers.

use signalbox_domain::{EventSubject, ScheduleId, Start};
use signalbox_schedules::{Policies, Timing};

use crate::{Faults, language::schedules, yaml};

/// The name of what is read alone, in its faults.
const ALONE: &str = "schedule";

/// An entry of `schedules`, checked.
#[derive(Clone, Debug)]
pub struct DeclaredSchedule {
    /// Its id, of its own in Temporal's namespace.
    pub id: ScheduleId,
    /// When it fires.
    pub timing: Timing,
    /// What it does besides.
    pub policies: Policies,
    /// What each run starts. That of an `emit` is a workflow that publishes the event.
    pub start: Start,
    /// The subject of the event that each run publishes, if it is an `emit`.
    pub emits: Option<EventSubject>,
    /// Temporal appends the time of the run to it.
    pub workflow_id: String,
    /// Whether it is paused; `None` leaves that to whoever operates it.
    pub paused: Option<bool>,
    /// For people. May be empty.
    pub note: String,
    /// The entry as it was written, with the `defaults` of its file, as JSON: the same text for the same schedule.
    pub written: String,
}

impl DeclaredSchedule {
    /// Reads one entry, as JSON or YAML, that stands in no file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Faults> {
        let parsed = yaml::parse(text);
        schedules::read_alone(ALONE, text, &parsed)
    }

    /// The names of the fields that are about time.
    pub fn names_of_times() -> impl Iterator<Item = &'static str> {
        schedules::TIMES.fields.iter().map(|field| field.name)
    }

    /// Reads the times of an entry and nothing else: `cron` to `jitter`.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read_times(text: &str) -> Result<Timing, Faults> {
        let parsed = yaml::parse(text);
        schedules::read_times(ALONE, text, &parsed)
    }
}
