//! Dead letters: looked at, taken out and tried again, removed.

mod cli;
mod twice;

use std::fs;

use anyhow::ensure;
use async_nats::jetstream;
use serde_json::{Value, json};
use signalbox_domain::EventKey;
use signalbox_proto::{Message, names::stream, v1::DeadLetter};
use signalbox_testkit::{Api, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, described, expect, shared, unique};

/// A stream of the stack.
async fn stream(stack: &Stack, name: &str) -> jetstream::stream::Stream {
    jetstream::new(stack.nats_client().await.unwrap()).get_stream(name).await.unwrap()
}

/// Publishes a message for a workflow that does not run, if `id` is none's; tells the event's id.
async fn message(stack: &Stack, id: &str, text: &str) -> String {
    let event_id = unique("dead-event");
    let data = json!({ "message": text }).to_string();
    let line = ["publish", &format!("events.lab.message.{id}"), &data, "--id", &event_id];
    Cli::to(stack).json(&line).await;
    event_id
}

/// The letters of an event, when there are so many.
async fn letters(api: &Api, event_id: &str, count: usize) -> Vec<Value> {
    eventually(SOON, async || {
        let answer = api.get(&format!("/dead-letters?event_id={event_id}")).await?;
        let letters = answer.body["dead_letters"].as_array().cloned().unwrap_or_default();
        ensure!(letters.len() == count, "{}", answer.body);
        Ok(letters)
    })
    .await
}

fn sequence(letter: &Value) -> u64 {
    letter["sequence"].as_u64().unwrap()
}

async fn redrive(api: &Api, letter: &Value) -> Value {
    let answer = api.post(&format!("/dead-letters/{}/redrive", sequence(letter))).await.unwrap();
    expect(&answer, 200);
    answer.body
}

/// The last outcome of the only effect of an event, when it is this.
async fn effect(api: &Api, event_id: &str, result: &str) -> Value {
    eventually(SOON, async || {
        let answer = api.get(&format!("/events/{event_id}")).await?;
        let outcomes = answer.body["outcomes"].as_array().cloned().unwrap_or_default();
        let effects: Vec<_> =
            outcomes.into_iter().filter(|outcome| outcome["effect_key"].is_string()).collect();
        ensure!(effects.len() == 1 && effects[0]["result"] == result, "{}", answer.body);
        Ok(effects[0].clone())
    })
    .await
}

/// Has the workflow end, and tells what it was sent.
async fn messages(api: &Api, id: &str) -> Value {
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    api.get(&format!("/workflow-result/{id}")).await.unwrap().body["messages"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_found_by_what_it_is_about_and_shown_with_its_event() {
    let (stack, api) = shared().await;
    let id = unique("no-such-order");
    let event_id = message(&stack, &id, "hi").await;
    let letter = letters(&api, &event_id, 1).await.remove(0);
    for (field, value) in [
        ("reason", json!("workflow-not-found")),
        ("route", json!("lab-message")),
        ("action", json!("signal")),
        ("workflow_id", json!(id)),
        ("attempts", json!(1)),
        ("redriven", json!(0)),
    ] {
        assert_eq!(letter[field], value, "{letter}");
    }
    assert_eq!(
        (&letter["event"]["id"], letter["detail"].as_str().unwrap().is_empty()),
        (&json!(event_id), false)
    );

    let at = letter["at"].as_str().unwrap();
    let finds = async |query: &str| {
        let answer = api.get(&format!("/dead-letters?event_id={event_id}&{query}")).await.unwrap();
        expect(&answer, 200);
        answer.body["dead_letters"] == json!([letter])
    };
    for (query, found) in [
        ("route=lab-message", true),
        ("route=lab-chat", false),
        ("reason=workflow-not-found", true),
        ("reason=route-error", false),
        (&format!("since={at}"), true),
        (&format!("until={at}"), true),
        ("since=2100-01-01T00:00:00Z", false),
        ("until=2000-01-01T00:00:00Z", false),
        (&format!("after={}", sequence(&letter) - 1), true),
        (&format!("after={}", sequence(&letter)), false),
    ] {
        assert_eq!(finds(query).await, found, "{query}");
    }

    let shown = api.get(&format!("/dead-letters/{}", sequence(&letter))).await.unwrap();
    expect(&shown, 200);
    assert_eq!(shown.body["message"]["data"], json!({"message": "hi"}), "{}", shown.body);
    assert_eq!(shown.body["message"]["headers"]["ce-id"], json!(event_id), "{}", shown.body);
    assert_eq!(shown.body["command"]["signal"]["args"], json!(["hi"]), "{}", shown.body);
    assert_eq!(shown.body["sequence"], letter["sequence"]);
    expect(&api.get("/dead-letters/999999999").await.unwrap(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_where_the_next_begins() {
    let (stack, api) = shared().await;
    let event_id = message(&stack, &unique("no-such-order"), "first").await;
    let first = letters(&api, &event_id, 1).await.remove(0);
    let others =
        [message(&stack, &unique("no-such-order"), "a").await, message(&stack, &unique("no"), "b").await];
    for other in &others {
        letters(&api, other, 1).await;
    }
    let mut seen = Vec::new();
    let mut after = sequence(&first) - 1;
    while !others.iter().all(|other| seen.contains(&json!(other))) {
        let page = api.get(&format!("/dead-letters?limit=1&after={after}")).await.unwrap().body;
        let letters = page["dead_letters"].as_array().unwrap();
        assert_eq!(letters.len(), 1, "{page}");
        seen.push(letters[0]["event"]["id"].clone());
        after = page["next"].as_u64().unwrap();
    }
    assert_eq!(seen[0], json!(event_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_workflow_runs_by_now_has_its_effect() {
    let (stack, api) = shared().await;
    let id = unique("later");
    let event_id = message(&stack, &id, "at last").await;
    let letter = letters(&api, &event_id, 1).await.remove(0);
    let dead = effect(&api, &event_id, "dead").await;
    assert_eq!(dead["dead_letters"], json!([letter["sequence"]]), "{dead}");
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);

    let told = redrive(&api, &letter).await;
    assert_eq!((&told["status"], &told["event_id"]), (&json!("redriven"), &json!(event_id)), "{told}");
    let signalled = effect(&api, &event_id, "signalled").await;
    assert_eq!((&signalled["workflow_id"], signalled.get("dead_letters")), (&json!(id), None), "{signalled}");
    // What routes made of the event is still known.
    let known = api.get(&format!("/events/{event_id}")).await.unwrap().body;
    assert_eq!(known["outcomes"][0]["verdicts"][0]["route"], "lab-message", "{known}");

    letters(&api, &event_id, 0).await;
    let again = api.post(&format!("/dead-letters/{}/redrive", sequence(&letter))).await.unwrap();
    assert_eq!((again.status, again.text("code")), (404, "dead-letter-not-found"), "{}", again.body);
    assert_eq!(messages(&api, &id).await, json!(["at last"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_again_is_a_new_letter() {
    let (stack, api) = shared().await;
    let event_id = message(&stack, &unique("never"), "hi").await;
    let mut letter = letters(&api, &event_id, 1).await.remove(0);
    for times in 1..=2 {
        redrive(&api, &letter).await;
        let next = eventually(SOON, async || {
            let next = letters(&api, &event_id, 1).await.remove(0);
            ensure!(sequence(&next) > sequence(&letter), "{next}");
            Ok(next)
        })
        .await;
        assert_eq!(next["redriven"], json!(times), "{next}");
        letter = next;
    }
    let dead = effect(&api, &event_id, "dead").await;
    assert_eq!(dead["dead_letters"], json!([letter["sequence"]]), "{dead}");
}

/// JetStream knows the id of a letter for two minutes after the letter is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_removed_comes_again_when_its_event_does() {
    let (stack, api) = shared().await;
    let (id, subject) = (unique("broken"), "events.github.push");
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let publish = async || {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in
            [("ce-specversion", "1.0"), ("ce-id", id.as_str()), ("ce-source", "/t"), ("ce-type", "t")]
        {
            headers.insert(name, value);
        }
        let stored =
            jetstream.publish_with_headers(subject, headers, r#"{"no":"repository"}"#.into()).await.unwrap();
        stored.await.unwrap();
    };
    publish().await;
    let letter = letters(&api, &id, 1).await.remove(0);
    assert_eq!(letter["reason"], "route-error", "{letter}");
    expect(&api.delete(&format!("/dead-letters/{}", sequence(&letter))).await.unwrap(), 200);
    expect(&api.delete(&format!("/dead-letters/{}", sequence(&letter))).await.unwrap(), 404);
    letters(&api, &id, 0).await;
    publish().await;
    assert!(sequence(&letters(&api, &id, 1).await[0]) > sequence(&letter));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_stays_and_says_what_to_do() {
    let (stack, api) = shared().await;
    let client = stack.nats_client().await.unwrap();
    let id = unique("no-event");
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", id.as_str());
    client.publish_with_headers("events.lab.trigger.x", headers, "not json".into()).await.unwrap();
    let letter = letters(&api, &id, 1).await.remove(0);
    let refused = api.post(&format!("/dead-letters/{}/redrive", sequence(&letter))).await.unwrap();
    assert_eq!((refused.status, refused.text("code")), (409, "bad-event"), "{}", refused.body);
    assert!(refused.text("detail").contains("mend its publisher"), "{}", refused.body);
    let shown = api.get(&format!("/dead-letters/{}", sequence(&letter))).await.unwrap().body;
    assert_eq!(
        (&shown["raw"]["text"], &shown["message"]["text"]),
        (&json!("not json"), &json!("not json")),
        "{shown}"
    );
    letters(&api, &id, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_taken_out_by_filter_and_each_is_told() {
    let (stack, api) = shared().await;
    let id = unique("many");
    let event_id = unique("many-event");
    let data = json!({ "message": "hi" }).to_string();
    let sources = ["/a", "/b"];
    for source in sources {
        let line =
            ["publish", &format!("events.lab.message.{id}"), &data, "--id", &event_id, "--source", source];
        Cli::to(&stack).json(&line).await;
    }
    letters(&api, &event_id, 2).await;
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);
    let told = api
        .post(&format!("/dead-letters/redrive?event_id={event_id}&reason=workflow-not-found"))
        .await
        .unwrap();
    expect(&told, 200);
    assert_eq!((&told.body["redriven"], &told.body["left"]), (&json!(2), &json!(0)), "{}", told.body);
    assert_eq!(told.body["letters"].as_array().unwrap().len(), 2, "{}", told.body);
    letters(&api, &event_id, 0).await;
    assert_eq!(messages(&api, &id).await, json!(["hi", "hi"]));
}

const BROKEN: &str = "version: 1
routes:
  - name: greet
    on: events.dead.greet
    start:
      workflow: CronWorkflow
      workflow_id: greet-${ event.data.name }
";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_matched_again_when_its_route_is_mended() {
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let (api, cli) = (stack.api(), Cli::to(&stack));
    let apply = async |routes: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("greet.yaml"), routes).unwrap();
        cli.json(&["apply", folder.path().to_str().unwrap(), "--wait=30s"]).await;
    };
    apply(BROKEN).await;
    let published = cli.run(&["publish", "events.dead.greet", r#"{"who": "ada"}"#, "--id", "greeting"]).await;
    assert_eq!(published.code, 0, "{published:?}");
    let letter = letters(&api, "greeting", 1).await.remove(0);
    assert_eq!((&letter["reason"], &letter["route"]), (&json!("route-error"), &json!("greet")), "{letter}");

    let again = api.post(&format!("/dead-letters/{}/redrive", sequence(&letter))).await.unwrap();
    assert_eq!((again.status, again.text("code")), (409, "route-error"), "{}", again.body);
    assert!(again.text("detail").contains("fails again"), "{}", again.body);
    assert_eq!(letters(&api, "greeting", 1).await, std::slice::from_ref(&letter), "it stays");

    apply(&BROKEN.replace("event.data.name", "event.data.who")).await;
    let told = redrive(&api, &letter).await;
    assert_eq!((&told["status"], told.get("effect_key")), (&json!("redriven"), None), "{told}");
    described(&api, "greet-ada").await;
    letters(&api, "greeting", 0).await;
    let started = effect(&api, "greeting", "started").await;
    assert_eq!(started["workflow_id"], "greet-ada");
    let known = api.get("/events/greeting").await.unwrap().body;
    assert!(!known.to_string().contains("\"dead\""), "{known}");
}
