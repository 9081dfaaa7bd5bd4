//! Publishers in other languages, each with that language's ordinary NATS client, as `examples/publishers` has them.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, ensure};
use async_nats::{HeaderMap, Subscriber, jetstream};
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use signalbox_proto::{
    Message,
    v1::{Outcome, OutcomeKind},
};
use signalbox_testkit::{Api, SpanKind, Stack, eventually, python, root};

use crate::{
    SOON, described, expect,
    traces::{Traced, traced, way_to},
    unique,
};

const README: &str = include_str!("../../examples/publishers/README.md");
const FORMS: [&str; 5] = ["binary", "structured", "bare", "traced", "wait"];

#[tokio::test(flavor = "multi_thread")]
async fn python_publishes() {
    let folder = examples().join("python");
    let requirements = folder.join("requirements.txt");
    let python = blocking(move || python(&requirements)).await.unwrap();
    publishes(&Publisher { language: "Python", typed: "python3 publish.py", program: python, folder }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_publishes() {
    if there("node") && there("npm") {
        let folder = blocking(node_project).await.unwrap();
        publishes(&Publisher {
            language: "JavaScript",
            typed: "node publish.js",
            program: "node".into(),
            folder,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go_publishes() {
    if there("go") {
        let folder = examples().join("go");
        publishes(&Publisher { language: "Go", typed: "go run .", program: "go".into(), folder }).await;
    }
}

/// One example, ready to run.
struct Publisher {
    language: &'static str,
    /// The command as README has it, without its arguments.
    typed: &'static str,
    /// What to run as its first word.
    program: PathBuf,
    folder: PathBuf,
}

impl Publisher {
    /// Types the line of README with another workflow id at its end; tells what was printed.
    async fn run(&self, traced: &Traced, form: &str, workflow_id: &str) -> String {
        let line = README.lines().find(|line| line.starts_with(self.typed)).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, script @ .., "all", _] = words.as_slice() else { panic!("{line}") };
        let mut command = Command::new(&self.program);
        command
            .args(script)
            .args([form, workflow_id])
            .current_dir(&self.folder)
            .env("NATS_URL", traced.stack.nats.url())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", traced.collector.url());
        blocking(move || run(&mut command)).await.unwrap()
    }
}

async fn publishes(publisher: &Publisher) {
    let (traced, api) = traced().await;
    let mut ledger = traced.stack.nats_client().await.unwrap().subscribe("outcomes.>").await.unwrap();
    let id = unique(publisher.language);
    let printed = publisher.run(&traced, "all", &id).await;

    // Five messages end the workflow: one from each form, in order, and none of them twice.
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);
    let messages = FORMS.map(|form| format!("{form} → {}", publisher.language));
    assert_eq!(result.body["messages"], json!(messages), "{printed}");
    let run = described(&api, &id).await;
    assert_eq!(run["search_attributes"]["SignalboxTrigger"], "event");

    let events = published(&printed);
    for form in FORMS {
        is_known(&api, &events[form].id, &id).await;
    }
    is_stored_in_its_form(&traced.stack, &events).await;
    assert!(printed.contains(&format!("{}, which was there already", events["bare"].line)), "{printed}");

    let traceparent = word_after(&printed, "traced: ");
    let outcome = signalled(&mut ledger, &events["traced"].id).await;
    assert_eq!(outcome.trace.unwrap().traceparent[..36], traceparent[..36]);
    is_one_trace(&traced, traceparent).await;

    let run_id = run["run_id"].as_str().unwrap();
    assert!(printed.contains("wait: OUTCOME_KIND_MATCHED"), "{printed}");
    assert!(printed.contains(&format!("wait: OUTCOME_KIND_SIGNALLED {id} {run_id}")), "{printed}");

    // One form alone, too.
    let alone = unique(publisher.language);
    let printed = publisher.run(&traced, "bare", &alone).await;
    assert_eq!(published(&printed).into_keys().collect::<Vec<_>>(), ["bare"]);
    described(&api, &alone).await;
}

/// From the publisher's own span to what the workflow does, and nothing in between is missing.
async fn is_one_trace(traced: &Traced, traceparent: &str) {
    let services = ["publisher", "signal-router", "io.temporal.frontend", "io.temporal.history", "worker"];
    let trace = traced.whole(&traceparent[3..35], "HandleSignal:add_message", &services).await;
    let expected = [
        "publish events.>",
        "match events.>",
        "publish commands.*",
        "apply commands.*",
        "SignalWithStartWorkflow:CronWorkflow",
        "HandleSignal:add_message",
    ];
    assert_eq!(way_to(&trace, "HandleSignal:add_message"), expected, "{trace:?}");
    let roots: Vec<_> = trace.roots().collect();
    let [root] = roots[..] else { panic!("{trace:?}") };
    assert_eq!(
        (&*root.service, root.kind, &*root.id),
        ("publisher", SpanKind::Producer, &traceparent[36..52])
    );
}

/// An event as its publisher tells of it.
struct Published {
    id: String,
    sequence: u64,
    line: String,
}

/// Reads `bare: event <id> is message <sequence> of EVENTS`.
fn published(printed: &str) -> HashMap<String, Published> {
    let read = |line: &str| {
        let (form, told) = line.split_once(": event ")?;
        let (id, told) = told.split_once(" is message ")?;
        let sequence = told.split_once(" of EVENTS")?.0.parse().ok()?;
        Some((form.to_owned(), Published { id: id.to_owned(), sequence, line: line.to_owned() }))
    };
    // The first of a form, which is not the one that was there already.
    printed.lines().rev().filter_map(read).collect()
}

fn word_after<'a>(printed: &'a str, prefix: &str) -> &'a str {
    printed.lines().find_map(|line| line.strip_prefix(prefix)).unwrap()
}

async fn is_known(api: &Api, event_id: &str, workflow_id: &str) {
    let known = eventually(SOON, async || {
        let answer = api.get(&format!("/events/{event_id}")).await?;
        let results = answer.body["outcomes"].as_array().cloned().unwrap_or_default();
        ensure!(results.len() == 2, "{}", answer.body);
        Ok(results)
    })
    .await;
    let told = |result: &str| known.iter().find(|outcome| outcome["result"] == result);
    assert!(told("matched").is_some(), "{known:?}");
    assert_eq!(told("signalled").unwrap()["workflow_id"], workflow_id);
}

/// What distinguishes the forms is what lies in the stream.
async fn is_stored_in_its_form(stack: &Stack, events: &HashMap<String, Published>) {
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let log = jetstream.get_stream("EVENTS").await.unwrap();
    for (form, event) in events {
        let stored = log.get_raw_message(event.sequence).await.unwrap();
        let has = |name: &str| header(&stored.headers, name);
        assert_eq!(has("Nats-Msg-Id"), Some(event.id.as_str()), "{form}");
        let binary = (form == "binary").then_some(event.id.as_str());
        assert_eq!(has("ce-id"), binary, "{form}");
        let structured = has("content-type") == Some("application/cloudevents+json");
        assert_eq!(structured, form == "structured");
        assert_eq!(has("traceparent").is_some(), form == "traced");
        assert_eq!(has("signalbox-reply-to").is_some(), form == "wait");
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.as_str())
}

/// Waits for the outcome of the event's signal in the ledger.
async fn signalled(ledger: &mut Subscriber, event_id: &str) -> Outcome {
    let find = async {
        loop {
            let outcome = Outcome::decode(ledger.next().await.unwrap().payload).unwrap();
            let of_this = outcome.event.as_ref().is_some_and(|event| event.id == event_id);
            if of_this && outcome.kind() == OutcomeKind::Signalled {
                return outcome;
            }
        }
    };
    tokio::time::timeout(SOON, find).await.unwrap()
}

fn examples() -> PathBuf {
    root().join("examples/publishers")
}

/// Whether a runtime is installed; says so where it is not.
fn there(program: &str) -> bool {
    let there = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !there {
        eprintln!("SKIPPED: {program} is not installed, so its example of a publisher is not run");
    }
    there
}

/// The example with its dependencies, made once for each lock file in a folder that git ignores, three levels below
/// the top as the example itself.
fn node_project() -> anyhow::Result<PathBuf> {
    let example = examples().join("javascript");
    let name = &hex::encode(Sha256::digest(fs::read(example.join("package-lock.json"))?))[..16];
    let cache = root().join(".signalbox/javascript");
    fs::create_dir_all(&cache)?;
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()?;

    let project = cache.join(name);
    fs::create_dir_all(&project)?;
    for file in ["package.json", "package-lock.json", ".npmrc", "publish.js"] {
        fs::copy(example.join(file), project.join(file)).with_context(|| file.to_owned())?;
    }
    // Written last, so without it the dependencies are missing or half there.
    let complete = project.join("complete");
    if !complete.exists() {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&project))?;
        fs::write(complete, "")?;
    }
    Ok(project)
}

/// Runs to the end; tells what was printed.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{command:?}: {}\n{printed}{errors}", output.status);
    Ok(printed)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
