//! One closed set of faults. Whether something is tried again follows from these and nothing else.

use std::{fmt, str::FromStr};

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may work later: back off and try again.
    Transient,
    /// It will not work, however often it is tried.
    Permanent,
}

/// Why something was refused; its [`code`](Reason::code) is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A run of that workflow id is open.
    WorkflowRunning,
    /// No open run has that workflow id.
    WorkflowNotFound,
    /// Temporal does not take these arguments.
    InvalidArgument,
    /// Temporal does not let us.
    PermissionDenied,
    /// The workflow does not take the update, or failed at it.
    UpdateRejected,
    /// A query for workflows to signal found more than it may.
    TooManyWorkflows,
    /// The id of the schedule is taken.
    ScheduleExists,
    /// No schedule has that id.
    ScheduleNotFound,
    /// The message cannot be read as an event.
    BadEvent,
    /// The event's data are not of the schema that it is declared with.
    SchemaMismatch,
    /// The message cannot be read as a command.
    BadCommand,
    /// A route's guard or value failed on this event.
    RouteError,
    /// It was tried for as long as its route says.
    DeadlineExceeded,
    /// It was parked for as long as its route says, and no run of its workflow came.
    ParkExpired,
    /// The run has had as many signals as Temporal, or the route, lets it have.
    TooManySignals,
    /// Whoever was to do it refused for a reason of its own.
    Refused,
}

impl Reason {
    /// All of them. `docs/reference/reasons.md` says what to do about each.
    pub const ALL: [Self; 16] = [
        Self::WorkflowRunning,
        Self::WorkflowNotFound,
        Self::InvalidArgument,
        Self::PermissionDenied,
        Self::UpdateRejected,
        Self::TooManyWorkflows,
        Self::ScheduleExists,
        Self::ScheduleNotFound,
        Self::BadEvent,
        Self::SchemaMismatch,
        Self::BadCommand,
        Self::RouteError,
        Self::DeadlineExceeded,
        Self::ParkExpired,
        Self::TooManySignals,
        Self::Refused,
    ];

    /// The stable code, as in outcomes and in the subjects of dead letters.
    pub fn code(self) -> &'static str {
        match self {
            Self::WorkflowRunning => "workflow-running",
            Self::WorkflowNotFound => "workflow-not-found",
            Self::InvalidArgument => "invalid-argument",
            Self::PermissionDenied => "permission-denied",
            Self::UpdateRejected => "update-rejected",
            Self::TooManyWorkflows => "too-many-workflows",
            Self::ScheduleExists => "schedule-exists",
            Self::ScheduleNotFound => "schedule-not-found",
            Self::BadEvent => "bad-event",
            Self::SchemaMismatch => "schema-mismatch",
            Self::BadCommand => "bad-command",
            Self::RouteError => "route-error",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::ParkExpired => "park-expired",
            Self::TooManySignals => "too-many-signals",
            Self::Refused => "refused",
        }
    }
}

/// Why a text is no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no reason; there are {all}", all = Reason::ALL.map(Reason::code).join(", "))]
pub struct BadReason(String);

impl FromStr for Reason {
    type Err = BadReason;

    fn from_str(code: &str) -> Result<Self, BadReason> {
        let known = Self::ALL.into_iter().find(|reason| reason.code() == code);
        known.ok_or_else(|| BadReason(code.chars().take(80).collect()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_with_a_remedy() {
        let page = include_str!("../../../docs/reference/reasons.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let (codes, rest): (Vec<_>, Vec<_>) = rows.unzip();
        assert_eq!(codes, Reason::ALL.map(Reason::code));
        for rest in rest {
            let cells: Vec<_> = rest.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            assert_eq!(cells.len(), 2, "what it means, and what to do: {rest}");
        }
    }
}
