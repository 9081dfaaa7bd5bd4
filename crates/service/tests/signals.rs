//! Signals, sent to a real process: this test's own program, started again as a service.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signalbox_service::{OnEnd, Process};

const ROLE: &str = "SERVICE_UNDER_TEST";

/// The service. Without its variable it is not one, and there is nothing to test.
#[tokio::test]
async fn service() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let process = Process::new("test");
    process.stop_on_signals().unwrap();
    let stop = process.stop.clone();
    process.tasks.spawn("work", OnEnd::StopService, async move {
        println!("\nstarted");
        stop.cancelled().await;
        println!("\nstopping");
        if role == "stuck" { std::future::pending().await } else { Ok(()) }
    });
    let ended = process.run_until_stopped(Duration::from_secs(60)).await;
    std::process::exit(if ended.is_ok() { 0 } else { 1 });
}

struct Service {
    child: Child,
    output: std::io::Lines<BufReader<ChildStdout>>,
}

impl Service {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "service", "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, output }
    }

    fn wait_for(&mut self, line: &str) {
        assert!(self.output.any(|read| read.unwrap() == line), "the service never said `{line}`");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn either_signal_stops_the_service_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut service = Service::start("good");
        service.wait_for("started");
        service.send(signal);
        service.wait_for("stopping");
        assert_eq!(service.exit_code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_second_signal_exits_at_once() {
    let mut service = Service::start("stuck");
    service.wait_for("started");
    service.send(Signal::TERM);
    service.wait_for("stopping");
    service.send(Signal::INT);
    assert_eq!(service.exit_code(), Some(130));
}
