//! One round of throughput: what waits is drained, then the direct client makes the same calls.

use std::time::{Duration, Instant};

use futures::{TryStreamExt, stream};
use signalbox_bus::Bus;
use signalbox_proto::names::{consumer, stream as streams};
use tokio::time::interval;

use super::rig::Rig;
use crate::bench::rig::failed;
use crate::bench::usage::Used;
use crate::failure::Failure;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Nothing moves for this long: it will not end.
const STALLED: Duration = Duration::from_secs(30);

/// What one round took.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub events_per_second: f64,
    pub direct_per_second: f64,
    /// Microseconds of CPU for each event.
    pub cpu: Cpu,
    /// Microseconds of CPU of the direct client, and of Temporal for it, for each call.
    pub direct_cpu: [f64; 2],
}

/// Microseconds of CPU for each event.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub router: f64,
    pub nats: f64,
    pub temporal: f64,
}

/// How far the draining is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Outcomes in the ledger.
    pub outcomes: u64,
    /// Whether all that waited is acknowledged.
    pub empty: bool,
}

impl Progress {
    pub async fn look(bus: &Bus) -> Result<Self, Failure> {
        let of = |stream: &'static str| async move {
            let state = bus.stream_state(stream).await?;
            Ok::<_, Failure>(state.map_or(0, |state| state.messages))
        };
        let matching = bus.consumer_state(streams::EVENTS, consumer::MATCH).await?;
        let matched = matching.is_some_and(|state| state.lag == 0 && state.unacknowledged == 0);
        let empty = matched && of(streams::COMMANDS).await? == 0;
        // Last: what is acknowledged by then is recorded.
        Ok(Self { outcomes: of(streams::OUTCOMES).await?, empty })
    }
}

impl Round {
    pub async fn take(rig: &mut Rig, events: usize, in_flight: usize) -> Result<Self, Failure> {
        rig.stop_router().await?;
        rig.publish(events).await?;
        let before = Progress::look(&rig.bus).await?;
        rig.start_router()?;
        let (first, began) = wait(rig, |now| now.outcomes > before.outcomes).await?;
        let ([nats, temporal], router) = (rig.servers()?, rig.router()?);
        let all = [&router, &nats, &temporal];
        let used = cpu(all)?;
        let (last, ended) = wait(rig, |now| now.empty).await?;
        let took = (ended - began).as_secs_f64();
        let used = cpu(all)?.into_iter().zip(used).map(|(after, before)| after - before).collect::<Vec<_>>();

        let recorded = last.outcomes - before.outcomes;
        if recorded != events as u64 {
            return Err(failed(format!("{events} events have {recorded} outcomes, not one each")));
        }
        // What was done before the first look is not counted.
        let counted = events as f64 * (last.outcomes - first.outcomes) as f64 / recorded as f64;
        let each = |seconds: f64| seconds * 1e6 / counted;
        rig.stop_router().await?;
        let (direct_per_second, direct_cpu) = direct(rig, events, in_flight).await?;
        Ok(Self {
            events_per_second: counted / took,
            direct_per_second,
            cpu: Cpu { router: each(used[0]), nats: each(used[1]), temporal: each(used[2]) },
            direct_cpu,
        })
    }
}

/// Looks until `there`, and tells when that was.
pub async fn wait(rig: &mut Rig, there: impl Fn(&Progress) -> bool) -> Result<(Progress, Instant), Failure> {
    let mut looks = interval(LOOK_EVERY);
    let (mut seen, mut moved) = (None, Instant::now());
    loop {
        looks.tick().await;
        let now = Progress::look(&rig.bus).await?;
        if there(&now) {
            return Ok((now, Instant::now()));
        }
        if seen.replace(now) != Some(now) {
            moved = Instant::now();
        }
        rig.check_router()?;
        if moved.elapsed() > STALLED {
            return Err(failed(format!("nothing moves any more, after {} outcomes", now.outcomes)));
        }
    }
}

async fn direct(rig: &mut Rig, calls: usize, in_flight: usize) -> Result<(f64, [f64; 2]), Failure> {
    let [_, temporal] = rig.servers()?;
    let (this, rig) = (Used::by(std::process::id())?, &*rig);
    let (used, began) = (cpu([&this, &temporal])?, Instant::now());
    let made = stream::iter((0..calls).map(Ok)).try_for_each_concurrent(in_flight, |n| rig.call(n));
    made.await?;
    let took = began.elapsed().as_secs_f64();
    let after = cpu([&this, &temporal])?;
    let each = [0, 1].map(|n| (after[n] - used[n]) * 1e6 / calls as f64);
    Ok((calls as f64 / took, each))
}

fn cpu<const N: usize>(of: [&Used; N]) -> Result<[f64; N], Failure> {
    let mut seconds = [0.0; N];
    for (seconds, used) in seconds.iter_mut().zip(of) {
        *seconds = used.cpu()?;
    }
    Ok(seconds)
}
