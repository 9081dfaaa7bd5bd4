use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use signalbox_service::config::{self, ConfigError};

use crate::serve::Serve;
use crate::up::UpArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  signalbox up                      start everything on this machine, NATS and Temporal included
  signalbox up --ephemeral          the same, and keep nothing
  signalbox serve ingress --help    what one service can be told
  source <(signalbox completions bash)

With `signalbox up` running:
  curl -X POST 'http://localhost:8000/trigger-workflow/hello?name=Ada'
  curl -X POST 'http://localhost:8000/signal-workflow/hello?message=hi'";

/// Turns events into Temporal workflows
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, styles = STYLES, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on this machine: NATS, Temporal and the four services
    Up(UpArgs),
    /// Run one service
    #[command(subcommand)]
    Serve(Serve),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Become COMMAND, which is told to end when the process LAUNCHER does
    #[command(hide = true)]
    TiedToLauncher {
        /// Process id of the launcher, this process's parent
        launcher: i32,
        /// What to run, and its arguments
        #[arg(last = true, required = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// The exit code for a wrong command line, environment or file.
pub const EX_USAGE: u8 = 64;

/// Why the command line, the environment or the file does not say what to do.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Flags, then environment, then the file that `--config` names.
pub fn parse(
    arguments: Vec<OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Cli, UsageError> {
    let command = config::prepare(Cli::command(), &arguments, environment)?;
    Ok(Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)?)
}

impl UsageError {
    /// Prints what is wrong, or the help that was asked for, and gives the exit code.
    pub fn tell(&self) -> ExitCode {
        match self {
            Self::Arguments(error) => {
                // There is nowhere left to tell that it cannot be told.
                let _ = error.print();
                if error.use_stderr() { EX_USAGE.into() } else { ExitCode::SUCCESS }
            }
            Self::Config(error) => {
                print_error(error);
                EX_USAGE.into()
            }
        }
    }
}

/// `error: …` on standard error, in red where that is a terminal.
pub fn print_error(error: &dyn Display) {
    let red = AnsiColor::Red.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {error}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, UsageError> {
        parse(line.split(' ').map(Into::into).collect(), [])
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_tied_program_gets_its_own_flags() {
        let command = parsed("signalbox tied-to-launcher 7 -- prog --help -x").unwrap().command;
        let Command::TiedToLauncher { launcher, command } = command else { panic!("{command:?}") };
        assert_eq!(launcher, 7);
        assert_eq!(command, ["prog", "--help", "-x"]);
    }

    #[test]
    fn mistakes_are_named() {
        let error = parsed("signalbox up --api-port 0").unwrap_err().to_string();
        assert!(error.contains("--api-port"), "{error}");
        let arguments = vec!["signalbox".into(), "up".into()];
        let error = parse(arguments, [("SIGNALBOX_DATA_DIRR".into(), "x".into())]).unwrap_err().to_string();
        assert!(error.contains("SIGNALBOX_DATA_DIRR") && error.contains("SIGNALBOX_DATA_DIR"), "{error}");
    }
}
