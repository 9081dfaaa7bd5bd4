//! NATS killed under a load of webhooks: what was answered 2xx comes to its workflow, once.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures::future::join_all;
use serde_json::json;
use signalbox_testkit::{Api, eventually};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Hooked;

/// As many workflows as senders.
const SENDERS: usize = 20;

/// What each sender leaves between two deliveries.
const PACE: Duration = Duration::from_millis(100);

const ROUTES: &str = "
version: 1
sources:
  - { name: payments, provider: bearer, secrets: [ { env: SENSOR_TOKEN } ], delivery_id: { pointer: /mark } }
routes:
  - name: mark
    on: events.payments.>
    signal_with_start:
      workflow: AggregateWorkflow
      workflow_id: sender-${ event.data.sender }
      args: [ marks ]
      signal: { name: add_message, args: [ \"${ event.data.mark }\" ] }
";

/// What one sender was told of its deliveries.
#[derive(Default)]
struct Told {
    accepted: Vec<String>,
    refused: usize,
    /// The longest that it waited for an answer.
    longest: Duration,
}

/// Sends until it is told to end; each delivery once, as senders do that never try again.
async fn send(api: &Api, sender: usize, ended: &AtomicBool) -> Told {
    let mut told = Told::default();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0.. {
        pace.tick().await;
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let mark = format!("{sender}-{n}");
        let body = json!({ "sender": sender, "mark": mark }).to_string();
        let headers = [("authorization", "Bearer sensor-token")];
        let begun = Instant::now();
        match api.post_body("/webhooks/payments", &headers, body).await {
            Ok(answer) if (200..300).contains(&answer.status) => told.accepted.push(mark),
            _ => told.refused += 1,
        }
        told.longest = told.longest.max(begun.elapsed());
    }
    told
}

/// The marks that the workflow of a sender has, and how often.
async fn marks(api: &Api, sender: usize) -> anyhow::Result<HashMap<String, usize>> {
    let progress = api.get(&format!("/workflows/sender-{sender}/queries/progress")).await?;
    ensure!(progress.status == 200, "{}", progress.body);
    let mut marks = HashMap::new();
    for mark in progress.body["messages"].as_array().into_iter().flatten() {
        *marks.entry(mark.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    Ok(marks)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_that_was_answered_yes_is_delivered_though_nats_is_killed() {
    let long = std::env::var_os("SIGNALBOX_TEST_LONG").is_some();
    let away = Duration::from_secs(if long { 60 } else { 8 });
    let mut hooked = Hooked::start(ROUTES).await;
    let api = hooked.stack.api();
    let ended = AtomicBool::new(false);
    let outage = async {
        sleep(Duration::from_secs(3)).await;
        hooked.stack.nats.kill().unwrap();
        sleep(away).await;
        hooked.stack.nats.start_again().await.unwrap();
        hooked.stack.wait_until_open().await;
        sleep(Duration::from_secs(3)).await;
        ended.store(true, Ordering::Relaxed);
    };
    let senders = join_all((0..SENDERS).map(|sender| send(&api, sender, &ended)));
    let (told, ()) = tokio::join!(senders, outage);

    let (mut accepted, mut refused) = (0, 0);
    for (sender, told) in told.iter().enumerate() {
        (accepted, refused) = (accepted + told.accepted.len(), refused + told.refused);
        let seen = eventually(Duration::from_secs(90), async || {
            let seen = marks(&api, sender).await?;
            let lost: Vec<_> = told.accepted.iter().filter(|mark| !seen.contains_key(*mark)).collect();
            ensure!(lost.is_empty(), "sender {sender} waits for {lost:?}");
            Ok(seen)
        })
        .await;
        let doubled: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
    }
    println!("NATS away for {away:?}: {accepted} deliveries accepted, {refused} refused, 0 lost, 0 doubled");
    // Within the service's patience a delivery waits; beyond it, it is refused.
    let longest = told.iter().map(|told| told.longest).max().unwrap_or_default();
    assert!(accepted > SENDERS && (refused > 0 || longest > away / 2), "there was no outage: {longest:?}");
}
