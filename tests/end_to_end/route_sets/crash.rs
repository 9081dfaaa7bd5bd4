//! A matcher that dies after it has stored an event's commands and before it has acknowledged the event.

use anyhow::ensure;
use futures::StreamExt;
use serde_json::json;
use signalbox_proto::names::{consumer, stream};
use signalbox_testkit::{Service, eventually};

use super::Routed;

/// Waits until NATS has seen that the router died: what is published then is given to nobody.
async fn is_gone(routed: &Routed) {
    let events = routed.jetstream.get_stream(stream::EVENTS).await.unwrap();
    eventually(crate::SOON, async || {
        let waiting = events.consumer_info(consumer::MATCH).await?.num_waiting;
        ensure!(waiting == 0, "{waiting} requests");
        Ok(())
    })
    .await;
}

/// Takes events as a matcher does, and settles none of them.
async fn take(routed: &Routed, count: usize) {
    let events = routed.jetstream.get_stream(stream::EVENTS).await.unwrap();
    // The dead router is pinned still.
    events.unpin_consumer(consumer::MATCH, "one").await.unwrap();
    let client = routed.stack.nats_client().await.unwrap();
    let inbox = client.new_inbox();
    let taken = client.subscribe(inbox.clone()).await.unwrap();
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", stream::EVENTS, consumer::MATCH);
    let request = json!({ "batch": count, "group": "one" }).to_string();
    client.publish_with_reply(next, inbox, request.into()).await.unwrap();
    assert!(taken.take(count).all(async |message| message.status.is_none()).await);
}

/// What a matcher was given it may have matched, so it keeps its routes, whatever was applied since.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_matcher_was_given_keeps_its_routes() {
    let mut routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    routed.stack.kill(Service::SignalRouter).unwrap();
    is_gone(&routed).await;
    for name in ["given-1", "given-2", "waits-1", "waits-2"] {
        routed.publish(name).await;
    }
    take(&routed, 2).await;
    let told = routed.cli.run(&["apply", &another(&routed, "b"), "--wait=0s", "--json"]).await;
    let b = told.json()["version"].as_str().unwrap().to_owned();
    routed.restart().await;
    for (name, version, mark) in
        [("given-1", &a, "a"), ("given-2", &a, "a"), ("waits-1", &b, "b"), ("waits-2", &b, "b")]
    {
        routed.matched(name).await.is_of_after_all(version, &format!("{mark}-{name}"));
    }
    assert_eq!(routed.routes().await["periods"][0]["from_sequence"], 3);
}

/// The router dies again and again while it starts; each time the consumer forgets how much it had given out.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_is_known_after_a_start_that_failed() {
    let mut routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    routed.stack.kill(Service::SignalRouter).unwrap();
    is_gone(&routed).await;
    for n in 0..4 {
        routed.publish(&format!("given-{n}")).await;
    }
    take(&routed, 4).await;
    // The set that runs is gone, so the router claims the timeline and waits.
    let routes = routed.jetstream.get_key_value("signalbox-routes").await.unwrap();
    let files = routes.get(format!("set.{a}")).await.unwrap().unwrap();
    routes.purge(format!("set.{a}")).await.unwrap();
    routed.stack.launch(Service::SignalRouter).unwrap();
    waits(&routed).await;
    routed.stack.kill(Service::SignalRouter).unwrap();
    // As it would have done with its next breath.
    let events = routed.jetstream.get_stream(stream::EVENTS).await.unwrap();
    events.reset_consumer(consumer::MATCH, None).await.unwrap();
    routes.put(format!("set.{a}"), files).await.unwrap();
    routed.cli.run(&["apply", &another(&routed, "b"), "--wait=0s"]).await;
    routed.restart().await;
    for n in 0..4 {
        routed.matched(&format!("given-{n}")).await.is_of_after_all(&a, &format!("a-given-{n}"));
    }
}

async fn waits(routed: &Routed) {
    eventually(crate::SOON, async || {
        let ready = routed.stack.ask(Service::SignalRouter, "/readyz").await?;
        ensure!(ready.body.to_string().contains("cannot be used"), "{}", ready.body);
        Ok(())
    })
    .await;
}

/// A folder beside the one that the router looks into.
fn another(routed: &Routed, mark: &str) -> String {
    let folder = routed.folder.path().join(".another");
    std::fs::create_dir_all(&folder).unwrap();
    super::write(&folder, mark);
    folder.display().to_string()
}
