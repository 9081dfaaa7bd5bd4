//! Sets that are swapped every second under a steady load, with a router that is killed in the middle of it.
//!
//! `SIGNALBOX_TEST_LONG=1` takes a minute and some hundred events a second.

use std::{
    collections::BTreeMap,
    fmt::Display,
    time::{Duration, Instant},
};

use anyhow::ensure;
use async_nats::jetstream::{self, consumer::PullConsumer};
use futures::future::join_all;
use signalbox_domain::TimelineExt;
use signalbox_proto::{
    Message,
    names::{bucket, consumer, route_key, stream},
    v1::RouteTimeline,
};
use signalbox_servers::Binary;
use signalbox_testkit::{Service, Stack, binary, eventually};
use tokio::time::{MissedTickBehavior, interval};

use super::{Matched, Routed, publish};
use crate::cli::{Cli, told};

/// Events come in bundles, this often.
const BUNDLE_EVERY: Duration = Duration::from_millis(20);
const SWAP_EVERY: Duration = Duration::from_secs(1);

/// So many at once are not matched by the time that they are known to be stored.
const IN_ITS_HANDS: usize = 40;

struct Load {
    lasts: Duration,
    bundle: usize,
    kills: u32,
    settles: Duration,
}

impl Load {
    fn of_environment() -> Self {
        match std::env::var_os("SIGNALBOX_TEST_LONG") {
            Some(_) => Self {
                lasts: Duration::from_secs(60),
                bundle: 6,
                kills: 5,
                settles: Duration::from_secs(600),
            },
            None => {
                Self { lasts: Duration::from_secs(8), bundle: 2, kills: 3, settles: Duration::from_secs(120) }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_has_one_version_while_sets_are_swapped_and_the_router_is_killed() {
    let load = Load::of_environment();
    let mut routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    let b = routed.apply("b").await;
    let marks = BTreeMap::from([(a.clone(), "a"), (b.clone(), "b")]);

    let Routed { stack, cli, jetstream, .. } = &mut routed;
    let (mut sequences, swaps, in_its_hands) = tokio::join!(
        publish_steadily(jetstream, &load),
        swap(cli, [&a, &b], &load),
        kill_now_and_then(stack, cli, jetstream, &load),
    );
    sequences.extend(in_its_hands);
    settled(jetstream, load.settles).await;

    let timeline = timeline(jetstream).await;
    let matched = Matched::all(jetstream).await.unwrap();
    assert_eq!(matched.len(), sequences.len());
    let mut of_version = BTreeMap::<&str, usize>::new();
    for (name, sequence) in &sequences {
        let version = timeline.at(*sequence).unwrap().version.as_str();
        let what = matched.get(name).unwrap_or_else(|| panic!("{name} is lost"));
        what.is_of_after_all(version, &format!("{}-{name}", marks[version]));
        *of_version.entry(version).or_default() += 1;
    }
    // The load is no test of swaps unless they come about, and while events come.
    let periods = timeline.periods.len();
    assert!(of_version.len() == 2 && periods > swaps / 2, "{swaps} swaps, {periods} periods: {of_version:?}");
    in_temporal(stack, cli, sequences.len()).await;
    eprintln!("{} events, {periods} periods, {of_version:?}", sequences.len());
}

/// Tells what was stored, by name, with its sequence.
async fn publish_steadily(jetstream: &jetstream::Context, load: &Load) -> Vec<(String, u64)> {
    let (begun, mut bundles, mut stored) = (Instant::now(), interval(BUNDLE_EVERY), Vec::new());
    while begun.elapsed() < load.lasts {
        bundles.tick().await;
        stored.extend(bundle(jetstream, stored.len(), load.bundle).await);
    }
    stored
}

async fn bundle(jetstream: &jetstream::Context, first: impl Display, size: usize) -> Vec<(String, u64)> {
    let names: Vec<_> = (0..size).map(|n| format!("{first}-{n}")).collect();
    let sequences = join_all(names.iter().map(|name| publish(jetstream, name))).await;
    names.into_iter().zip(sequences).collect()
}

/// From one version to the other and back. Tells how often.
async fn swap(cli: &Cli, versions: [&String; 2], load: &Load) -> usize {
    let (begun, mut ticks) = (Instant::now(), interval(SWAP_EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut swaps = 0;
    for version in versions.into_iter().cycle() {
        ticks.tick().await;
        if begun.elapsed() >= load.lasts {
            break;
        }
        let told = cli.run(&["rollback", version, "--wait=0s"]).await;
        assert_eq!(told.code, 0, "{told:?}");
        swaps += 1;
    }
    swaps
}

/// With events in its hands, and another set is applied while it is dead. Tells those events as they were stored.
async fn kill_now_and_then(
    stack: &mut Stack,
    cli: &Cli,
    jetstream: &jetstream::Context,
    load: &Load,
) -> Vec<(String, u64)> {
    let (mut ticks, mut stored) = (interval(load.lasts / (load.kills + 1)), Vec::new());
    ticks.tick().await;
    for kill in 0..load.kills {
        ticks.tick().await;
        stored.extend(bundle(jetstream, format!("kill-{kill}"), IN_ITS_HANDS).await);
        stack.kill(Service::SignalRouter).unwrap();
        let told = cli.run(&["rollback", "--wait=0s"]).await;
        assert_eq!(told.code, 0, "{told:?}");
        stack.launch(Service::SignalRouter).unwrap();
    }
    stored
}

/// Waits until each event is matched, and each command is carried out.
async fn settled(jetstream: &jetstream::Context, within: Duration) {
    eventually(within, async || {
        let log = jetstream.get_stream(stream::EVENTS).await?;
        let mut matcher: PullConsumer =
            log.get_consumer(consumer::MATCH).await.map_err(|error| anyhow::anyhow!(error))?;
        let matcher = matcher.info().await?;
        ensure!(matcher.num_pending == 0 && matcher.num_ack_pending == 0, "{matcher:?}");
        let commands = jetstream.get_stream(stream::COMMANDS).await?;
        let commands = &commands.cached_info().state;
        ensure!(commands.messages == 0, "{commands:?}");
        Ok(())
    })
    .await;
}

async fn timeline(jetstream: &jetstream::Context) -> RouteTimeline {
    let routes = jetstream.get_key_value(bucket::ROUTES).await.unwrap();
    RouteTimeline::decode(routes.get(route_key::TIMELINE).await.unwrap().unwrap()).unwrap()
}

/// What Temporal itself counts, whose visibility lags behind.
async fn in_temporal(stack: &Stack, cli: &Cli, events: usize) {
    let temporal = binary(Binary::Temporal).unwrap();
    eventually(crate::SOON, async || {
        let mut count = cli.program(temporal.to_str().unwrap());
        let counted = told(count.args(["workflow", "count", "--address", &stack.temporal.address()])).await;
        ensure!(counted.stdout.trim() == format!("Total: {events}"), "{counted:?}");
        Ok(())
    })
    .await;
}
