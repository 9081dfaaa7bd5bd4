//! One side's turn: as many events as go in its time.

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, pending, try_join_all};

use super::http::{Http1, Http2};
use super::rig::Rig;
use crate::bench::rig::failed;
use crate::failure::Failure;

/// Who sends events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Over one connection of HTTP/2.
    Http2,
    /// Over connections of HTTP/1.1, as many as events are open at a time.
    Http1,
    /// A bare JetStream publisher, over one connection.
    JetStream,
}

impl Side {
    /// In the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Http2, Self::Http1, Self::JetStream];
}

/// Sends events, one after the other.
enum Sender {
    Http2(Http2),
    Http1(Box<Http1>),
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
        let (senders, up) = Sender::some(rig, side, concurrency).await?;
        let began = Instant::now();
        let until = began + long;
        let sending = try_join_all(senders.into_iter().map(|sender| sender.send(rig, until)));
        let all = tokio::select! {
            all = sending => all?,
            ended = up => return Err(ended),
        };
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

impl Sender {
    /// So many, and what keeps up what they share; that ends only when it fails.
    async fn some(
        rig: &Rig,
        side: Side,
        count: usize,
    ) -> Result<(Vec<Self>, BoxFuture<'static, Failure>), Failure> {
        let (mut senders, mut up) = (Vec::with_capacity(count), pending().boxed());
        match side {
            Side::Http2 => {
                let (shared, connection) = Http2::connect(rig.address).await?;
                senders.extend((0..count).map(|_| Self::Http2(shared.clone())));
                up = connection.boxed();
            }
            Side::Http1 => {
                for _ in 0..count {
                    senders.push(Self::Http1(Box::new(Http1::connect(rig.address).await?)));
                }
            }
            Side::JetStream => senders.extend((0..count).map(|_| Self::JetStream)),
        }
        Ok((senders, up))
    }

    /// One event after the other, until then.
    async fn send(mut self, rig: &Rig, until: Instant) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let (n, began) = (latencies.len(), Instant::now());
            match &mut self {
                Self::Http2(shared) => shared.send(n).await?,
                Self::Http1(connection) => connection.send(n).await?,
                Self::JetStream => rig.publish(n).await?,
            }
            latencies.push(began.elapsed());
        }
        Ok(latencies)
    }
}
