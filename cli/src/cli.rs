use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use signalbox_service::config::{self, ConfigError};

use crate::bench::Bench;
use crate::commands::dead::Dead;
use crate::commands::demo::Demo;
use crate::commands::diff::Diff;
use crate::commands::doctor::Doctor;
use crate::commands::events::Events;
use crate::commands::explain::Explain;
use crate::commands::keys::Keys;
use crate::commands::learn::Learn;
use crate::commands::lint::Lint;
use crate::commands::lookups::{Describe, Query, ResultOf};
use crate::commands::publish::Publish;
use crate::commands::ready::Ready;
use crate::commands::replay::Replay;
use crate::commands::routes::{Apply, Plan, Rollback, Routes};
use crate::commands::schedule::Schedule;
use crate::commands::send::Send;
use crate::commands::test::Test;
use crate::commands::workflows::{Signal, Stop, Trigger};
use crate::exit::Exit;
use crate::output::print_error;
use crate::serve::Serve;
use crate::up::UpArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  signalbox up                         start everything on this machine
  signalbox demo                       see it work, from a webhook to a result
  signalbox trigger hello --name Ada   start a workflow
  signalbox signal hello hi            send it a message
  signalbox stop hello                 have it end with what it has
  signalbox result hello               wait for its end
  signalbox plan                       what a change of the routes would change
  signalbox lint && signalbox test     check routes, and run their tests
  signalbox doctor                     look for what is wrong
  source <(signalbox completions bash)";

const COMPLETIONS: &str = "\
Examples:
  source <(signalbox completions bash)
  signalbox completions zsh > ~/.zfunc/_signalbox
  signalbox completions fish > ~/.config/fish/completions/signalbox.fish";

/// Turns events into Temporal workflows
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, styles = STYLES, arg_required_else_help = true,
          after_help = format!("{EXAMPLES}\n\n--help lists the exit codes, too."),
          after_long_help = format!("{EXAMPLES}\n\n{}", Exit::table()))]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on this machine: NATS, Temporal and the four services
    Up(UpArgs),
    Demo(Demo),
    Trigger(Trigger),
    Signal(Signal),
    Stop(Stop),
    Result(ResultOf),
    Query(Query),
    Describe(Describe),
    #[command(subcommand)]
    Schedule(Schedule),
    Publish(Publish),
    Send(Send),
    Events(Events),
    #[command(subcommand)]
    Dead(Dead),
    Replay(Replay),
    Learn(Learn),
    Lint(Lint),
    Routes(Routes),
    Plan(Plan),
    Apply(Apply),
    Rollback(Rollback),
    Test(Test),
    Explain(Explain),
    Diff(Diff),
    Doctor(Doctor),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Bench(Bench),
    Ready(Ready),
    /// Run one service
    #[command(subcommand)]
    Serve(Serve),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Answer as a Temporal that does nothing, for `bench pipeline`
    #[command(hide = true)]
    NullTemporal {
        /// Where
        listen: SocketAddr,
    },
    /// Become COMMAND, which is told to end when the process LAUNCHER does
    #[command(hide = true)]
    TiedToLauncher {
        /// Process id of the launcher, this process's parent
        launcher: i32,
        /// Leave the processors to others
        #[arg(long)]
        yielding: bool,
        /// Have timers that go by the millisecond
        #[arg(long)]
        timer_slack: bool,
        /// What to run, and its arguments
        #[arg(last = true, required = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// The exit code for a wrong command line, environment or file.
pub const EX_USAGE: u8 = Exit::Usage as u8;

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
                if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
            }
            Self::Config(error) => {
                print_error(error);
                Exit::Usage.into()
            }
        }
    }
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

    /// All commands below, and what their help says after the options.
    fn all(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
            let path = format!("{path} {}", below.get_name());
            all(below, &path, found);
            found.push((path, below.clone()));
        }
    }

    fn commands() -> Vec<(String, clap::Command)> {
        let (mut root, mut found) = (Cli::command(), Vec::new());
        root.build();
        all(&root, "signalbox", &mut found);
        found.retain(|(path, _)| !path.starts_with("signalbox help") && !path.ends_with(" help"));
        found
    }

    #[test]
    fn examples_stand_on_one_line() {
        let help =
            |command: &clap::Command| command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for (path, command) in commands() {
            for line in help(&command).lines().filter(|line| line.contains("signalbox ")) {
                // What is said of it may go on in the next line; what is to be typed may not.
                let typed = line.trim_start().split("  ").next().unwrap_or_default();
                assert!(typed.len() <= 88, "{path}: {line}");
            }
        }
    }

    #[test]
    fn a_shell_knows_what_to_complete() {
        let mine =
            commands().into_iter().filter(|(path, _)| !path.contains(" serve") && !path.contains(" bench"));
        for (path, command) in mine {
            let values = command.get_arguments().filter(|arg| arg.get_action().takes_values());
            for arg in values.filter(|arg| arg.get_possible_values().is_empty()) {
                // These have nothing to complete, and no file has their form.
                let plain = arg
                    .get_value_names()
                    .is_some_and(|names| ["TIME", "COUNT", "PORT"].contains(&&*names[0]));
                assert!(plain || arg.get_value_hint() != clap::ValueHint::Unknown, "{path} {arg}");
            }
        }
    }

    #[test]
    fn the_tied_program_gets_its_own_flags() {
        let command = parsed("signalbox tied-to-launcher 7 -- prog --help -x").unwrap().command;
        let Command::TiedToLauncher { launcher, yielding, timer_slack, command } = command else {
            panic!("{command:?}")
        };
        assert_eq!((launcher, yielding, timer_slack), (7, false, false));
        assert_eq!(command, ["prog", "--help", "-x"]);
        let command =
            parsed("signalbox tied-to-launcher --yielding 7 -- prog --timer-slack").unwrap().command;
        let Command::TiedToLauncher { launcher, yielding, timer_slack, command } = command else {
            panic!("{command:?}")
        };
        assert_eq!((launcher, yielding, timer_slack), (7, true, false));
        assert_eq!(command, ["prog", "--timer-slack"]);
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
