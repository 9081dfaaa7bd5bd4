//! Checks route files before they run.

mod sarif;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use serde_json::{Value, json};
use signalbox_routing::{Fault, Faults, RouteSet, Severity, route_file_schema, test_file_schema};

use super::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::route_files;

/// Check route files before they run
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox lint
  signalbox lint routes --deny-warnings
  signalbox lint routes --format sarif > routes.sarif
  signalbox lint --schema > routes.schema.json
  signalbox lint --schema=tests > tests.schema.json

Every fault is told, with its place. A router takes what this accepts, and nothing else. Exits with 1 if there is an
error, or a warning that is denied. An editor that knows --schema completes and checks while you type:
`# yaml-language-server: $schema=routes.schema.json` in the first line of a file.")]
pub struct Lint {
    /// Folders or files with routes
    #[arg(default_value = route_files::FOLDER, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// How to tell
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// As --format json
    #[arg(long)]
    json: bool,

    /// Fail for warnings, too
    #[arg(long)]
    deny_warnings: bool,

    /// Print the JSON Schema of route files instead, or that of files of tests
    #[arg(long, value_name = "OF", num_args = 0..=1, require_equals = true, default_missing_value = "routes")]
    schema: Option<SchemaOf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    /// *.yaml
    Routes,
    /// *.test.yaml
    Tests,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the lines that are wrong
    Text,
    /// For scripts
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
}

impl Run for Lint {
    fn output(&self) -> Output {
        Output { json: self.format() != Format::Text }
    }

    async fn run(self) -> Result<Exit, Failure> {
        let output = self.output();
        if let Some(of) = self.schema {
            let schema = match of {
                SchemaOf::Routes => route_file_schema(),
                SchemaOf::Tests => test_file_schema(),
            };
            Output { json: true }.show(&schema, String::new)?;
            return Ok(Exit::Done);
        }
        let files = route_files::of_set(&self.paths)?;
        let checked = check(&files);
        let report = match self.format() {
            Format::Sarif => sarif::log(&checked.faults),
            _ => checked.report(),
        };
        output.show(&report, || text::report(&checked, &files))?;
        let denied = |fault: &Fault| fault.severity == Severity::Error || self.deny_warnings;
        Ok(if checked.faults.iter().any(denied) { Exit::Failed } else { Exit::Done })
    }
}

impl Lint {
    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// What was found in a set of files.
pub struct Checked {
    faults: Vec<Fault>,
    /// How many routes there are; unknown if there are errors.
    routes: Option<usize>,
}

/// Reads and checks files as a router does.
fn check(files: &[(String, String)]) -> Checked {
    match RouteSet::load(files.iter().cloned()) {
        Ok(set) => Checked { routes: Some(set.len()), faults: set.warnings().to_vec() },
        Err(faults) => Checked { routes: None, faults: faults.0 },
    }
}

/// The routes in folders and files.
///
/// # Errors
/// When there are no files, or they cannot be read; if they are not taken, that is told.
pub fn load(paths: &[PathBuf], output: Output) -> Result<RouteSet, Failure> {
    let files = route_files::of_set(paths)?;
    RouteSet::load(files.iter().cloned()).map_err(|faults| refuse(faults, &files, output))
}

/// Tells why files are not taken.
pub fn refuse(faults: Faults, files: &[(String, String)], output: Output) -> Failure {
    let checked = Checked { routes: None, faults: faults.0 };
    match output.show(&checked.report(), || text::report(&checked, files)) {
        Ok(()) => Failure::Told(Exit::Usage),
        Err(failure) => failure,
    }
}

impl Checked {
    fn report(&self) -> Value {
        let faults: Vec<_> = self.faults.iter().map(json_of).collect();
        json!({ "accepted": self.routes.is_some(), "routes": self.routes, "faults": faults })
    }
}

fn json_of(fault: &Fault) -> Value {
    json!({
        "file": fault.file,
        "line": fault.span.at.line,
        "column": fault.span.at.column,
        "length": fault.span.length,
        "severity": fault.severity.name(),
        "rule": fault.rule,
        "message": fault.message,
        "help": fault.help,
    })
}
