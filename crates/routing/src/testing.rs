//! Tests of routes: an event, and what is expected of it. No server is needed, and nothing is carried out.

mod compare;
mod coverage;
mod leaves;
mod rewrite;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use signalbox_domain::Event;

pub use coverage::{Coverage, Covered, Missed};
use rewrite::Edit;

use crate::{
    explain::{Explained, Why},
    fault::Faults,
    files::FileSet,
    language::tests::{self, Test},
    plan::Plan,
    rendered::to_yaml,
    set::RouteSet,
    yaml::{self, Node},
};

/// A set of routes and its tests.
#[derive(Debug)]
pub struct Suite {
    set: RouteSet,
    tests: Vec<Test>,
    files: FileSet,
}

/// How a test went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestResult {
    /// Name of the test.
    pub name: String,
    /// The file that it is in.
    pub file: String,
    /// The line of its name there.
    pub line: usize,
    /// What is not as it was expected; nothing if it passed.
    pub mismatches: Vec<Mismatch>,
    /// What may explain that: a line for each route that could have had a part in it.
    pub notes: Vec<String>,
    /// Which test of the suite it is.
    #[serde(skip)]
    index: usize,
}

/// One thing that is not as it was expected. Both texts may have many lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What differs: `expect`, `error` or `mismatch`.
    pub field: &'static str,
    /// What was expected.
    pub expected: String,
    /// What came, as far as it was expected.
    pub found: String,
}

impl TestResult {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

impl Suite {
    /// Reads and checks route files and the tests in and beside them, given by name and text.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn load(files: impl IntoIterator<Item = (String, String)>) -> Result<Self, Faults> {
        let files: FileSet = files
            .into_iter()
            .filter(|(name, _)| FileSet::takes(name) || FileSet::has_tests_alone(name))
            .collect();
        let of_set = files.iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
        let set = RouteSet::load(of_set);
        let (mut tests, mut faults) = (Vec::new(), Vec::new());
        for (name, text) in files.routes() {
            let (found, wrong) = tests::of_file(name, text, &files);
            tests.extend(found);
            // What is wrong with a route file is told by the set.
            faults.extend(wrong.into_iter().filter(|fault| FileSet::has_tests_alone(&fault.file)));
        }
        match set {
            Ok(set) if faults.is_empty() => Ok(Self { set, tests, files }),
            set => {
                faults.extend(set.err().into_iter().flat_map(|faults| faults.0));
                faults.sort();
                Err(Faults(faults))
            }
        }
    }

    /// The routes.
    pub fn set(&self) -> &RouteSet {
        &self.set
    }

    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Runs the tests whose names are `wanted`, by file and in their order there.
    pub fn run(&self, wanted: impl Fn(&str) -> bool) -> Vec<TestResult> {
        let tests = self.tests.iter().enumerate().filter(|(_, test)| wanted(&test.name));
        tests.map(|(index, test)| self.run_one(index, test)).collect()
    }

    fn run_one(&self, index: usize, test: &Test) -> TestResult {
        let plan = self.set.plan(&test.event, test.at);
        let mismatches: Vec<_> = [of_schema(test, &plan), of_errors(test, &plan), of_commands(test, &plan)]
            .into_iter()
            .flatten()
            .collect();
        let notes = if mismatches.is_empty() { Vec::new() } else { self.notes(test, &plan) };
        TestResult {
            name: test.name.clone(),
            file: test.file.to_string(),
            line: test.span.at.line,
            mismatches,
            notes,
            index,
        }
    }

    /// Why routes did nothing that may have been expected to.
    fn notes(&self, test: &Test, plan: &Plan) -> Vec<String> {
        let nothing = plan.verdicts.is_empty() && plan.mismatch.is_none();
        let explanation = self.set.explain(&test.event, test.at);
        let told = explanation.routes.iter().filter_map(|route| match &route.why {
            Why::Refused { seen, .. } | Why::Failed { seen, .. } => {
                let seen: String = seen.iter().map(|seen| format!("; {seen}")).collect();
                Some(format!("{}: {}{seen}", route.route, route.why))
            }
            Why::NotWanted { token, .. } if nothing && *token > 1 => {
                Some(format!("{}: {}", route.route, route.why))
            }
            _ => None,
        });
        let told: Vec<_> = told.take(10).collect();
        let unheard = |route: &Explained| matches!(route.why, Why::NotWanted { .. });
        if told.is_empty() && nothing && explanation.routes.iter().all(unheard) {
            return vec![format!("no route wants {}", test.event.nats_subject)];
        }
        told
    }

    /// What of the routes the tests whose names are `wanted` have reached.
    pub fn coverage(&self, wanted: impl Fn(&str) -> bool) -> Coverage {
        let events: Vec<(&Event, DateTime<Utc>)> =
            self.tests.iter().filter(|test| wanted(&test.name)).map(|test| (&test.event, test.at)).collect();
        coverage::of(&self.set, &self.files, &events)
    }

    /// The files, by name, in which `expect` says what came; for tests that failed for no other reason. All else in them
    /// stays as it is.
    pub fn updated(&self, results: &[TestResult]) -> Vec<(String, String)> {
        let failed = |result: &&TestResult| {
            !result.passed() && result.mismatches.iter().all(|mismatch| mismatch.field == "expect")
        };
        let tests: Vec<_> =
            results.iter().filter(failed).filter_map(|result| self.tests.get(result.index)).collect();
        let updated = self.files.iter().filter_map(|(name, text)| {
            let tests: Vec<_> = tests.iter().filter(|test| *test.file == *name).collect();
            let tree = yaml::parse(text).ok().filter(|_| !tests.is_empty())?;
            let edits: Vec<_> = tests.into_iter().flat_map(|test| self.edits(text, &tree, test)).collect();
            (!edits.is_empty()).then(|| (name.to_owned(), rewrite::apply(text, edits)))
        });
        updated.collect()
    }

    /// Values where they stand, if that is enough, or else the expectation as a whole.
    fn edits(&self, text: &str, tree: &Node, test: &Test) -> Vec<Edit> {
        let plan = self.set.plan(&test.event, test.at);
        let found = compare::seen_as(test.expect.as_deref().unwrap_or_default(), &plan.commands);
        let tests = tree.entry("tests").map(Node::items).unwrap_or_default();
        let node = tests.iter().find(|node| node.at.byte() == Some(test.place.test));
        let values = node
            .and_then(|node| node.entry("expect"))
            .and_then(|node| leaves::edits(text, node, &Value::Array(found.clone())));
        values.unwrap_or_else(|| rewrite::edit(text, test.place, &found).into_iter().collect())
    }
}

fn of_schema(test: &Test, plan: &Plan) -> Option<Mismatch> {
    let as_expected = match (&test.mismatch, &plan.mismatch) {
        (Some(wanted), Some(found)) => found.contains(wanted),
        (None, found) => found.is_none(),
        (Some(_), None) => false,
    };
    (!as_expected).then(|| Mismatch {
        field: "mismatch",
        expected: test.mismatch.clone().unwrap_or_else(|| "an event of its declared schema".to_owned()),
        found: plan.mismatch.clone().unwrap_or_else(|| "an event of its declared schema".to_owned()),
    })
}

fn of_errors(test: &Test, plan: &Plan) -> Option<Mismatch> {
    let errors: Vec<_> = plan.errors.iter().map(ToString::to_string).collect();
    let as_expected = match &test.error {
        Some(wanted) => errors.iter().any(|error| error.contains(wanted)),
        None => errors.is_empty(),
    };
    let or_none = |text: String| if text.is_empty() { "no route fails".to_owned() } else { text };
    (!as_expected).then(|| Mismatch {
        field: "error",
        expected: or_none(test.error.clone().unwrap_or_default()),
        found: or_none(errors.join("\n")),
    })
}

fn of_commands(test: &Test, plan: &Plan) -> Option<Mismatch> {
    let silent = test.expect.is_none() && (test.error.is_some() || test.mismatch.is_some());
    if silent {
        return None;
    }
    let found = compare::seen_as(test.expect.as_deref().unwrap_or_default(), &plan.commands);
    let as_expected = test.expect.as_ref().is_some_and(|expect| *expect == found);
    (!as_expected).then(|| Mismatch {
        field: "expect",
        expected: match &test.expect {
            Some(expect) => to_yaml(expect),
            None => "# nothing is said yet; `signalbox test --update` writes what comes\n".to_owned(),
        },
        found: to_yaml(&found),
    })
}
