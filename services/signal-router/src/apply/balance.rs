//! Partitions are spread over the routers that there are. JetStream decides who has a partition; a router that has more
//! than its share gives one away, and does not ask for it for a while.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::metrics::gauge::Gauge;
use signalbox_bus::Bus;
use signalbox_proto::names::{PARTITIONS, service};
use signalbox_telemetry::Chain;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

/// One is given away at a time, and then it takes a while until somebody else has it.
const EVERY: Duration = Duration::from_secs(5);

/// Which partitions this router has, and which of them it is to give away.
pub(super) struct Balance {
    bus: Bus,
    ours: Arc<Mutex<BTreeSet<u16>>>,
    surplus: watch::Sender<Option<u16>>,
}

/// A partition's part in it.
pub(super) struct Share {
    number: u16,
    partitions: Gauge,
    ours: Arc<Mutex<BTreeSet<u16>>>,
    surplus: watch::Receiver<Option<u16>>,
}

impl Balance {
    pub(super) fn new(bus: Bus) -> Self {
        Self { bus, ours: Arc::default(), surplus: watch::channel(None).0 }
    }

    pub(super) fn share(&self, number: u16, partitions: &Gauge) -> Share {
        Share {
            number,
            partitions: partitions.clone(),
            ours: Arc::clone(&self.ours),
            surplus: self.surplus.subscribe(),
        }
    }

    pub(super) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let balance = async {
            loop {
                sleep(EVERY).await;
                match self.bus.instances(service::ROUTER).await {
                    Ok(routers) => self.look(routers),
                    Err(error) => {
                        tracing::debug!(error = %Chain(&error), "not known how many routers there are")
                    }
                }
            }
        };
        stop.run_until_cancelled(balance).await;
        Ok(())
    }

    fn look(&self, routers: usize) {
        let ours = self.ours.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(surplus) = surplus(&ours, routers) {
            tracing::info!(partition = surplus, routers, "a partition is given to another router");
            self.surplus.send_replace(Some(surplus));
        }
    }
}

/// A partition that is too much for one of so many routers.
fn surplus(ours: &BTreeSet<u16>, routers: usize) -> Option<u16> {
    let fair = usize::from(PARTITIONS).div_ceil(routers.max(1));
    ours.last().copied().filter(|_| ours.len() > fair)
}

impl Share {
    /// Comes back when the partition is to be given away.
    pub(super) async fn is_too_large(&mut self) {
        while self.surplus.changed().await.is_ok() {
            if *self.surplus.borrow_and_update() == Some(self.number) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Says whether the partition is this router's.
    pub(super) fn is_ours(&self, ours: bool) {
        let mut all = self.ours.lock().unwrap_or_else(PoisonError::into_inner);
        let new = if ours { all.insert(self.number) } else { all.remove(&self.number) };
        if new {
            self.partitions.set(all.len() as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_a_share_is_given_away() {
        let all: BTreeSet<_> = (0..PARTITIONS).collect();
        let three: BTreeSet<_> = (0..3).collect();
        assert_eq!(
            [1, 2, 3, 8, 9].map(|routers| surplus(&all, routers)),
            [None, Some(7), Some(7), Some(7), Some(7)]
        );
        assert_eq!([0, 2, 3, 4].map(|routers| surplus(&three, routers)), [None, None, None, Some(2)]);
    }
}
