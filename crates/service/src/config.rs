//! Where the values of flags come from: the command line, then the environment, then a TOML file.
//!
//! The file's keys are the long names of the flags. One file may serve several commands: a key at its top is meant
//! for each that has such a flag; a table named after a command is for that command alone and goes before the top.
//!
//! ```toml
//! nats-url = "nats://nats:4222"
//! [ingress]
//! listen = "0.0.0.0:8000"
//! ```
//!
//! The values become the defaults of the flags, so that `clap` keeps the precedence, reads them and shows them in
//! its help. All faults are reported at once, by name, never with a secret's value.

mod error;
mod file;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

use error::closest;
pub use error::{ConfigError, Fault};
pub use file::with_file;

/// Variables that begin with this are Signalbox's own.
pub const PREFIX: &str = "SIGNALBOX_";

/// Everything before the real parse: checks the environment, and makes the values of the file that `--config` or
/// its variable names the defaults of the chosen command. Parse `arguments` with the command it returns.
///
/// # Errors
/// When the environment has an unknown variable, or the file cannot be read or used.
pub fn prepare(
    command: Command,
    arguments: &[OsString],
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Command, ConfigError> {
    check_environment(&command, environment)?;
    match chosen(&command, arguments) {
        (path, Some(file)) => with_file(command, &path, &read(&file)?).map_err(|error| error.in_file(&file)),
        (_, None) => Ok(command),
    }
}

/// Refuses variables that begin with [`PREFIX`] but belong to no flag of `command` or its subcommands.
///
/// # Errors
/// Names each such variable and the known one that is closest to it.
pub fn check_environment(
    command: &Command,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), ConfigError> {
    let known = variables(command);
    let faults = environment.into_iter().filter_map(|(name, _)| {
        let name = name.to_string_lossy();
        let own = name.strip_prefix(PREFIX).filter(|own| !known.iter().any(|known| known == own))?;
        let closest = closest(own, &known).map(|known| format!("{PREFIX}{known}"));
        Some(Fault::UnknownVariable { name: name.to_string(), closest })
    });
    ConfigError::unless_empty(faults.collect())
}

/// The subcommands that `arguments` (program name first) choose, outermost first, and the file of `--config`, which
/// may come from the environment. Faults of the arguments are left for the real parse.
fn chosen(command: &Command, arguments: &[OsString]) -> (Vec<String>, Option<PathBuf>) {
    let Ok(mut matches) = command.clone().ignore_errors(true).try_get_matches_from(arguments) else {
        return (Vec::new(), None);
    };
    let (mut path, mut file) = (Vec::new(), config_file(&matches));
    while let Some((name, inner)) = matches.remove_subcommand() {
        path.push(name);
        file = config_file(&inner).or(file);
        matches = inner;
    }
    (path, file)
}

fn config_file(matches: &ArgMatches) -> Option<PathBuf> {
    matches.try_get_one::<PathBuf>("config").ok().flatten().cloned()
}

fn read(file: &Path) -> Result<String, ConfigError> {
    let unreadable = |error: std::io::Error| Fault::Unreadable { reason: error.to_string() };
    std::fs::read_to_string(file).map_err(|error| ConfigError::from(unreadable(error)).in_file(file))
}

/// The variables with our prefix, without it.
fn variables(command: &Command) -> Vec<String> {
    let names = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()?.strip_prefix(PREFIX));
    names.map(str::to_owned).chain(command.get_subcommands().flat_map(variables)).collect()
}

#[cfg(test)]
mod tests;
