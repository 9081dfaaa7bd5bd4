use std::fmt;

use crate::Field;

/// Longest piece of the refused text that a message repeats, in characters.
const SHOWN: usize = 80;

/// Why a cron expression was refused: which field, what is wrong with it and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadCron {
    text: String,
    field: Option<Field>,
    reason: String,
    suggestion: String,
}

impl BadCron {
    pub(crate) fn new(text: &str, fault: Fault) -> Self {
        Self { text: excerpt(text), field: fault.field, reason: fault.reason, suggestion: fault.suggestion }
    }

    /// The field that is wrong; `None` when the fault is in the expression as a whole.
    pub fn field(&self) -> Option<Field> {
        self.field
    }

    /// What is wrong, without the expression and the field.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What to write instead.
    pub fn suggestion(&self) -> Option<&str> {
        Some(&self.suggestion)
    }
}

impl fmt::Display for BadCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad cron `{}`: ", self.text)?;
        if let Some(field) = self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}; {}", self.reason, self.suggestion)
    }
}

/// A fault before it is known which text it is in.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) field: Option<Field>,
    pub(crate) reason: String,
    pub(crate) suggestion: String,
}

impl Fault {
    pub(crate) fn whole(reason: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into(), suggestion: suggestion.into() }
    }

    pub(crate) fn in_field(field: Field, reason: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::whole(reason, suggestion) }
    }
}

impl From<BadCron> for Fault {
    fn from(bad: BadCron) -> Self {
        Self { field: bad.field, reason: bad.reason, suggestion: bad.suggestion }
    }
}

/// Text from outside as a message may show it: short, on one line, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
