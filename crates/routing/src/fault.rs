//! What is wrong with route files, and where.

use std::fmt;

use crate::files::FileSet;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place after `text`, if it begins here.
    pub(crate) fn after(self, text: &str) -> Self {
        text.chars().fold(self, |at, character| match character {
            '\n' => Self { line: at.line + 1, column: 1 },
            _ => Self { column: at.column + 1, ..at },
        })
    }
}

/// Whether a set with this fault is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It would fail, or cannot be what was meant: no router takes it.
    Error,
    /// It works, and is probably not what was meant.
    Warning,
}

impl Severity {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A part of a file: where it begins, and how many characters of that line it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first character.
    pub at: Position,
    /// How many characters it has, at least 1. It ends at the end of the line at the latest.
    pub length: usize,
}

/// One thing that is wrong with a route file. Displays as `routes/lab.yaml:7:5: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as it was named to [`RouteSet::load`](crate::RouteSet::load).
    pub file: String,
    /// The place in it.
    pub span: Span,
    /// Whether it is refused.
    pub severity: Severity,
    /// Which rule says so; one of [`RULES`](crate::RULES).
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
}

impl Fault {
    /// Reading the files was broken off, which is a mistake of ours.
    pub(crate) fn unreadable(files: &FileSet) -> Self {
        Self {
            file: files.routes().next().map_or_else(String::new, |(name, _)| name.to_owned()),
            span: Span { at: Position::START, length: 1 },
            severity: Severity::Error,
            rule: crate::rules::YAML,
            message: "the files cannot be read".to_owned(),
            help: None,
        }
    }
}

impl Fault {
    /// What is wrong and what to do about it, without the place.
    pub fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.span.at;
        write!(f, "{}:{line}:{column}: {}", self.file, self.text())
    }
}

/// Everything that is wrong with a set of route files, in the order of files and lines; one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Whether a router refuses the set.
    pub fn refuse(&self) -> bool {
        self.0.iter().any(|fault| fault.severity == Severity::Error)
    }

    /// All of them without their places, one a line: for whom what was read has no places.
    pub fn text(&self) -> String {
        self.0.iter().map(Fault::text).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// A text, or as many of its characters as are shown, and `…`.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// `did you mean …?` for a name that is close to a known one.
pub(crate) fn did_you_mean<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let tolerance = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
