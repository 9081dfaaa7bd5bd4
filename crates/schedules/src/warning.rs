use std::fmt;

/// Something about times that are well written which their author may not have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    kind: WarningKind,
    path: Option<String>,
    text: String,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WarningKind {
    /// There is no time left, or never was one.
    NeverFires,
    /// A change of the clock has a time left out.
    Skipped,
    /// A change of the clock leaves out a time, and Temporal fires at another one.
    Moved,
    /// A change of the clock brings a time twice.
    Doubled,
    /// A change of the clock has Temporal fire at a time that does not match.
    Extra,
    /// It fires more often than every ten seconds.
    Often,
    /// The jitter is longer than the time between two runs.
    Jitter,
}

impl WarningKind {
    /// Its name, for programs: `never-fires`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverFires => "never-fires",
            Self::Skipped => "skipped",
            Self::Moved => "moved",
            Self::Doubled => "doubled",
            Self::Extra => "extra",
            Self::Often => "often",
            Self::Jitter => "jitter",
        }
    }
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, path: Option<&str>, text: impl Into<String>) -> Self {
        Self { kind, path: path.map(ToOwned::to_owned), text: text.into() }
    }

    /// What it is about.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// Where in [`Written`](crate::Written), when it is about one part of it.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// What there is to know.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.text)
    }
}
