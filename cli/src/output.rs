//! How commands tell what they found: JSON for scripts, text for people.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// Clears the terminal and goes to its top (ECMA-48: ED, CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// In which form a command tells what it found.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Output {
    /// Print JSON, for scripts; an error is JSON on standard error then
    #[arg(long)]
    pub json: bool,
}

impl Output {
    /// Tells one thing: a JSON document or a text.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.json {
            true => print(&serde_json::to_string_pretty(value).map_err(std::io::Error::from)?),
            false => print(&text()),
        }
    }

    /// Tells one of many: a JSON document on a line of its own, or a text.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show_next(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.json {
            true => print(&serde_json::to_string(value).map_err(std::io::Error::from)?),
            false => print(&text()),
        }
    }

    /// Tells something in the place of what it told before, where that can be.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show_instead(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let clear = if self.redraws() { CLEAR } else { "" };
        self.show_next(value, || format!("{clear}{}", text()))
    }

    /// Whether what was told before can be taken back.
    pub fn redraws(self) -> bool {
        !self.json && stdout().is_terminal() && AutoStream::choice(&stdout()) != ColorChoice::Never
    }

    /// Tells why a command failed, and gives its exit code.
    pub fn fail(self, failure: &Failure) -> ExitCode {
        if failure.exit() != Exit::Done && !matches!(failure, Failure::Told(_)) {
            // There is nowhere left to tell that it cannot be told.
            let _ = match self.json {
                true => writeln!(anstream::stderr(), "{}", failure.json()),
                false => tell(failure),
            };
        }
        failure.exit().into()
    }
}

fn tell(failure: &Failure) -> std::io::Result<()> {
    print_error(failure);
    let Some(tip) = failure.tip() else { return Ok(()) };
    let green = AnsiColor::Green.on_default();
    writeln!(anstream::stderr(), "  {green}tip:{green:#} {tip}")
}

/// `error: …` on standard error, in red where that is a terminal.
pub fn print_error(error: &dyn Display) {
    let red = AnsiColor::Red.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {error}");
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
