//! Results of tests for CI.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use signalbox_routing::TestResult;

use super::Report;
use crate::exit::Exit;
use crate::failure::Failure;

/// A JUnit report: a suite for each file.
///
/// # Errors
/// When it cannot be written as XML.
pub fn report(report: &Report) -> Result<String, Failure> {
    let mut whole = quick_junit::Report::new("signalbox test");
    for results in report.results.chunk_by(|left, right| left.file == right.file) {
        let mut suite = TestSuite::new(results.first().map_or("", |result| &result.file));
        suite.add_test_cases(results.iter().map(case));
        whole.add_test_suite(suite);
    }
    whole.to_string().map_err(|error| Failure::other(Exit::Failed, format!("no JUnit report: {error}")))
}

fn case(result: &TestResult) -> TestCase {
    let status = if result.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        let told = result.mismatches.iter().map(|mismatch| {
            format!(
                "{}: expected\n{}\nbut\n{}",
                mismatch.field,
                mismatch.expected.trim(),
                mismatch.found.trim()
            )
        });
        let told: Vec<_> = told.chain(result.notes.iter().cloned()).collect();
        status.set_message(format!("{}:{}", result.file, result.line)).set_description(told.join("\n"));
        status
    };
    let mut case = TestCase::new(result.name.as_str(), status);
    case.set_classname(result.file.as_str());
    case
}
