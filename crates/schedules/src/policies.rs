//! What a schedule does besides firing in time: Temporal's `SchedulePolicies`.

use std::time::Duration;

/// Temporal's `SchedulePolicies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    /// What happens when a run is due and the last one has not ended.
    pub overlap: Overlap,
    /// How late a run may be that was missed while Temporal was away; at least 10 seconds, which is Temporal's least.
    pub catch_up: Duration,
    /// Whether the schedule pauses when a run fails.
    pub pause_on_failure: bool,
}

impl Policies {
    /// After an outage, what was missed in the last minute is made up for, not a year of it.
    pub const CATCH_UP: Duration = Duration::from_secs(60);
}

impl Default for Policies {
    fn default() -> Self {
        Self { overlap: Overlap::AllowAll, catch_up: Self::CATCH_UP, pause_on_failure: false }
    }
}

/// Temporal's `ScheduleOverlapPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// `SKIP`: the new run does not take place.
    Skip,
    /// `BUFFER_ONE`: it starts when the last one has ended; one waits at most.
    BufferOne,
    /// `BUFFER_ALL`: all wait, one after the other.
    BufferAll,
    /// `CANCEL_OTHER`: the last one is cancelled, and it starts then.
    CancelOther,
    /// `TERMINATE_OTHER`: the last one is terminated, and it starts at once.
    TerminateOther,
    /// `ALLOW_ALL`: they run side by side.
    AllowAll,
}

impl Overlap {
    /// As route files and callers write them, in the order of Temporal's numbers.
    pub const NAMES: &[&str] =
        &["skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other", "allow-all"];

    const ALL: [Self; 6] = [
        Self::Skip,
        Self::BufferOne,
        Self::BufferAll,
        Self::CancelOther,
        Self::TerminateOther,
        Self::AllowAll,
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer-one",
            Self::BufferAll => "buffer-all",
            Self::CancelOther => "cancel-other",
            Self::TerminateOther => "terminate-other",
            Self::AllowAll => "allow-all",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let names: Vec<_> = Overlap::ALL.iter().map(|overlap| overlap.name()).collect();
        assert_eq!(names, Overlap::NAMES);
        assert!(Overlap::ALL.iter().all(|overlap| Overlap::named(overlap.name()) == Some(*overlap)));
        assert_eq!(Overlap::named("Skip"), None);
    }
}
