use std::fmt::Write;

use serde_json::{Value, json};

use crate::text::{Cell, DIM};

/// How it stands with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Well.
    Ok,
    /// It works, but somebody should look.
    Warning,
    /// It does not work.
    Fault,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

/// What was found at one check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it stands.
    pub level: Level,
    /// What is to be seen.
    pub detail: String,
    /// What to do.
    pub advice: Option<String>,
    /// The numbers, for scripts.
    pub numbers: Value,
}

impl Finding {
    /// All is well.
    pub fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        let (check, detail) = (check.into(), detail.into());
        Self { check, level: Level::Ok, detail, advice: None, numbers: Value::Null }
    }

    /// Somebody should look.
    pub fn warning(check: impl Into<String>, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Warning, advice: Some(advice.into()), ..Self::ok(check, detail) }
    }

    /// It does not work.
    pub fn fault(check: impl Into<String>, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Fault, advice: Some(advice.into()), ..Self::ok(check, detail) }
    }

    /// The same, with numbers.
    pub fn with(self, numbers: Value) -> Self {
        Self { numbers, ..self }
    }

    /// For scripts.
    pub fn value(&self) -> Value {
        let mut value = json!({
            "check": self.check, "level": self.level.word(), "detail": self.detail, "advice": self.advice,
        });
        if !self.numbers.is_null() {
            value["numbers"] = self.numbers.clone();
        }
        value
    }
}

/// For people.
pub fn report(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { check, level, detail, advice, .. } in findings {
        let status = Cell::status(level.word()).padded("warning".len());
        let _ = writeln!(text, "{status}  {}  {}", Cell::from(check).padded(width), Cell::from(detail));
        if let Some(advice) = advice {
            let _ = writeln!(text, "{:9}{DIM}→{DIM:#} {}", "", Cell::from(advice));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let summary = match (count(Level::Fault), count(Level::Warning)) {
        (0, 0) => "All is well.".to_owned(),
        (faults, warnings) => format!("{}, {}.", counted(faults, "fault"), counted(warnings, "warning")),
    };
    text + "\n" + &summary
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_below() {
        let findings = [
            Finding::ok("NATS", "nats://localhost:4222"),
            Finding::warning("clock of NATS", "5s ahead", "set it"),
            Finding::fault("workers of q", "nobody polls", "start one"),
        ];
        let text = anstream::adapter::strip_str(&report(&findings)).to_string();
        insta::assert_snapshot!(text, @r"
        ok       NATS           nats://localhost:4222
        warning  clock of NATS  5s ahead
                 → set it
        fault    workers of q   nobody polls
                 → start one

        1 fault, 1 warning.
        ");
    }
}
