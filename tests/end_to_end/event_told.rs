//! Everything that happened to one event.

use anyhow::ensure;
use serde_json::{Value, json};
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, expect, shared, unique};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_told_from_its_place_in_the_stream_to_where_people_look() {
    let (stack, api) = shared().await;
    let (cli, id, event_id) = (Cli::to(&stack), unique("told"), unique("told-event"));
    let subject = format!("events.lab.trigger.{id}");
    let line = ["publish", &subject, "{}", "--id", &event_id, "--traceparent", TRACEPARENT, "--wait=60s"];
    let published = cli.json(&line).await;
    let known = eventually(SOON, async || {
        let known = api.get(&format!("/events/{event_id}")).await?.body;
        ensure!(known["final"] == true, "{known}");
        Ok(known)
    })
    .await;
    let event = &known["events"][0];
    for (field, value) in [
        ("state", json!("matched")),
        ("subject", json!(subject)),
        ("stream_sequence", published["stream_sequence"].clone()),
        ("trace_id", json!(&TRACEPARENT[3..35])),
        ("trace", json!(format!("http://localhost:16686/trace/{}", &TRACEPARENT[3..35]))),
    ] {
        assert_eq!(event[field], value, "{field}: {known}");
    }
    assert!(event["stored_at"].is_string() && event["route_set"].is_string(), "{known}");
    let started = &known["outcomes"][1];
    assert_eq!((&started["action"], &started["final"]), (&json!("start"), &json!(true)), "{known}");
    let run = started["run_id"].as_str().unwrap();
    let link = format!("http://localhost:8233/namespaces/default/workflows/{id}/{run}");
    assert_eq!(started["links"]["workflow"], json!(link), "{known}");
    assert!(started["accepted_at"].is_string(), "{known}");

    let told = cli.run(&["event", "show", &event_id]).await;
    for part in ["matched ", "EVENTS ", "lab-trigger", "started  start", link.as_str()] {
        assert!(told.stdout.contains(part), "{part}: {told:?}");
    }
    // It is at its end, so that nobody needs to press Ctrl-C.
    assert_eq!(cli.run(&["events", "show", &event_id, "--watch"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_with_one_id_are_told_apart() {
    let (stack, api) = shared().await;
    let (cli, event_id) = (Cli::to(&stack), unique("shared-id"));
    let (id, other) = (unique("one"), unique("other"));
    for (source, id) in [("/one", &id), ("/other", &other)] {
        let subject = format!("events.lab.trigger.{id}");
        cli.json(&["publish", &subject, "{}", "--id", &event_id, "--source", source, "--wait=60s"]).await;
    }
    let known = eventually(SOON, async || {
        let known = api.get(&format!("/events/{event_id}")).await?.body;
        ensure!(known["events"].as_array().map(Vec::len) == Some(2) && known["final"] == true, "{known}");
        Ok(known)
    })
    .await;
    let sources: Vec<_> = known["events"].as_array().unwrap().iter().map(|event| &event["source"]).collect();
    assert_eq!(sources, ["/one", "/other"]);
    let told = cli.run(&["event", "show", &event_id]).await.stdout;
    let (first, second) = told.rsplit_once(&format!("matched {event_id}")).unwrap();
    assert!(first.contains(&id) && !first.contains(&other), "{told}");
    assert!(second.contains(&other), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_named_its_workflow_is_told_too() {
    let (_stack, api) = shared().await;
    let started = api.post(&format!("/trigger-workflow/{}", unique("called"))).await.unwrap();
    expect(&started, 200);
    let event = started.body["links"]["event"].as_str().unwrap().to_owned();
    let known = eventually(SOON, async || {
        let answer = api.get(&event).await?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(answer.body)
    })
    .await;
    assert_eq!((&known["final"], &known["events"][0]["state"]), (&json!(true), &json!("called")), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_to_be_matched_is_known_by_its_place() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    stack.stop(Service::SignalRouter).await.unwrap();
    let (api, cli) = (stack.api(), Cli::to(&stack));
    let published = cli.json(&["publish", "events.lab.trigger.waits", "{}", "--id", "waits-1"]).await;
    let sequence = published["stream_sequence"].as_u64().unwrap();
    expect(&api.get("/events/waits-1").await.unwrap(), 404);
    let answer = api.get(&format!("/events/waits-1?sequence={sequence}")).await.unwrap();
    expect(&answer, 200);
    let of = |known: &Value| (known["final"].clone(), known["events"][0]["state"].clone());
    assert_eq!(of(&answer.body), (json!(false), json!("accepted")), "{}", answer.body);
    assert_eq!(answer.body["events"][0]["stream_sequence"], json!(sequence), "{}", answer.body);
    // Another event's place says nothing of this one.
    expect(&api.get(&format!("/events/waits-2?sequence={sequence}")).await.unwrap(), 404);

    let place = sequence.to_string();
    let mut watched = cli.start(&["event", "show", "waits-1", "--sequence", &place, "--watch", "--json"]);
    assert_eq!(of(&watched.json_line().await), (json!(false), json!("accepted")));
    stack.launch_all(&[Service::SignalRouter]).await.unwrap();
    while watched.json_line().await["final"] != true {}
}
