//! What a process writes: this test's own program, started again to log.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

use clap::Parser;
use serde_json::Value;
use signalbox_telemetry::{InitError, LogOptions, init};

const FLAGS: &str = "FLAGS_OF_THE_PROCESS_UNDER_TEST";

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    logs: LogOptions,
}

/// The process. Without its variable it is not one, and there is nothing to test.
#[test]
fn process() {
    let Ok(flags) = std::env::var(FLAGS) else { return };
    let options = Flags::parse_from(["x"].into_iter().chain(flags.split_whitespace())).logs;
    println!();
    init("worker", &options).unwrap();
    assert!(matches!(init("worker", &options), Err(InitError::AlreadySet(_))));
    tracing::debug!("quiet");
    tracing::info!(target: "async_nats", "talkative");
    tracing::info!(condition = "nats", "loud");
    std::process::exit(0);
}

fn logged(flags: &str) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process", "--nocapture"])
        .env(FLAGS, flags)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| line.contains("quiet") || line.contains("loud") || line.contains("talkative"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn without_a_terminal_lines_are_json() {
    let lines = logged("");
    let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["service"], "worker");
    assert_eq!(line["message"], "loud");
    assert_eq!(line["condition"], "nats");
}

#[test]
fn text_has_no_colours_without_a_terminal() {
    let lines = logged("--log-format text --log debug");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("DEBUG") && lines[0].contains("quiet"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{lines:?}");
}
