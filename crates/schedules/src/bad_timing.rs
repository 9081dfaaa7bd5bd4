use std::fmt;

use crate::bad_cron::Fault;

/// What is wrong with a schedule's times: where, why, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadTiming {
    path: String,
    reason: String,
    suggestion: String,
}

impl BadTiming {
    /// The fault is in that part of what is written; a field that the path does not name is told with the reason.
    pub(crate) fn new(path: impl Into<String>, fault: Fault) -> Self {
        let reason = match fault.field {
            Some(field) => format!("{field}: {}", fault.reason),
            None => fault.reason,
        };
        Self { path: path.into(), reason, suggestion: fault.suggestion }
    }

    /// Where in [`Written`](crate::Written): `cron[1]`, `calendars[0].hour`, `time_zone`. Empty when the fault is in the
    /// whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What to write instead.
    pub fn suggestion(&self) -> Option<&str> {
        Some(&self.suggestion)
    }
}

impl fmt::Display for BadTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.reason, self.suggestion)
    }
}
