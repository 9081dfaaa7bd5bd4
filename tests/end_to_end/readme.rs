//! README's commands, as they stand there.

use std::process::Command;

use anyhow::ensure;
use signalbox_routing::RouteSet;
use signalbox_testkit::eventually;

use crate::{SOON, shared};

const README: &str = include_str!("../../README.md");

/// The contents of the fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    text.split("```").filter_map(move |part| part.strip_prefix(language)?.strip_prefix('\n'))
}

/// Commands without the comments between them.
fn commands<'a>(block: &'a str, program: &'a str) -> impl Iterator<Item = &'a str> {
    block.lines().filter(move |line| line.contains(program) && !line.starts_with('#'))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_labs_commands_work_as_typed() {
    let (_stack, api) = shared().await;
    let base = api.url("");
    let mut typed = 0;
    for line in blocks(README, "sh").flat_map(|block| commands(block, "curl ")) {
        let here =
            line.replace("http://localhost:8000", &base).replace("curl ", "curl -sS --fail-with-body ");
        let output = tokio::task::spawn_blocking(move || Command::new("bash").args(["-c", &here]).output())
            .await
            .unwrap();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "{line}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        typed += 1;
    }
    assert!(typed >= 11, "only {typed} commands found");
    // The last line starts its ten in the background, so its exit code says nothing of them.
    for n in 1..=10 {
        let answer = api.get(&format!("/workflows/load-{n}")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_events_do_what_is_said() {
    let (stack, api) = shared().await;
    let client = stack.nats_client().await.unwrap();
    let mut published = 0;
    for line in blocks(README, "sh").flat_map(|block| commands(block, "nats pub ")) {
        let (subject, body) = line.trim_start_matches("nats pub ").split_once(' ').unwrap();
        client.publish(subject.to_owned(), body.trim_matches('\'').to_owned().into()).await.unwrap();
        client.flush().await.unwrap();
        published += 1;
    }
    assert_eq!(published, 2);
    eventually(SOON, async || {
        let state = api.get("/workflows/from-nats/queries/progress").await?;
        ensure!(state.body["messages"] == serde_json::json!(["hello"]), "{}", state.body);
        Ok(())
    })
    .await;
}

#[test]
fn the_examples_are_one_set() {
    let files =
        blocks(README, "yaml").enumerate().map(|(n, text)| (format!("README-{n}.yaml"), text.to_owned()));
    let set = RouteSet::load(files).unwrap();
    assert_eq!((set.len(), set.schedules().len()), (2, 1));
}

#[test]
fn ci_runs_readmes_test_command() {
    let ci = include_str!("../../.ci/run");
    let test = blocks(README, "sh").find(|block| block.contains("cargo test")).unwrap().trim();
    assert!(ci.lines().any(|line| line == test), "{test}");
}
