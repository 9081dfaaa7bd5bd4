//! Events of the past, matched with the routes that run now.

use std::{collections::BTreeMap, fs, process::Stdio};

use anyhow::ensure;
use async_nats::jetstream;
use futures::future::join_all;
use serde_json::{Value, json};
use signalbox_proto::{
    Message,
    names::{bucket, header},
    v1::ReplayPlace,
};
use signalbox_testkit::{Service, Stack, eventually};
use tempfile::TempDir;

use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, Told},
    expect,
};

/// Nobody wants the events of the tests.
const NONE: &str = "version: 1\nroutes:\n  - name: nothing\n    on: events.nothing\n    \
                    cancel: { workflow_id: \"${ event.id }\" }\n";

/// Each event leaves its mark in a workflow, or in another.
fn marking(routes: &[(&str, &str)]) -> String {
    let route = |(name, prefix): &(&str, &str)| {
        format!(
            "  - name: {name}\n    on: events.marks.*\n    signal_with_start:\n      workflow: AggregateWorkflow\n      \
             workflow_id: {prefix}-${{ event.tokens[2] }}\n      args: [marks]\n      signal:\n        \
             name: add_message\n        args: [\"${{ event.data.mark }}\"]\n"
        )
    };
    format!("version: 1\nroutes:\n{}", routes.iter().map(route).collect::<String>())
}

struct Past {
    stack: Stack,
    cli: Cli,
    jetstream: jetstream::Context,
    _folder: TempDir,
}

impl Past {
    /// Everything runs, with routes that want nothing of what will come.
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("none.yaml"), NONE).unwrap();
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", folder.path());
        stack.launch_all(&Service::ALL).await.unwrap();
        let jetstream = jetstream::new(stack.nats_client().await.unwrap());
        Self { cli: Cli::to(&stack), stack, jetstream, _folder: folder }
    }

    async fn apply(&self, routes: &str) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("marks.yaml"), routes).unwrap();
        let told = self.cli.run(&["apply", folder.path().to_str().unwrap(), "--wait=30s", "--json"]).await;
        assert_eq!(told.code, 0, "{told:?}");
    }

    /// Stores events `mark-0`, `mark-1`, … for so many workflows in turn, and waits until they are matched.
    async fn marks(&self, count: usize, workflows: usize) {
        for n in 0..count {
            let id = format!("mark-{n}");
            let headers = async_nats::HeaderMap::from_iter([(
                header::MESSAGE_ID.parse().unwrap(),
                id.parse::<async_nats::HeaderValue>().unwrap(),
            )]);
            let (subject, body) =
                (format!("events.marks.{}", n % workflows), json!({ "mark": id }).to_string());
            let stored = self.jetstream.publish_with_headers(subject, headers, body.into()).await.unwrap();
            stored.await.unwrap();
        }
        self.outcome(&format!("mark-{}", count - 1), "unmatched", 0).await;
    }

    /// Waits until the verdict of an event is this, and so many effects of it have come to their end.
    async fn outcome(&self, event_id: &str, verdict: &str, effects: usize) {
        eventually(SOON, async || {
            let known = self.stack.api.get(&format!("/events/{event_id}")).await?.body;
            let outcomes = known["outcomes"].as_array().cloned().unwrap_or_default();
            let of = |wanted: &str| outcomes.iter().filter(|outcome| outcome["result"] == wanted).count();
            // Asked for twice at once, it is told of the second time.
            let had = of("signalled") + of("deduplicated");
            ensure!(of(verdict) == 1 && had == effects, "{known}");
            Ok(())
        })
        .await;
    }

    /// Asks for a replay that is to come to its end; tells its counts.
    async fn replay(&self, args: &[&str]) -> Value {
        self.cli.json(&[&["replay"], args].concat()).await
    }

    /// Ends a workflow; tells the marks that it got.
    async fn end(&self, workflow: &str) -> Vec<String> {
        expect(&self.stack.api.post(&format!("/stop-workflow/{workflow}")).await.unwrap(), 200);
        let result = self.stack.api.get(&format!("/workflow-result/{workflow}?wait=30s")).await.unwrap();
        expect(&result, 200);
        let marks = result.body["messages"].as_array().unwrap().iter();
        marks.map(|mark| mark.as_str().unwrap().to_owned()).collect()
    }
}

fn counts(told: &Value) -> (u64, u64, u64) {
    let of = |name: &str| told[name].as_u64().unwrap();
    (of("events"), of("asked_for"), of("passed_over"))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_went_past_have_their_effects_once() {
    let past = Past::start().await;
    past.marks(3, 1).await;
    past.apply(&marking(&[("first", "a"), ("second", "b")])).await;
    let all = ["--since", "1h", "--subject", "events.marks.>"];

    let would = past.replay(&[&all[..], &["--dry-run"]].concat()).await;
    assert_eq!(counts(&would), (3, 6, 0), "{would}");
    assert_eq!(would["effects"][0]["target"], "a-0", "{would}");
    past.outcome("mark-0", "unmatched", 0).await;

    // By one of the routes; the ledger says what came of them, and not that nobody wanted them.
    let told = past.replay(&[&all[..], &["--route", "first"]].concat()).await;
    assert_eq!(counts(&told), (3, 3, 0), "{told}");
    for n in 0..3 {
        past.outcome(&format!("mark-{n}"), "matched", 1).await;
    }
    expect(&past.stack.api.get("/workflows/b-0").await.unwrap(), 404);

    // By all; what has happened does not happen again, while its workflow runs and when it has ended.
    let told = past.replay(&all).await;
    assert_eq!(counts(&told), (3, 3, 3), "{told}");
    for n in 0..3 {
        past.outcome(&format!("mark-{n}"), "matched", 2).await;
    }
    let marks = ["mark-0", "mark-1", "mark-2"];
    assert_eq!(past.end("a-0").await, marks, "once each, in the order of the events");
    let run = past.stack.api.get("/workflows/a-0").await.unwrap().body["run_id"].clone();
    let told = past.replay(&all).await;
    assert_eq!(counts(&told), (3, 0, 6), "{told}");
    assert_eq!(past.stack.api.get("/workflows/a-0").await.unwrap().body["run_id"], run);

    // On purpose, and twice under one id.
    let again = [&all[..], &["--route", "second", "--again", "ticket-1"]].concat();
    assert_eq!(counts(&past.replay(&again).await), (3, 3, 0));
    past.replay(&again).await;
    past.outcome("mark-2", "matched", 3).await;
    assert_eq!(counts(&past.replay(&again).await), (3, 0, 3));
    assert_eq!(past.end("b-0").await, [marks, marks].concat());

    // One event; a route that is not there.
    let one = past.replay(&["--event", "mark-1"]).await;
    assert_eq!(counts(&one), (1, 0, 2), "{one}");
    let refused = past.cli.run(&["replay", "--since", "1h", "--route", "third"]).await;
    assert!(refused.code == 3 && refused.stderr.contains("`third`"), "{refused:?}");
    let unknown = past.cli.run(&["replay", "--event", "never-heard-of"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_and_counted() {
    let past = Past::start().await;
    past.marks(2, 1).await;
    past.apply(
        "version: 1\nroutes:\n  - name: fails\n    on: events.marks.*\n    cancel: { workflow_id: \"${ event.data.missing }\" }\n",
    )
    .await;
    let told = past.cli.run(&["replay", "--since", "1h", "--json"]).await;
    let (code, value) = (told.code, told.json());
    assert_eq!((code, &value["failed"], &value["asked_for"]), (1, &json!(2), &json!(0)), "{value}");
    assert!(value["routes"][0]["reasons"].to_string().contains("missing"), "{value}");
    // A replay writes no letters, and the verdict stays.
    past.outcome("mark-0", "unmatched", 0).await;
}

/// The router is killed, the replay is stopped, another one goes on with it: each effect once.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_where_it_was_stopped() {
    const EVENTS: usize = 900;
    const WORKFLOWS: usize = 12;
    let mut past = Past::start().await;
    past.marks(EVENTS, WORKFLOWS).await;
    past.apply(&marking(&[("marks", "m")])).await;

    // At its limit it stops by itself.
    let begun =
        past.replay(&["--since", "1h", "--subject", "events.marks.>", "--limit", "2", "--name", "n"]).await;
    assert_eq!((counts(&begun), begun["ended"].as_str()), ((2, 2, 0), Some("at_limit")), "{begun}");
    let go_on = ["replay", "--resume", "--name", "n", "--json"];

    let mut replay = past.cli.program(SIGNALBOX);
    let replay = replay.args(go_on).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = replay.id().unwrap().to_string();
    let stop = async {
        let answered = place(&past.jetstream, 3).await;
        past.stack.kill(Service::SignalRouter).unwrap();
        past.stack.launch(Service::SignalRouter).unwrap();
        place(&past.jetstream, answered + 1).await;
        let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(killed.success());
    };
    let (stopped, ()) = tokio::join!(replay.wait_with_output(), stop);
    let stopped = stopped.unwrap();
    let stopped = Told {
        code: stopped.status.code().unwrap(),
        stdout: String::from_utf8(stopped.stdout).unwrap(),
        stderr: String::from_utf8(stopped.stderr).unwrap(),
    };
    let before = stopped.json();
    assert_eq!((stopped.code, before["ended"].as_str()), (4, Some("stopped")), "{stopped:?}");
    assert_eq!(before["resume"], "signalbox replay --resume --name n");

    let after = past.replay(&go_on[1..4]).await;
    assert_eq!(after["ended"], "finished", "{after}");
    assert_eq!(2 + counts(&before).0 + counts(&after).0, EVENTS as u64, "{before} {after}");
    let none = past.cli.run(&go_on).await;
    assert_eq!(none.code, 2, "it is finished: {none:?}");

    past.stack.wait_until_open().await;
    eventually(SOON * 4, async || {
        let told = past.replay(&["--since", "1h", "--subject", "events.marks.>", "--dry-run"]).await;
        ensure!(counts(&told) == (EVENTS as u64, 0, EVENTS as u64), "{told}");
        Ok(())
    })
    .await;
    let ends = join_all((0..WORKFLOWS).map(|n| {
        let (past, id) = (&past, format!("m-{n}"));
        async move { past.end(&id).await }
    }));
    for (n, marks) in ends.await.into_iter().enumerate() {
        let wanted: Vec<_> = (n..EVENTS).step_by(WORKFLOWS).map(|n| format!("mark-{n}")).collect();
        let mut times = BTreeMap::<_, usize>::new();
        marks.iter().for_each(|mark| *times.entry(mark).or_default() += 1);
        assert!(times.values().all(|times| *times == 1), "{times:?}");
        assert_eq!(marks, wanted, "in the order of the events");
    }
}

/// Waits until it is kept that all is answered up to this sequence, at least.
async fn place(jetstream: &jetstream::Context, at_least: u64) -> u64 {
    eventually(SOON, async || {
        let places = jetstream.get_key_value(bucket::REPLAYS).await?;
        let place = places.get("6e").await?.unwrap_or_default();
        let answered = ReplayPlace::decode(place)?.answered;
        ensure!(answered >= at_least, "answered up to {answered}");
        Ok(answered)
    })
    .await
}
