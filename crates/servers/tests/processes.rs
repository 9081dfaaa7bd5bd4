//! Owned child processes: their lines, their end, and what ties them to their launcher.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signalbox_servers::{Error, Launch, Process, Wrapper};

fn shell(script: &str) -> Launch {
    Launch::new("shell", "/bin/sh").args(["-c", script])
}

#[tokio::test]
async fn both_outputs_arrive_line_by_line() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = {
        let seen = Arc::clone(&seen);
        Arc::new(move |line: &str| seen.lock().unwrap().push(line.to_owned()))
    };
    let launch = Launch { log: Some(sink), ..shell("echo out; echo err >&2; exit 3") };
    let mut process = Process::spawn(launch).unwrap();
    assert_eq!(process.ended().await.unwrap().code(), Some(3));
    assert_eq!(process.last_lines(), ["out", "err"]);
    assert_eq!(*seen.lock().unwrap(), ["out", "err"]);
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed_after_the_grace() {
    let mut process =
        Process::spawn(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")).unwrap();
    while process.last_lines().is_empty() {
        tokio::task::yield_now().await;
    }
    let status = process.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(!process.is_running());
}

#[tokio::test]
async fn waiting_for_the_end_may_be_cancelled() {
    let mut process = Process::spawn(Launch::new("sleep", "sleep").args(["100"])).unwrap();
    tokio::time::timeout(Duration::from_millis(20), process.ended()).await.unwrap_err();
    assert!(process.is_running());
    process.terminate().unwrap();
    assert!(!process.ended().await.unwrap().success());
    process.terminate().unwrap(); // no harm after the end
}

#[tokio::test]
async fn a_wrapper_stands_in_front() {
    let wrapper = Wrapper { program: "/usr/bin/env".into(), args: vec!["WRAPPED=yes".into()] };
    let launch = Launch { wrapper: Some(wrapper), ..shell("echo $WRAPPED $OTHER") };
    let launch = Launch { env: vec![("OTHER".into(), "too".into())], ..launch };
    let mut process = Process::spawn(launch).unwrap();
    process.ended().await.unwrap();
    assert_eq!(process.last_lines(), ["yes too"]);
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Process::spawn(Launch::new("gone", "/no/such/program")).unwrap_err();
    assert!(matches!(&error, Error::Spawn { .. }));
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}
