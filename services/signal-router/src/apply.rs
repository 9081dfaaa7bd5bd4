//! Apply: commands are carried out, in order per key, many keys at once.

mod attempt;
mod balance;
#[cfg(test)]
mod example;
mod execute;
mod lanes;
mod outcome;
mod park;
mod parked;
mod partition;
mod publish;
mod schedule;
mod taken_over;
mod tell;

use std::sync::Arc;

use signalbox_bus::Bus;
use signalbox_proto::names::PARTITIONS;
use signalbox_service::{OnEnd, Process};
use signalbox_temporal::Temporal;
use tokio_util::sync::CancellationToken;

use crate::metrics::RouterMetrics;

/// What carrying out a command needs.
pub(crate) struct Applier {
    pub(crate) bus: Bus,
    pub(crate) temporal: Temporal,
    pub(crate) metrics: RouterMetrics,
    pub(crate) stop: CancellationToken,
}

/// One task a partition.
pub(crate) fn spawn(process: &Process, applier: &Arc<Applier>) {
    let balance = balance::Balance::new(applier.bus.clone());
    for number in 0..PARTITIONS {
        let run =
            partition::run(Arc::clone(applier), number, balance.share(number, &applier.metrics.partitions));
        process.tasks.spawn(format!("apply partition {number}"), OnEnd::StopService, run);
    }
    process.tasks.spawn("share partitions", OnEnd::StopService, balance.run(process.stop.clone()));
}
