use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used: all its faults, one a line.
#[derive(Debug)]
pub struct ConfigError {
    file: Option<PathBuf>,
    faults: Vec<Fault>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A variable with our prefix that no flag reads.
    #[error("unknown environment variable `{name}`{}", hint(.closest.as_ref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The known one closest to it.
        closest: Option<String>,
    },
    /// The file cannot be read.
    #[error("cannot be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// The file is not TOML.
    #[error("line {line} is not valid TOML: {reason}")]
    NotToml {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A key of the file that no flag has as its long name.
    #[error("unknown key `{key}`{}", hint(.closest.as_ref()))]
    UnknownKey {
        /// The key, after its table and a dot if it is in one.
        key: String,
        /// The known one closest to it.
        closest: Option<String>,
    },
    /// A table of the file that is no command's name.
    #[error("unknown table `[{table}]`{}", hint(.closest.as_ref()))]
    UnknownTable {
        /// The table.
        table: String,
        /// The known one closest to it.
        closest: Option<String>,
    },
    /// A value that the flag does not take.
    #[error("bad value for `{key}`: {reason}")]
    BadValue {
        /// The key, after its table and a dot if it is in one.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfigError {
    /// The faults, at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(super) fn unless_empty(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self { file: None, faults }) }
    }

    pub(super) fn in_file(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }
}

impl From<Fault> for ConfigError {
    fn from(fault: Fault) -> Self {
        Self { file: None, faults: vec![fault] }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n" })?;
            if let Some(file) = &self.file {
                write!(f, "{}: ", file.display())?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// The candidate most like `name`, if one is like it at all.
pub(super) fn closest(name: &str, candidates: &[String]) -> Option<String> {
    let rated = candidates.iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let (likeness, best) = rated.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness > 0.75).then(|| best.clone())
}

fn hint(closest: Option<&String>) -> String {
    closest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}
