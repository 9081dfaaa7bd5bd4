//! Latency at a fixed rate, next to what is the least that it could be.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use signalbox_bus::Waiters;
use signalbox_domain::{OutcomeExt, OutcomeKind};
use tokio::time::timeout;

use super::pace::ticks;
use super::report::Latency;
use super::rig::Rig;
use crate::bench::numbers::{milliseconds, sorted};
use crate::bench::rig::failed;
use crate::failure::Failure;

/// An outcome that takes longer than this does not come.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than this are not measured: the numbers do not get better.
const MOST: usize = 5_000;
/// The first of each kind meet connections and caches that are cold.
const COLD: usize = 50;

/// Measures `count` events, so many a second.
pub async fn measure(rig: &mut Rig, per_second: f64, count: usize) -> Result<Latency, Failure> {
    let count = count.min(MOST) + COLD;
    let pace = Duration::from_secs_f64(1.0 / per_second.max(1.0));
    rig.stop_router().await?;
    let trips = trips(rig, pace, count).await?;
    let calls = calls(rig, pace, count).await?;
    rig.start_router()?;
    super::drain::wait(rig, |now| now.empty).await?;
    let events = events(rig, pace, count).await?;
    rig.stop_router().await?;
    Ok(Latency::of(1.0 / pace.as_secs_f64(), &events, &trips, &calls))
}

/// From before a message is published to a stream until a consumer has it.
async fn trips(rig: &Rig, pace: Duration, count: usize) -> Result<Vec<f64>, Failure> {
    let mut feed = rig.bus.read_events("events.bench.*", None).await?;
    let (mut ticks, mut took) = (ticks(pace, count), Vec::new());
    while ticks.recv().await.is_some() {
        let began = Instant::now();
        let publish = rig.publish_one(took.len(), None);
        let (stored, entry) = tokio::join!(publish, timeout(PATIENCE, feed.next()));
        stored?;
        let entry = entry.map_err(|_| failed("a consumer gets nothing".to_owned()))??;
        entry.ok_or_else(|| failed("the connection to NATS is closed".to_owned()))?;
        took.push(began.elapsed());
    }
    Ok(warm(&took))
}

async fn calls(rig: &Rig, pace: Duration, count: usize) -> Result<Vec<f64>, Failure> {
    let (mut ticks, mut took) = (ticks(pace, count), Vec::new());
    while ticks.recv().await.is_some() {
        let began = Instant::now();
        rig.call(took.len()).await?;
        took.push(began.elapsed());
    }
    Ok(warm(&took))
}

/// From before an event is published until the outcome of its effect is there. They do not wait for each other.
async fn events(rig: &Rig, pace: Duration, count: usize) -> Result<Vec<f64>, Failure> {
    let (waiters, hand_over) = rig.bus.waiters().await?;
    let ticks = stream::unfold(ticks(pace, count), async |mut ticks| Some((ticks.recv().await?, ticks)));
    let measured = ticks.enumerate().map(|(n, ())| one(rig, &waiters, n));
    tokio::select! {
        took = measured.buffered(1024).try_collect::<Vec<_>>() => Ok(warm(&took?)),
        () = hand_over => Err(failed("the connection to NATS is closed".to_owned())),
    }
}

async fn one(rig: &Rig, waiters: &Waiters, n: usize) -> Result<Duration, Failure> {
    let mut waiting = waiters.expect().map_err(|error| failed(error.to_string()))?;
    let began = Instant::now();
    let (id, _) = rig.publish_one(n, Some(waiting.reply_to())).await?;
    let accepted = async {
        loop {
            let outcome = waiting.next().await;
            if !outcome.effect_key.is_empty() && outcome.is_final() {
                return outcome;
            }
        }
    };
    let outcome =
        timeout(PATIENCE, accepted).await.map_err(|_| failed(format!("nothing came of event {id}")))?;
    match outcome.kind() {
        OutcomeKind::Dead | OutcomeKind::Refused => Err(failed(outcome.detail)),
        _ => Ok(began.elapsed()),
    }
}

fn warm(took: &[Duration]) -> Vec<f64> {
    sorted(took.iter().skip(COLD).map(milliseconds))
}
