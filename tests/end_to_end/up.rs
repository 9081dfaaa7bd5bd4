//! `signalbox up` as a user runs it: one command, every part a process, and none left behind.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::json;
use signalbox_servers::{Binary, Launch, Process, is_free};
use signalbox_testkit::{Api, Relative, binary, descendants, eventually, interrupt, isolated, root};
use tokio::net::TcpStream;

use crate::{SIGNALBOX, SOON, expect, unique};

/// What a debug build on a busy machine may need until everything is up, or down.
const PATIENCE: Duration = Duration::from_secs(90);

const FLAGS: [&str; 7] = [
    "--api-port",
    "--nats-port",
    "--temporal-port",
    "--temporal-ui-port",
    "--router-port",
    "--scheduler-port",
    "--worker-port",
];
const PARTS: [&str; 6] = ["ingress", "nats", "scheduler-manager", "signal-router", "temporal", "worker"];

/// One port for each of [`FLAGS`].
pub type Ports = [u16; 7];

/// Free ports below those that a system gives to outgoing connections: nobody gets one by chance before it is used.
pub fn ports() -> Ports {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    std::array::from_fn(|_| {
        let mut next = std::iter::repeat_with(|| first + TAKEN.fetch_add(1, Ordering::Relaxed));
        next.find(|port| is_free(*port)).unwrap()
    })
}

/// A running `signalbox up`.
pub struct Up {
    pub launcher: Process,
    ports: Ports,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Up {
    /// Starts it with its data in `data`, and what else the test says.
    fn start(ports: Ports, data: &Path, more: &[&str]) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut launch = Launch::new("up", SIGNALBOX).args(["up", "--data-dir"]).args([data]).args(more);
        if !more.contains(&"--jaeger") {
            launch = launch.args(["--without", "jaeger"]); // which may be on PATH, or not
        }
        for (flag, port) in FLAGS.iter().zip(ports) {
            launch = launch.args([flag.to_string(), port.to_string()]);
        }
        launch = launch.args(["--routes".into(), root().join("routes")]);
        launch = launch.args(["--nats-server".into(), binary(Binary::NatsServer).unwrap()]);
        launch = launch.args(["--temporal".into(), binary(Binary::Temporal).unwrap()]);
        // What is ephemeral goes into a folder that the test can look into.
        launch.env = vec![("TMPDIR".into(), data.parent().unwrap().into())];
        let sink = Arc::clone(&lines);
        let show = std::env::var_os("SIGNALBOX_TEST_SHOW").is_some();
        launch.log = Some(Arc::new(move |line: &str| {
            if show {
                eprintln!("{line}");
            }
            sink.lock().unwrap().push(line.to_owned());
        }));
        Self { launcher: Process::spawn(isolated(launch)).unwrap(), ports, lines }
    }

    /// Starts it and waits for the table.
    pub async fn running(ports: Ports, data: &Path, more: &[&str]) -> Self {
        let up = Self::start(ports, data, more);
        eventually(PATIENCE, async || {
            let output = up.output();
            ensure!(output.contains("Ctrl-C stops everything."), "{output}");
            Ok(())
        })
        .await;
        up
    }

    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    pub fn api(&self) -> Api {
        Api::new(format!("http://127.0.0.1:{}", self.ports[0]))
    }

    /// The name of each process below the launcher, in order, with the process.
    fn family(&self) -> Vec<(&'static str, Relative)> {
        let mut family: Vec<_> =
            descendants(self.launcher.id()).into_iter().map(|relative| (part(&relative), relative)).collect();
        family.sort_by_key(|(name, _)| *name);
        family
    }

    fn names(&self) -> Vec<&'static str> {
        self.family().into_iter().map(|(name, _)| name).collect()
    }

    /// SIGINT to the launcher alone; tells how it ended, after its end.
    pub async fn interrupted(mut self) -> Option<i32> {
        let family = self.family();
        interrupt(self.launcher.id()).unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.launcher.ended()).await;
        let code = ended.unwrap_or_else(|_| panic!("does not stop:\n{}", self.output())).unwrap().code();
        let left: Vec<_> = family.iter().filter(|(_, relative)| relative.runs()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        code
    }
}

/// Which part a process is, from its command line; `?` while it is not one yet.
fn part(relative: &Relative) -> &'static str {
    let words: Vec<_> = relative.command.split(' ').collect();
    let name = match words[..] {
        [_, "serve", name, ..] => name,
        [program, ..] if program.ends_with("/nats-server") => "nats",
        [program, "server", ..] if program.ends_with("/temporal") => "temporal",
        _ => "?",
    };
    PARTS.into_iter().find(|part| *part == name).unwrap_or("?")
}

/// A folder for a test, and in it one that is not there yet.
pub fn folders() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    (folder, data)
}

/// Starts a workflow, stops it and gives its result.
async fn live(api: &Api, id: &str) -> serde_json::Value {
    let started = api.post(&format!("/trigger-workflow/{id}?name=Up")).await.unwrap();
    expect(&started, 200);
    assert_eq!(started.text("status"), "started");
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    result(api, id).await
}

async fn result(api: &Api, id: &str) -> serde_json::Value {
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);
    assert_eq!((result.text("task"), &result.body["messages"]), ("Up", &json!([])));
    result.body
}

#[tokio::test(flavor = "multi_thread")]
async fn comes_up_says_where_all_is_and_leaves_nothing_behind() {
    let (_folder, data) = folders();
    let up = Up::running(ports(), &data, &[]).await;
    let family = up.family();
    assert_eq!(up.names(), PARTS);
    let temporal = family.iter().find(|(name, _)| *name == "temporal").unwrap().1.nice;
    let equal: Vec<_> =
        family.iter().filter(|(_, other)| other.nice <= temporal).map(|(name, _)| *name).collect();
    assert_eq!(equal, ["temporal"], "the others yield to it");

    let [api, nats, temporal, ui, ..] = up.ports;
    let output = up.output();
    for (what, address) in [
        ("API", format!("http://localhost:{api}")),
        ("API documentation", format!("http://localhost:{api}/docs")),
        ("Temporal UI", format!("http://localhost:{ui}")),
        ("Temporal gRPC", format!("localhost:{temporal}")),
        ("NATS", format!("nats://localhost:{nats}")),
    ] {
        let row = output.lines().find_map(|line| line.trim().strip_prefix(what)?.strip_prefix("  "));
        assert_eq!(row.map(str::trim), Some(address.as_str()), "{what}:\n{output}");
    }
    live(&up.api(), "hello").await;
    expect(&up.api().get("/docs").await.unwrap(), 200);
    expect(&Api::new(format!("http://localhost:{ui}")).get("/").await.unwrap(), 200);
    for port in [nats, temporal] {
        TcpStream::connect(("localhost", port)).await.unwrap();
    }
    let lines = Arc::clone(&up.lines);
    assert_eq!(up.interrupted().await, Some(0));
    every_line_is_named(&lines.lock().unwrap());
}

/// All but the table is log, and each line of that begins with the part that wrote it.
fn every_line_is_named(lines: &[String]) {
    let first = lines.iter().position(|line| line == "Signalbox is up.").unwrap();
    let last = lines.iter().position(|line| line.ends_with("Ctrl-C stops everything.")).unwrap();
    let log = lines.iter().enumerate().filter(|(n, line)| (*n < first || *n > last) && !line.is_empty());
    let mut seen: Vec<_> = log
        .map(|(_, line)| {
            let (name, _) = line.split_once(" |").unwrap_or_else(|| panic!("without a name: {line}"));
            let name = name.trim();
            assert!(name == "up" || PARTS.contains(&name), "not a part: {line}");
            name
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    for name in ["ingress", "scheduler-manager", "signal-router", "up", "worker"] {
        assert!(seen.contains(&name), "{name} says nothing: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_leaves_nothing_behind_either() {
    let (_folder, data) = folders();
    let mut up = Up::running(ports(), &data, &[]).await;
    let family = up.family();
    assert_eq!(family.len(), PARTS.len());
    up.launcher.kill().unwrap();
    eventually(SOON, async || {
        let left: Vec<_> = family.iter().filter(|(_, relative)| relative.runs()).collect();
        ensure!(left.is_empty(), "left behind: {left:?}");
        Ok(())
    })
    .await;
    let in_use: Vec<_> = up.ports.into_iter().zip(FLAGS).filter(|(port, _)| !is_free(*port)).collect();
    assert!(in_use.is_empty(), "{in_use:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_taken_ports_are_named_with_their_flags() {
    let (_folder, data) = folders();
    let ports = ports();
    let taken = [0, 3].map(|n| (FLAGS[n], std::net::TcpListener::bind(("127.0.0.1", ports[n])).unwrap()));
    let mut up = Up::start(ports, &data, &[]);
    let ended = tokio::time::timeout(SOON, up.launcher.ended()).await.unwrap().unwrap();
    let output = up.output();
    assert_eq!(ended.code(), Some(1), "{output}");
    for (flag, listener) in &taken {
        let port = listener.local_addr().unwrap().port().to_string();
        assert!(
            output.lines().any(|line| line.contains(flag) && line.contains(&port)),
            "{flag} {port}: {output}"
        );
    }
    let named = FLAGS.iter().filter(|flag| output.contains(&format!("{flag} ")));
    assert_eq!(named.count(), taken.len(), "{output}");
    assert!(!output.contains("starting") && !data.exists(), "something was started: {output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_can_be_left_out() {
    let (_folder, data) = folders();
    let up = Up::running(ports(), &data, &["--without", "worker"]).await;
    let others: Vec<_> = PARTS.into_iter().filter(|part| *part != "worker").collect();
    assert_eq!(up.names(), others);
    let output = up.output();
    let table = output.split_once("Signalbox is up.").unwrap().1.split_once("Ctrl-C").unwrap().0;
    for (what, present) in [("API", true), ("signal-router metrics", true), ("worker", false)] {
        assert_eq!(table.contains(what), present, "{what}: {output}");
    }
    let worker = up.ports[6];
    assert!(is_free(worker));
    // Temporal takes the workflow; nobody works on it yet.
    expect(&up.api().post("/trigger-workflow/waits").await.unwrap(), 200);
    let state = up.api().get("/workflows/waits").await.unwrap();
    assert_eq!((state.status, state.text("status")), (200, "running"), "{}", state.body);
    assert_eq!(up.interrupted().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_out_something_unknown_is_told_what_there_is() {
    let (_folder, data) = folders();
    let mut up = Up::start(ports(), &data, &["--without", "wroker"]);
    let ended = tokio::time::timeout(SOON, up.launcher.ended()).await.unwrap().unwrap();
    let output = up.output();
    assert_eq!(ended.code(), Some(64), "{output}");
    assert!(output.contains("--without") && output.contains("wroker"), "{output}");
    let possible = output.lines().find(|line| line.contains("possible values")).context("no list").unwrap();
    assert!(PARTS.into_iter().all(|part| possible.contains(part)), "{possible}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survive_a_restart() {
    let (_folder, data) = folders();
    let ports = ports();
    let up = Up::running(ports, &data, &[]).await;
    let before = live(&up.api(), "hello").await;
    expect(&up.api().post("/schedule-workflow/new-year?cron=0%200%201%201%20*").await.unwrap(), 200);
    assert_eq!(up.interrupted().await, Some(0));

    let up = Up::running(ports, &data, &[]).await;
    assert_eq!(result(&up.api(), "hello").await, before);
    let schedule = up.api().get("/schedule-workflow/new-year").await.unwrap();
    expect(&schedule, 200);
    assert_eq!(schedule.text("cron"), "0 0 1 1 *");
    assert_eq!(live(&up.api(), "again").await["task"], "Up");
    assert_eq!(up.interrupted().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ephemeral_is_not_kept() {
    let (folder, data) = folders();
    let up = Up::running(ports(), &data, &["--ephemeral"]).await;
    live(&up.api(), "hello").await;
    assert!(!data.exists());
    assert_eq!(up.interrupted().await, Some(0));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_part_comes_back_by_itself() {
    let (_folder, data) = folders();
    let up = Up::running(ports(), &data, &[]).await;
    for victim in ["signal-router", "ingress", "nats"] {
        let family = up.family();
        let (_, old) = family.iter().find(|(name, _)| *name == victim).unwrap();
        old.kill().unwrap();
        eventually(PATIENCE, async || {
            let names = up.names();
            ensure!(!old.runs() && names == PARTS, "{victim} is not back: {names:?}");
            let answer = up.api().post(&format!("/trigger-workflow/{}", unique(victim))).await?;
            ensure!(answer.status == 200, "after {victim}: {}", answer.body);
            Ok(())
        })
        .await;
        let told = format!("{victim} ended unexpectedly");
        assert!(up.output().contains(&told), "{told}");
        live(&up.api(), &unique(&format!("after-{victim}"))).await;
    }
    assert_eq!(up.interrupted().await, Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_tied_program_has_slow_timers_where_that_is_said() {
    let launcher = std::process::id().to_string();
    let slack = async |flags: &[&str]| {
        let program = [launcher.as_str(), "--", "cat", "/proc/self/timerslack_ns"];
        let told = crate::cli::Cli::new().run(&[&["tied-to-launcher"], flags, &program].concat()).await;
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        told.stdout.trim().parse::<u64>().unwrap()
    };
    assert_eq!(slack(&["--timer-slack"]).await, 1_000_000);
    assert!(slack(&[]).await < 1_000_000);
}
