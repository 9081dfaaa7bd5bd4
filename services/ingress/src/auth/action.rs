//! What a caller may be allowed to do.

use std::{fmt, str::FromStr};

/// Something that a caller may be allowed to do. The names are an API: keys and tokens say them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Starts workflows.
    Start,
    /// Signals workflows.
    Signal,
    /// Updates workflows.
    Update,
    /// Queries workflows.
    Query,
    /// Cancels workflows.
    Cancel,
    /// Terminates workflows.
    Terminate,
    /// Reads what workflows and schedules are, and what they return.
    Read,
    /// Publishes events.
    Publish,
    /// Reads events and what became of them.
    ReadEvents,
    /// Makes, changes and removes schedules.
    Schedules,
    /// Reads, redrives and removes dead letters.
    DeadLetters,
    /// Reads the metrics.
    Metrics,
    /// All of it.
    Admin,
}

/// No action is called so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no action `{given}`; there are {}", Action::ALL.map(Action::name).join(", "))]
pub struct NoSuchAction {
    given: String,
}

impl Action {
    /// Each of them.
    pub const ALL: [Self; 13] = [
        Self::Start,
        Self::Signal,
        Self::Update,
        Self::Query,
        Self::Cancel,
        Self::Terminate,
        Self::Read,
        Self::Publish,
        Self::ReadEvents,
        Self::Schedules,
        Self::DeadLetters,
        Self::Metrics,
        Self::Admin,
    ];

    /// As keys and tokens say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Update => "update",
            Self::Query => "query",
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
            Self::Read => "read",
            Self::Publish => "events:publish",
            Self::ReadEvents => "events:read",
            Self::Schedules => "schedules",
            Self::DeadLetters => "dead-letters",
            Self::Metrics => "metrics",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = NoSuchAction;

    fn from_str(text: &str) -> Result<Self, NoSuchAction> {
        let named = Self::ALL.into_iter().find(|action| action.name() == text);
        named.ok_or_else(|| NoSuchAction { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for action in Action::ALL {
            assert_eq!(action.name().parse(), Ok(action));
        }
        let error = "strat".parse::<Action>().unwrap_err().to_string();
        assert!(error.contains("`strat`") && error.contains("events:publish, events:read"), "{error}");
    }
}
