//! Runs the tests of routes.

mod junit;
mod text;

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use signalbox_routing::{Coverage, Suite, TestResult};

use super::{Run, lint};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::route_files;

/// Run the tests of routes; no server is needed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox test
  signalbox test routes --coverage
  signalbox test --test deploy
  signalbox test --update
  signalbox test --junit routes.junit.xml --coverage-min 90

Tests are under `tests:` in a route file, or in files *.test.yaml beside them. A test is an event
and the commands that come of it; nothing is carried out. --update writes down what comes now as
what is expected: read it before you keep it. Exits with 1 if a test fails or too little is
covered, with 64 if a file cannot be read.")]
pub struct Test {
    /// Folders or files with routes and tests
    #[arg(default_value = route_files::FOLDER, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,

    /// Only tests with this in their names
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    test: Option<String>,

    /// Write what comes into `expect` of the tests that fail
    #[arg(long)]
    update: bool,

    /// Tell which parts of the routes no test has reached
    #[arg(long)]
    coverage: bool,

    /// Fail if tests reach less than this of the routes
    #[arg(long, value_name = "PERCENT", value_hint = ValueHint::Other,
          value_parser = clap::value_parser!(u8).range(0..=100))]
    coverage_min: Option<u8>,

    /// Write a JUnit report, too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,

    #[command(flatten)]
    output: Output,
}

/// What is told.
pub struct Report {
    results: Vec<TestResult>,
    coverage: Option<Coverage>,
    /// The least that is to be covered, if that is not reached.
    too_little: Option<u8>,
    /// Files that were written.
    updated: Vec<String>,
    routes: usize,
}

impl Run for Test {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let mut files = route_files::of_suite(&self.paths)?;
        let load = |files: &[(String, String)]| {
            Suite::load(files.iter().cloned()).map_err(|faults| lint::refuse(faults, files, self.output))
        };
        let mut suite = load(&files)?;
        let mut results = self.results(&suite)?;
        let updated = if self.update { suite.updated(&results) } else { Vec::new() };
        for (name, text) in &updated {
            fs::write(name, text).map_err(|error| unwritable(name, &error))?;
        }
        if !updated.is_empty() {
            let written = |(name, text): (String, String)| {
                let new = updated.iter().find(|(updated, _)| *updated == name);
                (name, new.map_or(text, |(_, new)| new.clone()))
            };
            files = files.into_iter().map(written).collect();
            suite = load(&files)?;
            results = self.results(&suite)?;
        }
        let report = self.report(&suite, results, updated.into_iter().map(|(name, _)| name).collect());
        if let Some(path) = &self.junit {
            let name = path.display().to_string();
            fs::write(path, junit::report(&report)?).map_err(|error| unwritable(&name, &error))?;
        }
        self.output.show(&report.value(), || text::report(&report))?;
        Ok(report.exit())
    }
}

impl Test {
    fn wanted(&self, name: &str) -> bool {
        self.test.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    fn results(&self, suite: &Suite) -> Result<Vec<TestResult>, Failure> {
        let results = suite.run(|name| self.wanted(name));
        match (results.is_empty(), &self.test) {
            (false, _) => Ok(results),
            (true, Some(name)) if !suite.is_empty() => {
                Err(Failure::other(Exit::NotFound, format!("no test has {name:?} in its name")))
            }
            (true, _) => Err(Failure::other(Exit::NotFound, "there are no tests")
                .with_tip("write some under `tests:` in a route file, or in a file *.test.yaml beside it")),
        }
    }

    fn report(&self, suite: &Suite, results: Vec<TestResult>, updated: Vec<String>) -> Report {
        let counts = self.coverage || self.coverage_min.is_some();
        let coverage = counts.then(|| suite.coverage(|name| self.wanted(name)));
        let reached =
            |least: &u8| coverage.as_ref().is_none_or(|coverage| coverage.percent() >= f64::from(*least));
        Report {
            too_little: self.coverage_min.filter(|least| !reached(least)),
            results,
            coverage,
            updated,
            routes: suite.set().len(),
        }
    }
}

impl Report {
    fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.passed()).count()
    }

    fn exit(&self) -> Exit {
        if self.failed() > 0 || self.too_little.is_some() { Exit::Failed } else { Exit::Done }
    }

    fn value(&self) -> Value {
        let tests = self.results.iter().map(|result| {
            let mut value = json!(result);
            value["passed"] = result.passed().into();
            value
        });
        let coverage = self.coverage.as_ref().map(|coverage| {
            let routes = coverage.routes.iter().map(|route| {
                let mut value = json!(route);
                value["taken"] = route.taken().into();
                value
            });
            json!({ "percent": coverage.percent(), "routes": routes.collect::<Value>() })
        });
        json!({
            "passed": self.results.len() - self.failed(),
            "failed": self.failed(),
            "tests": tests.collect::<Value>(),
            "coverage": coverage,
            "updated": self.updated,
        })
    }
}

fn unwritable(name: &str, error: &std::io::Error) -> Failure {
    Failure::other(Exit::Failed, format!("cannot write {name}: {error}"))
}
