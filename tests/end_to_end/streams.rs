//! Server-sent events: the feed of events, and the progress of a workflow.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use signalbox_testkit::{Api, Service, Stack};

use crate::{SIGNALBOX, SOON, expect, shared, unique};

/// A message of a stream.
#[derive(Debug, Default)]
struct Message {
    event: String,
    id: String,
    data: String,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// A client as a browser's `EventSource`.
struct Client {
    response: Response,
    text: String,
}

impl Client {
    async fn open(api: &Api, path: &str, last: Option<&str>) -> Self {
        let request = api.request(Method::GET, path).header("accept", "text/event-stream");
        let request = last.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next message; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(SOON, self.read()).await.expect("no message came")
    }

    async fn read(&mut self) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let message = parse(block);
                self.text = rest.to_owned();
                if !message.data.is_empty() {
                    return Some(message);
                }
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits until the stream is open: its first comment says so.
    async fn opened(mut self) -> Self {
        while !self.text.contains("connected") {
            let chunk = self.response.chunk().await.unwrap().expect("it ended");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        self
    }
}

fn parse(block: &str) -> Message {
    let mut message = Message::default();
    for line in block.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "event" => message.event = value.to_owned(),
            "id" => message.id = value.to_owned(),
            "data" => message.data.push_str(value),
            _ => {}
        }
    }
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_goes_on_behind_what_a_client_has() {
    let (_stack, api) = shared().await;
    let name = unique("feed");
    let path = format!("/events?subject=events.{name}.*");
    let mut client = Client::open(&api, &path, None).await.opened().await;
    for n in ["one", "two", "three"] {
        expect(
            &api.post_body(&format!("/events/{name}.{n}"), &[], format!(r#"{{"n":"{n}"}}"#)).await.unwrap(),
            202,
        );
    }
    expect(&api.post(&format!("/events/{name}")).await.unwrap(), 202);
    let first = client.next().await.unwrap();
    let event = first.json();
    assert_eq!(
        (&event["specversion"], &event["type"], &event["data"]),
        (&json!("1.0"), &json!(format!("{name}.one")), &json!({"n": "one"}))
    );
    assert_eq!(event["natssubject"], json!(format!("events.{name}.one")));
    assert_eq!(client.next().await.unwrap().json()["data"], json!({"n": "two"}));
    drop(client);
    let mut again = Client::open(&api, &path, Some(&first.id)).await;
    for n in ["two", "three"] {
        assert_eq!(again.next().await.unwrap().json()["data"], json!({"n": n}), "behind the first");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_followed_to_its_end() {
    let (_stack, api) = shared().await;
    let id = unique("followed");
    expect(&api.post(&format!("/trigger-workflow/{id}?name=Followed")).await.unwrap(), 200);
    let path = format!("/workflows/{id}/events");
    let mut client = Client::open(&api, &path, None).await.opened().await;
    let status = client.next().await.unwrap();
    assert_eq!((status.event.as_str(), &status.json()["status"]), ("status", &json!("running")));
    let sent = api.post(&format!("/signal-workflow/{id}?message=hi")).await.unwrap();
    expect(&sent, 200);
    let outcome = loop {
        // That of the start may still be on its way into the ledger.
        let message = client.next().await.unwrap();
        if message.json()["result"] == "signalled" {
            break message;
        }
    };
    assert_eq!(
        (outcome.event.as_str(), &outcome.json()["event_id"]),
        ("outcome", &json!(sent.text("event_id")))
    );
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    let mut rest = Vec::new();
    while let Some(message) = client.next().await {
        rest.push(message);
    }
    let names: Vec<_> = rest.iter().map(|message| message.event.as_str()).collect();
    assert_eq!(names, ["outcome", "status", "end"], "{rest:?}");
    assert_eq!(rest[1].json()["status"], "completed");
    assert_eq!(rest[2].json()["result"]["messages"], json!(["hi"]));
    let over = api
        .request(Method::GET, &path)
        .header("accept", "text/event-stream")
        .header("last-event-id", &rest[2].id);
    assert_eq!(over.send().await.unwrap().status(), 204, "a browser would connect for ever");

    let gone =
        api.request(Method::GET, "/workflows/never-heard-of/events").header("accept", "text/event-stream");
    assert_eq!(gone.send().await.unwrap().status(), 404);
    expect(&api.get(&path).await.unwrap(), 406);
    expect(&api.get("/events").await.unwrap(), 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_end_with_the_service() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(Client::open(&api, "/events", None).await.opened().await);
    }
    let one_more =
        api.request(Method::GET, "/events").header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(one_more.status(), 503);
    assert!(one_more.headers().contains_key("retry-after"));
    let mut last = clients.pop().unwrap();
    drop(clients);
    signalbox_testkit::eventually(Duration::from_secs(10), async || {
        let request = api.request(Method::GET, "/events").header("accept", "text/event-stream");
        anyhow::ensure!(request.send().await?.status() == 200, "the places come back");
        Ok(())
    })
    .await;
    assert_eq!(stack.stop(Service::Ingress).await.unwrap(), Some(0), "{:?}", stack.log(Service::Ingress));
    assert!(last.next().await.is_none(), "it was ended, not cut off");
}
