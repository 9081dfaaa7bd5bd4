//! `signalbox publish` and `signalbox events`.

use std::io::Write;

use serde_json::{Value, json};

use crate::{cli::Cli, shared, unique};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_an_event_has_its_effect() {
    let (stack, api) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-forms"));
    let subject = &format!("events.lab.chat.{id}");
    for (form, message) in [(&[][..], "binary"), (&["--structured"], "structured"), (&["--bare"], "bare")] {
        let data = json!({ "message": message }).to_string();
        let line = [&["publish", subject, &data, "--wait=60s"], form].concat();
        let told = cli.json(&line).await;
        assert_eq!((&told["status"], &told["settled"]), (&json!("stored"), &json!(true)), "{told}");
        let effect = &told["outcomes"][1];
        assert_eq!((&effect["result"], &effect["workflow_id"]), (&json!("signalled"), &json!(id)), "{told}");
    }
    // From a file, and from standard input.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"{"message": "file"}"#).unwrap();
    cli.json(&["publish", subject, &format!("@{}", file.path().display()), "--wait=60s"]).await;
    let told = cli.run_with(&["publish", subject, "-", "--wait=60s"], br#"{"message": "input"}"#).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("signalled  lab-chat  "), "{told:?}");
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    assert_eq!(result.body["messages"], json!(["binary", "structured", "bare", "file", "input"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_what_came_of_an_event() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-outcome"));
    let nobody = &format!("events.lab.message.{id}");
    let dead = cli.run(&["publish", nobody, r#"{"message": "hi"}"#, "--wait=60s", "--json"]).await;
    assert_eq!(
        (dead.code, &dead.json()["outcomes"][1]["reason"]),
        (3, &json!("workflow-not-found")),
        "{dead:?}"
    );
    let unmatched = cli.run(&["publish", "events.cli.unmatched", "--wait=60s", "--json"]).await;
    assert_eq!((unmatched.code, &unmatched.json()["outcomes"][0]["result"]), (0, &json!("unmatched")));
    let wrong: [&[&str]; 7] = [
        &["publish", "elsewhere.x"],
        &["publish", "events.x", "not JSON"],
        &["publish", "events.x", "@/no/such/file"],
        &["publish", "events.x", "--traceparent", "00-0-0-01"],
        &["publish", "events.x", "--header", "no colon"],
        &["publish", "events.x", "--bare", "--type", "t"],
        &["events", "--subject", "commands.>"],
    ];
    for line in wrong {
        let told = cli.run(line).await;
        assert_eq!((told.code, told.stdout.as_str()), (64, ""), "{line:?}: {told:?}");
    }
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    let told = cli.run_with(&["publish", "events.x", "-", "--json"], large.as_bytes()).await;
    assert_eq!(told.code, 3, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_sent_again_is_stored_once_and_its_outcome_told_again() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-again"));
    let line = ["publish", &format!("events.lab.trigger.{id}"), "{}", "--id", id, "--wait=60s"];
    let (first, again) = (cli.json(&line).await, cli.json(&line).await);
    assert_eq!((&first["duplicate"], &again["duplicate"]), (&json!(false), &json!(true)));
    assert_eq!((&first["stream_sequence"], &first["event_id"]), (&again["stream_sequence"], &json!(id)));
    assert_eq!(again["outcomes"][1]["run_id"], first["outcomes"][1]["run_id"], "{again}");
    assert_eq!(cli.json(&["events", "show", id]).await["outcomes"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_as_they_were_published() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-list"));
    let subject = &format!("events.cli.{id}");
    let more = ["--type", "com.example.order", "--source", "/shop", "--id", id, "--header", "ce-tenant:a"];
    cli.json(
        &[&["publish", subject, r#"{"order": 7}"#, "--traceparent", TRACEPARENT, "--wait=60s"], &more[..]]
            .concat(),
    )
    .await;
    // What is no event can be seen there, too.
    let nats = stack.nats_client().await.unwrap();
    nats.publish(subject.clone(), "{".into()).await.unwrap();
    nats.flush().await.unwrap();

    let filter = ["--subject", subject];
    let list = cli.json(&[&["events", "list", "--outcomes"], &filter[..]].concat()).await;
    let [event, broken] = list["events"].as_array().unwrap().as_slice() else { panic!("{list}") };
    for (field, value) in [
        ("kind", "event"),
        ("id", id),
        ("type", "com.example.order"),
        ("source", "/shop"),
        ("subject", subject),
    ] {
        assert_eq!(event[field], value, "{event}");
    }
    assert_eq!((&event["trace_id"], &event["data"]), (&json!(&TRACEPARENT[3..35]), &json!({"order": 7})));
    assert!(broken["fault"].as_str().unwrap().contains("not JSON"), "{broken}");
    assert_eq!(list["outcomes"][0]["result"], "unmatched", "{list}");

    assert_eq!(
        cli.json(&[&["events", "--limit", "1"], &filter[..]].concat()).await["events"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let none = cli.json(&["events", "--subject", "events.cli.nothing-is-here.>"]).await;
    assert_eq!(none, json!({"events": []}));
    let table = cli.run(&[&["events"], &filter[..]].concat()).await.stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("TIME") && lines[1].ends_with("/shop") && lines[2].contains("no event"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_outcomes_are_watched_as_they_come() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-follow"));
    let subject = &format!("events.lab.trigger.{id}");
    // From a minute ago on, so that nothing is missed before the watch has begun.
    let mut watched =
        cli.start(&["events", "--watch", "--outcomes", "--since", "1m", "--subject", subject, "--json"]);
    let told = cli.json(&["publish", subject, "{}"]).await;
    let mut seen: Vec<Value> = Vec::new();
    while seen.len() < 3 {
        seen.push(watched.json_line().await);
    }
    let [event, matched, started] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((&event["kind"], &event["id"]), (&json!("event"), &told["event_id"]));
    assert_eq!((&matched["kind"], &matched["result"]), (&json!("outcome"), &json!("matched")));
    assert_eq!((&started["result"], &started["workflow_id"]), (&json!("started"), &json!(id)));
    assert_eq!(started["event_id"], told["event_id"]);
}
