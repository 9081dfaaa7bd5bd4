//! `signalbox doctor`, on what is well and on what is not.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use async_nats::jetstream;
use serde_json::Value;
use signalbox_proto::names::{stream, subject};
use signalbox_testkit::{Service, Stack, eventually, root};

use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, Told, told},
    shared,
};

/// The level of each check.
fn levels(told: &Told) -> BTreeMap<String, String> {
    let report = told.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (text(&check["check"]), text(&check["level"])))
        .collect()
}

/// Checks that are not well, and that each says what to do.
fn faults(told: &Told) -> Vec<String> {
    let report = told.json();
    for check in report["checks"].as_array().unwrap().iter().filter(|check| check["level"] != "ok") {
        assert!(check["advice"].as_str().is_some_and(|advice| advice.len() > 10), "{check}");
    }
    let faults: Vec<_> =
        levels(told).into_iter().filter(|(_, level)| level == "fault").map(|(check, _)| check).collect();
    assert_eq!(
        (report["faults"].as_u64(), told.code),
        (Some(faults.len() as u64), i32::from(!faults.is_empty()))
    );
    faults
}

async fn examine(stack: &Stack) -> Told {
    Cli::to(stack).run(&["doctor", "--json"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_is_told() {
    let (stack, _) = shared().await;
    // Temporal tells of a worker when it has asked for work.
    let told = eventually(SOON, async || {
        let told = examine(&stack).await;
        ensure!(faults(&told).is_empty(), "{told:?}");
        Ok(told)
    })
    .await;
    let levels = levels(&told);
    for check in [
        "NATS",
        "JetStream",
        "stream EVENTS",
        "stream COMMANDS",
        "stream FLOW",
        "stream OUTCOMES",
        "stream DEADLETTERS",
        "stream PARKED",
        "consumer EVENTS/matcher",
        "8 consumers of COMMANDS",
        "8 consumers of FLOW",
        "bucket signalbox-routes",
        "bucket signalbox-schedules",
        "Temporal",
        "namespace default",
        "search attribute SignalboxTrigger",
        "search attribute SignalboxDeclared",
        "workers of lab6-queue",
        "ingress",
        "clock of NATS",
        "clock of Temporal",
        "clock of ingress",
        "collector",
    ] {
        assert!(levels.contains_key(check), "{check} is not looked at: {levels:?}");
        // Other tests leave dead letters.
        assert!(levels[check] == "ok" || check == "stream DEADLETTERS", "{check}: {told:?}");
    }
    let people = Cli::to(&stack).run(&["doctor"]).await;
    assert_eq!(people.code, 0);
    assert!(people.stdout.lines().any(|line| line.starts_with("ok       NATS ")), "{people:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_may_be_wrong_too() {
    let (stack, _) = shared().await;
    let told = Cli::to(&stack)
        .with("TEMPORAL_NAMESPACE", "nowhere")
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .run(&["doctor", "--json"])
        .await;
    assert_eq!(faults(&told), ["namespace nowhere"]);
    // Without a collector nothing is lost but traces.
    assert_eq!(levels(&told)["collector"], "warning");
    let told = Cli::to(&stack).run(&["doctor", "--json", "--task-queue", "mine"]).await;
    assert_eq!(faults(&told), ["workers of mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_where_nothing_is() {
    let stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let told = examine(&stack).await;
    let expected = [
        "bucket signalbox-replays",
        "bucket signalbox-routes",
        "bucket signalbox-schedules",
        "ingress",
        "search attribute SignalboxDeclared",
        "search attribute SignalboxTrigger",
        "stream COMMANDS",
        "stream DEADLETTERS",
        "stream EVENTS",
        "stream FLOW",
        "stream OUTCOMES",
        "stream PARKED",
        "workers of lab6-queue",
    ];
    assert_eq!(faults(&told), expected);
    assert_eq!(faults(&examine(&stack).await), expected, "the doctor has made something");
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    assert_eq!(jetstream.query_account().await.unwrap().streams, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_that_is_away_is_named() {
    let services = [Service::Ingress, Service::SignalRouter, Service::SchedulerManager];
    let mut stack = Stack::start_with(SIGNALBOX, &services).await.unwrap();
    stack.wait_until_open().await;
    let cli = Cli::to(&stack);
    assert_eq!(faults(&examine(&stack).await), ["workers of lab6-queue"]);
    cli.json(&["trigger", "waits"]).await;
    let waits = cli.run(&["query", "waits", "--json"]).await;
    assert_eq!(waits.code, 5, "{waits:?}");
    assert!(waits.error()["tip"].as_str().unwrap().contains("signalbox doctor"), "{waits:?}");

    stack.kill(Service::SignalRouter).unwrap();
    let consumers = ["consumer EVENTS/matcher", "consumer COMMANDS/apply-0", "consumer COMMANDS/apply-7"];
    names(&stack, &[&["ingress: signal-router"], &consumers[..]].concat()).await;
    // It is stored, and its outcome is not known.
    let accepted = cli.run(&["trigger", "later", "--json"]).await;
    assert_eq!((accepted.code, accepted.json()["status"].as_str()), (4, Some("accepted")), "{accepted:?}");
    let stored = cli.run(&["publish", "events.lab.trigger.later", "--wait=100ms", "--json"]).await;
    assert_eq!((stored.code, stored.json()["settled"].as_bool()), (4, Some(false)), "{stored:?}");

    stack.temporal.kill().unwrap();
    let found = names(&stack, &["Temporal"]).await;
    assert!(!found.contains(&"NATS".to_owned()), "{found:?}");
    stack.nats.kill().unwrap();
    names(&stack, &["NATS", "Temporal", "ingress: nats"]).await;
}

/// Waits until all of these are named as faults; ingress notices within a second.
async fn names(stack: &Stack, expected: &[&str]) -> Vec<String> {
    eventually(SOON, async || {
        let found = faults(&examine(stack).await);
        ensure!(expected.iter().all(|check| found.iter().any(|fault| fault == check)), "{found:?}");
        Ok(found)
    })
    .await
}

/// An operator has changed how long the ledger remembers: no event is matched by then, and it is said what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_forgets_too_soon_is_refused() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let day = Duration::from_secs(24 * 60 * 60);
    let mut ledger = jetstream::stream::Config {
        name: stream::OUTCOMES.into(),
        subjects: vec![subject::OUTCOMES.into()],
        max_messages_per_subject: 1,
        allow_direct: true,
        max_age: day,
        ..Default::default()
    };
    jetstream.create_stream(ledger.clone()).await.unwrap();
    let mut router = Cli::to(&stack).program(SIGNALBOX);
    let routes = root().join("routes");
    router.args(["serve", "signal-router", "--listen", "127.0.0.1:0", "--routes", routes.to_str().unwrap()]);
    let refused = told(&mut router).await;
    let says = |what: &str| refused.stderr.contains(what);
    assert!(refused.code == 1 && says("keeps outcomes for 1d, EVENTS events for 7d"), "{refused:?}");
    assert!(says("nats stream edit OUTCOMES --max-age=8d"), "{refused:?}");

    let told = examine(&stack).await;
    assert!(faults(&told).contains(&"ledger".to_owned()), "{told:?}");
    assert!(told.stdout.contains("nats stream edit OUTCOMES --max-age=8d"), "{told:?}");

    ledger.max_age = 8 * day;
    jetstream.update_stream(ledger).await.unwrap();
    stack.launch_all(&[Service::SignalRouter]).await.unwrap();
    let told = examine(&stack).await;
    assert_eq!(levels(&told)["ledger"], "ok", "{told:?}");
}
