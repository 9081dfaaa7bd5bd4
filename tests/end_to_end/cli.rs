//! The commands of a user, as a user and as a script types them.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use signalbox_servers::Binary;
use signalbox_testkit::{Stack, binary};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{SIGNALBOX, SOON, shared, unique};

/// The command line, against one stack and nothing else that is set where the tests run.
#[derive(Clone)]
pub struct Cli(Vec<(String, String)>);

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Told {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that goes on until it is told to end.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Cli {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn to(stack: &Stack) -> Self {
        Self::new()
            .with("SIGNALBOX_API", stack.api.url(""))
            .with("NATS_URL", stack.nats.url())
            .with("TEMPORAL_ADDRESS", stack.temporal.address())
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// A program that runs as one of this stack.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let kept = ["PATH", "HOME", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
        command.env_clear().envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
        command
            .envs(self.0.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, args: &[&str]) -> Told {
        told(self.program(SIGNALBOX).args(args)).await
    }

    /// Runs it with something on its standard input.
    pub async fn run_with(&self, args: &[&str], input: &[u8]) -> Told {
        let mut command = self.program(SIGNALBOX);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        Told::of(&output)
    }

    /// Expects it to succeed with one JSON document.
    pub async fn json(&self, args: &[&str]) -> Value {
        let told = self.run(&[args, &["--json"]].concat()).await;
        assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{args:?}: {told:?}");
        told.json()
    }

    /// Starts it, to be read line by line.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self.program(SIGNALBOX).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }
}

impl Told {
    fn of(output: &std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard error as the JSON of a failure.
    pub fn error(&self) -> Value {
        let mut error: Value = serde_json::from_str(&self.stderr).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert_eq!(
            (error["error"]["exit_code"].as_i64(), self.stdout.as_str()),
            (Some(self.code.into()), "")
        );
        error["error"].take()
    }
}

impl Running {
    pub async fn line(&mut self) -> Option<String> {
        timeout(SOON, self.lines.next_line()).await.expect("says nothing").unwrap()
    }

    pub async fn json_line(&mut self) -> Value {
        serde_json::from_str(&self.line().await.expect("ended")).unwrap()
    }

    pub async fn ended(mut self) -> i32 {
        timeout(SOON, self.child.wait()).await.expect("does not end").unwrap().code().unwrap_or(-1)
    }
}

pub async fn told(command: &mut Command) -> Told {
    Told::of(&timeout(Duration::from_secs(120), command.output()).await.expect("does not end").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_asked_stopped_and_read() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli"));
    let started = cli.json(&["trigger", id, "--name", "Typed"]).await;
    assert_eq!((&started["workflow_id"], &started["status"]), (&json!(id), &json!("started")));
    let sent = cli.json(&["signal", id, "two", "words"]).await;
    assert_eq!((&sent["signal"], &sent["message"]), (&json!("sent"), &json!("two words")));
    assert_eq!(cli.json(&["query", id]).await["messages"], json!(["two words"]));
    assert_eq!(cli.json(&["query", id, "progress"]).await["task"], "Typed");
    let described = cli.json(&["describe", id]).await;
    assert_eq!((&described["status"], &described["run_id"]), (&json!("running"), &started["run_id"]));
    assert_eq!(described["search_attributes"]["SignalboxTrigger"], "cli");

    let waited = cli.run(&["result", id, "--timeout", "100ms", "--json"]).await;
    assert_eq!((waited.code, waited.json()["status"].as_str()), (4, Some("running")));
    assert_eq!(cli.json(&["stop", id]).await["signal"], "stop sent");
    let result = cli.json(&["result", id]).await;
    assert_eq!((&result["task"], &result["messages"]), (&json!("Typed"), &json!(["two words"])));
    assert_eq!(
        cli.json(&["events", "show", started["event_id"].as_str().unwrap()]).await["outcomes"][0]["result"],
        "started"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_lines_without_colours_in_a_pipe() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-people"));
    let started = cli.run(&["trigger", id]).await;
    let lines: Vec<_> = started.stdout.lines().collect();
    assert_eq!((started.code, lines[0]), (0, format!("started {id}").as_str()));
    assert!(lines[1].starts_with("  run    ") && lines[2].starts_with("  event  "), "{lines:?}");
    let coloured = Cli::to(&stack).with("CLICOLOR_FORCE", "1").run(&["describe", id]).await;
    assert!(coloured.stdout.contains("\x1b[32mrunning\x1b[0m"), "{coloured:?}");
    let plain =
        Cli::to(&stack).with("CLICOLOR_FORCE", "1").with("NO_COLOR", "1").run(&["describe", id]).await;
    assert!(plain.stdout.starts_with(&format!("running {id}\n")), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_its_key_is_made_once() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-once"));
    let call = ["trigger", id, "--idempotency-key", id];
    let (first, again) = (cli.json(&call).await, cli.json(&call).await);
    assert_eq!((&first["run_id"], &first["event_id"]), (&again["run_id"], &json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_failures_apart() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-codes"));
    assert_eq!(cli.run(&["trigger", id]).await.code, 0);

    let refused = cli.run(&["trigger", id, "--json"]).await;
    assert_eq!(refused.code, 3);
    let error = refused.error();
    assert_eq!((&error["code"], &error["repeat"]), (&json!("workflow-running"), &json!("later")));

    for line in [
        &["signal", "nobody", "hi"][..],
        &["stop", "nobody"],
        &["result", "nobody"],
        &["query", "nobody"],
        &["describe", "nobody"],
        &["events", "show", "nothing"],
    ] {
        let missing = cli.run(line).await;
        assert_eq!((missing.code, missing.stdout.as_str()), (2, ""), "{line:?}: {missing:?}");
        assert!(
            missing.stderr.starts_with("error: ") && missing.stderr.contains("no"),
            "{line:?}: {missing:?}"
        );
    }
    assert_eq!(cli.run(&["query", id, "no-such-query"]).await.code, 3);
    for line in [
        &["trigger"][..],
        &["trigger", ""],
        &["signal", id],
        &["result", id, "--timeout", "soon"],
        &["trigger", id, "--api", "ftp://x"],
    ] {
        let wrong = cli.run(line).await;
        assert_eq!((wrong.code, wrong.stdout.as_str()), (64, ""), "{line:?}: {wrong:?}");
    }

    terminate(&stack, id).await;
    let failed = cli.run(&["result", id, "--json"]).await;
    assert_eq!(failed.code, 1);
    assert_eq!(failed.error()["code"], "workflow-without-result");
}

async fn terminate(stack: &Stack, workflow_id: &str) {
    let mut temporal = Command::new(binary(Binary::Temporal).unwrap());
    let address = stack.temporal.address();
    temporal.args(["workflow", "terminate", "--workflow-id", workflow_id, "--address", &address]);
    let told = told(&mut temporal).await;
    assert_eq!(told.code, 0, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_is_named_with_what_to_do() {
    let (stack, _) = shared().await;
    let nowhere = "http://127.0.0.1:1";
    let cli = Cli::to(&stack).with("SIGNALBOX_API", nowhere).with("NATS_URL", "nats://me:hush@127.0.0.1:1");
    let away = cli.run(&["trigger", "x"]).await;
    assert_eq!((away.code, away.stdout.as_str()), (5, ""));
    assert!(
        away.stderr.contains(nowhere) && away.stderr.contains("tip: is `signalbox up` running?"),
        "{away:?}"
    );
    let error = cli.run(&["schedule", "list", "--json"]).await.error();
    assert!(error["tip"].as_str().unwrap().contains("--api"), "{error}");
    for line in [&["publish", "events.x"][..], &["events"]] {
        let away = cli.run(line).await;
        assert_eq!(away.code, 5, "{line:?}: {away:?}");
        assert!(away.stderr.contains("--nats-url") && !away.stderr.contains("hush"), "{away:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_not_taken_for_the_api() {
    let (stack, _) = shared().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let cli = Cli::to(&stack).with("SIGNALBOX_API", &url);
    let answered = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
        stream.write_all(page.as_bytes()).await.unwrap();
        stream
    };
    let (told, _stream) = tokio::join!(cli.run(&["describe", "x"]), answered);
    assert_eq!(told.code, 5, "{told:?}");
    assert!(told.stderr.contains("not as the API of Signalbox does"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_is_told_when_it_changes_and_ends_with_its_end() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-watch"));
    cli.json(&["trigger", id]).await;
    let mut watched = cli.start(&["query", id, "--watch", "--interval", "100ms", "--json"]);
    assert_eq!(watched.json_line().await["messages"], json!([]));
    cli.json(&["signal", id, "hi"]).await;
    assert_eq!(watched.json_line().await["messages"], json!(["hi"]));
    let mut described = cli.start(&["describe", id, "--watch", "--interval", "100ms", "--json"]);
    assert_eq!(described.json_line().await["status"], "running");
    cli.json(&["stop", id]).await;
    let mut last = Value::Null;
    while let Some(line) = described.line().await {
        last = serde_json::from_str(&line).unwrap();
    }
    assert_eq!((&last["status"], described.ended().await), (&json!("completed"), 0));
    while watched.line().await.is_some() {}
    assert_eq!(watched.ended().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let (stack, _) = shared().await;
    let (cli, subject) = (Cli::to(&stack), format!("events.cli.{}", unique("pipe")));
    cli.json(&["publish", &subject]).await;
    let mut watched = cli.start(&["events", "--watch", "--since", "1m", "--subject", &subject, "--json"]);
    watched.json_line().await;
    let Running { child, lines } = watched;
    drop(lines);
    cli.json(&["publish", &subject]).await;
    let output = timeout(SOON, child.wait_with_output()).await.expect("goes on").unwrap();
    assert_eq!(output.status.code(), Some(0));
}
