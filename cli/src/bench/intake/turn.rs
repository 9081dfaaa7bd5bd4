//! One side's turn: as many events as go in its time.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use super::rig::Rig;
use crate::bench::rig::failed;
use crate::failure::Failure;

/// Who sends events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Over HTTP.
    Http,
    /// A bare JetStream publisher.
    JetStream,
}

/// What one side did in its turn.
pub struct Turn {
    /// Of each event, until the answer or the acknowledgement.
    pub latencies: Vec<Duration>,
    pub took: Duration,
    /// Microseconds of CPU for each event.
    pub cpu: Cpu,
}

/// Microseconds of CPU for each event.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub nats: f64,
    pub ingress: f64,
}

impl Turn {
    /// Sends for `long`, `concurrency` events at a time. Each that was accepted is stored, or the measurement fails.
    pub async fn take(
        rig: &mut Rig,
        side: Side,
        concurrency: usize,
        long: Duration,
    ) -> Result<Self, Failure> {
        let [nats, ingress] = rig.processes()?;
        let (before, stored) = ([nats.cpu()?, ingress.cpu()?], rig.stored().await?);
        let began = Instant::now();
        let until = began + long;
        let all = try_join_all((0..concurrency).map(|_| send(rig, side, until))).await?;
        let took = began.elapsed();
        let latencies = all.concat();
        let stored = rig.stored().await? - stored;
        if stored != latencies.len() as u64 {
            return Err(failed(format!("{} events were accepted, and {stored} are stored", latencies.len())));
        }
        let each = |seconds: f64| seconds * 1e6 / latencies.len().max(1) as f64;
        let cpu = Cpu { nats: each(nats.cpu()? - before[0]), ingress: each(ingress.cpu()? - before[1]) };
        Ok(Self { latencies, took, cpu })
    }

    /// Events per second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// One after the other.
async fn send(rig: &Rig, side: Side, until: Instant) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::new();
    let mut connection = match side {
        Side::Http => Some(rig.connect().await?),
        Side::JetStream => None,
    };
    while Instant::now() < until {
        let began = Instant::now();
        match &mut connection {
            Some(connection) => connection.send(latencies.len()).await?,
            None => rig.publish(latencies.len()).await?,
        }
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}
