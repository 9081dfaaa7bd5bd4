//! Flow: commands that their routes debounce, batch or throttle wait here, between match and COMMANDS.
//!
//! `stages` and `held` say what waits for how long, which is pure. `partition` keeps the deliveries of FLOW until their
//! commands have gone on, so that a router that dies loses none of them, and `release` lets them go on.

mod held;
mod partition;
mod release;
mod stages;
mod told;

use signalbox_bus::Bus;
use signalbox_proto::names::PARTITIONS;
use signalbox_service::{OnEnd, Process};

use crate::metrics::RouterMetrics;

/// One task a partition.
pub(crate) fn spawn(process: &Process, bus: &Bus, metrics: &RouterMetrics) {
    for number in 0..PARTITIONS {
        let run = partition::run(bus.clone(), metrics.clone(), process.stop.clone(), number);
        process.tasks.spawn(format!("flow partition {number}"), OnEnd::StopService, run);
    }
}
