//! Several routers: each partition has one, and when it dies another one goes on, in order.

use std::{collections::BTreeMap, time::Instant};

use anyhow::{Context, ensure};
use async_nats::jetstream::{self, consumer::pull, stream};
use futures::{StreamExt, future::join_all};
use serde_json::json;
use signalbox_proto::names::stream as names;
use signalbox_servers::Process;
use signalbox_testkit::{Api, Service, Stack, eventually, put_to_sleep, wake_up};

use crate::{SIGNALBOX, SOON, described, expect};

const KEYS: usize = 24;

/// Routers besides the first one, and where each can be asked.
struct Routers(Vec<Option<(Process, Api)>>);

impl Routers {
    async fn join(stack: &Stack, count: usize) -> Self {
        let routers = (0..count).map(|_| stack.launch_another(Service::SignalRouter).map(Some));
        let routers = Self(routers.collect::<Result<_, _>>().unwrap());
        for (_, api) in routers.0.iter().flatten() {
            eventually(SOON, async || {
                let ready = api.get("/readyz").await?;
                ensure!(ready.status == 200, "{}", ready.body);
                Ok(())
            })
            .await;
        }
        routers
    }
}

/// Signals that are published one after the other, and which key each is for.
struct Load {
    jetstream: jetstream::Context,
    sent: BTreeMap<usize, Vec<String>>,
}

impl Load {
    /// Workflows that take as many signals as there are.
    async fn begin(&self) {
        for key in 0..KEYS {
            let begin = json!({ "until": { "count": 9000 } }).to_string();
            let sent = self.jetstream.publish(format!("events.lab.aggregate.key-{key}"), begin.into());
            sent.await.unwrap().await.unwrap();
        }
    }

    async fn send(&mut self, count: usize) {
        for _ in 0..count {
            let number: usize = self.sent.values().map(Vec::len).sum();
            let (key, mark) = (number % KEYS, format!("mark-{number}"));
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", mark.as_str());
            let (subject, body) =
                (format!("events.lab.chat.key-{key}"), json!({ "message": mark }).to_string());
            // A publication that was not acknowledged is made again, under the same id.
            eventually(SOON, async || {
                let sent = self.jetstream.publish_with_headers(
                    subject.clone(),
                    headers.clone(),
                    body.clone().into(),
                );
                Ok(sent.await?.await?)
            })
            .await;
            self.sent.entry(key).or_default().push(mark);
        }
    }

    /// All is carried out.
    async fn has_arrived(&self) {
        let sent = (KEYS + self.sent.values().map(Vec::len).sum::<usize>()) as u64;
        eventually(SOON * 2, async || {
            let outcomes = self.jetstream.get_stream(names::OUTCOMES).await?.cached_info().state.messages;
            let waiting = self.jetstream.get_stream(names::COMMANDS).await?.cached_info().state.messages;
            ensure!(outcomes >= sent && waiting == 0, "{outcomes} of {sent} have an outcome, {waiting} wait");
            Ok(())
        })
        .await;
    }

    /// Each mark is in its workflow once, and in the order in which they were sent.
    async fn has_arrived_once_and_in_order(&self, api: &Api) {
        self.has_arrived().await;
        let keys = self.sent.iter().map(async |(key, marks)| {
            let id = format!("key-{key}");
            expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
            let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
            assert_eq!(result.body["messages"], json!(marks), "{id}");
        });
        join_all(keys).await;
    }
}

async fn partitions(api: &Api) -> anyhow::Result<usize> {
    let metrics = api.get("/metrics").await?.body;
    let metrics = metrics.as_str().context("no metrics")?;
    let line = metrics.lines().find(|line| line.starts_with("signalbox_router_partitions{"));
    let (_, number) = line.and_then(|line| line.rsplit_once(' ')).context("no such metric")?;
    Ok(number.parse()?)
}

async fn started() -> (Stack, Load) {
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let load = Load { jetstream, sent: BTreeMap::new() };
    load.begin().await;
    (stack, load)
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_shared_and_order_outlives_the_death_of_their_routers() {
    let (mut stack, mut load) = started().await;
    load.send(KEYS).await;
    let mut routers = Routers::join(&stack, 2).await;
    // Each gets some of the work of the first one.
    for (_, api) in routers.0.iter().flatten() {
        let begun = Instant::now();
        while partitions(api).await.unwrap() == 0 {
            assert!(begun.elapsed() < SOON * 2, "it has none");
            load.send(KEYS).await;
            load.has_arrived().await;
        }
    }
    load.send(4 * KEYS).await;
    stack.kill(Service::SignalRouter).unwrap();
    load.send(4 * KEYS).await;
    routers.0[0].take().unwrap().0.kill().unwrap();
    load.send(4 * KEYS).await;
    stack.launch(Service::SignalRouter).unwrap();
    load.send(4 * KEYS).await;
    load.has_arrived_once_and_in_order(&stack.api()).await;
}

/// It was thought dead, another one took its place, and then it wakes up with work in its hands.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_was_asleep_does_nothing_again() {
    let (stack, mut load) = started().await;
    load.send(KEYS).await;
    let (sleeper, _api) = &Routers::join(&stack, 1).await.0.remove(0).unwrap();
    let sleeper = sleeper.id();
    for _ in 0..3 {
        load.send(4 * KEYS).await;
        put_to_sleep(sleeper).unwrap();
        // Longer than anybody holds it for alive: what it has must come to somebody else.
        load.send(4 * KEYS).await;
        load.has_arrived().await;
        wake_up(sleeper).unwrap();
        load.send(2 * KEYS).await;
    }
    load.has_arrived_once_and_in_order(&stack.api()).await;
}

/// A consumer that an earlier version made acknowledges one by one, and is open to several at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_an_earlier_version_goes_on_where_it_was() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let jetstream = jetstream::new(stack.nats_client().await.unwrap());
    let config = stream::Config {
        name: names::EVENTS.into(),
        subjects: vec!["events.>".into()],
        max_age: 1000 * SOON,
        ..Default::default()
    };
    let events = jetstream.create_stream(config).await.unwrap();
    let config = pull::Config { durable_name: Some("match".into()), ..Default::default() };
    let before = events.create_consumer(config).await.unwrap();
    for name in ["matched", "waits"] {
        let subject = format!("events.lab.trigger.{name}");
        jetstream.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    }
    let first = before.fetch().max_messages(1).messages().await.unwrap().next().await.unwrap().unwrap();
    first.double_ack().await.unwrap();
    stack.launch_all(&Service::ALL).await.unwrap();
    described(&stack.api(), "waits").await;
    expect(&stack.api().get("/workflows/matched").await.unwrap(), 404);
}
