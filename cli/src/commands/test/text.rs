//! Results of tests for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use signalbox_routing::{Coverage, Covered, Mismatch, TestResult};
use similar::{ChangeTag, TextDiff};

use super::Report;
use crate::text::{BOLD, Cell, DIM, line};

/// Lines around a difference that are shown, too.
const AROUND: usize = 4;

/// What failed and why, and a line that sums up.
pub fn report(report: &Report) -> String {
    let mut text = String::new();
    for result in report.results.iter().filter(|result| !result.passed()) {
        failed(&mut text, result);
    }
    if let Some(coverage) = &report.coverage {
        covered(&mut text, coverage);
    }
    for name in &report.updated {
        let _ = writeln!(text, "written: {}", Cell::from(name));
    }
    text + &summary(report)
}

fn failed(text: &mut String, result: &TestResult) {
    let place = format!("{}:{}", result.file, result.line);
    let _ = writeln!(
        text,
        "{} {}  {}",
        Cell::status("failed"),
        Cell::new(BOLD, &result.name),
        Cell::new(DIM, place)
    );
    for mismatch in &result.mismatches {
        match mismatch.field {
            "expect" => difference(text, mismatch),
            _ => {
                let _ = writeln!(text, "    expected  {}", Cell::from(&mismatch.expected));
                for (index, found) in mismatch.found.lines().enumerate() {
                    let what = if index == 0 { "but" } else { "" };
                    let _ = writeln!(text, "    {what:8}  {}", Cell::from(found));
                }
            }
        }
    }
    for note in &result.notes {
        let _ = writeln!(text, "    {DIM}→{DIM:#} {}", Cell::from(note));
    }
    text.push('\n');
}

/// What was expected and did not come, in red; what came instead, in green.
fn difference(text: &mut String, mismatch: &Mismatch) {
    let diff = TextDiff::from_lines(&mismatch.expected, &mismatch.found);
    for (index, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "      {DIM}…{DIM:#}");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let _ =
                writeln!(text, "    {style}{sign} {style:#}{}", Cell::new(style, change.value().trim_end()));
        }
    }
}

fn covered(text: &mut String, coverage: &Coverage) {
    let width = coverage.routes.iter().map(|route| route.route.chars().count()).max().unwrap_or(0);
    for route in &coverage.routes {
        let (colour, word) = match route.taken() {
            taken if taken == route.ways => (AnsiColor::Green, "all"),
            0 => (AnsiColor::Red, "none"),
            _ => (AnsiColor::Yellow, "part"),
        };
        let ways = format!("{} of {}", route.taken(), route.ways);
        let cells = [
            Cell::new(colour.on_default(), word),
            (&route.route).into(),
            ways.into(),
            Cell::new(DIM, &route.file),
        ];
        let _ = writeln!(text, "{}", line(&cells, &["none".len(), width, 8, 0]));
        missed(text, route);
    }
    text.push('\n');
}

fn missed(text: &mut String, route: &Covered) {
    for missed in &route.missed {
        let _ = writeln!(text, "{:6}{DIM}{:>4}{DIM:#}  {}", "", missed.line, Cell::from(&missed.what));
    }
}

fn summary(report: &Report) -> String {
    let (tests, failed) = (report.results.len(), report.failed());
    let of = format!("{} of {}", counted(tests, "test"), counted(report.routes, "route"));
    let mut text = match failed {
        0 => format!("{} {of}", Cell::status("ok")),
        some => format!("{} {some} of {of}", Cell::status("failed")),
    };
    if let Some(coverage) = &report.coverage {
        let _ = write!(text, ", {:.1}% covered", coverage.percent());
    }
    if let Some(least) = report.too_little {
        let _ = write!(text, "\n{} less than {least}% is covered", Cell::status("failed"));
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
