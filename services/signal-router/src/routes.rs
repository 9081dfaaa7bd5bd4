//! Route sets: which are there, which is wanted, and which each event is matched with.
//!
//! Whoever applies a set writes it into the bucket `signalbox-routes` and says there that it is wanted. `wanted` follows
//! that and loads what is wanted; between two events the matcher takes it up (`running`). A folder is one more that
//! applies sets (`told`): what is new in it, and nothing else.

mod changes;
mod claim;
mod folder;
mod running;
mod sets;
mod told;
mod wanted;

use std::{path::PathBuf, sync::Arc};

use signalbox_bus::Bus;
use signalbox_service::{OnEnd, Process};
use tokio::sync::{oneshot, watch};

pub use folder::{FolderError, RouteFolder};
pub(crate) use running::{Running, Unroutable};
pub(crate) use sets::{Loaded, Sets};

use crate::metrics::RouterMetrics;

/// Follows what is wanted, and the folder, in tasks of the process. The matcher gets what it is to match with.
pub(crate) fn open(
    process: &Process,
    bus: &Bus,
    metrics: &RouterMetrics,
    folder: PathBuf,
    watched: bool,
) -> Running {
    let sets = Arc::new(Sets::new(bus.clone()));
    let (first, told_first) = oneshot::channel();
    let told = told::Told { sets: Arc::clone(&sets), metrics: metrics.clone(), folder, watched };
    let told = told.run(first, process.stop.clone());
    process.tasks.spawn("look into the routes' folder", OnEnd::StopService, told);

    let (offer, offered) = watch::channel(wanted::Offer::default());
    let wanted = wanted::Wanted { sets: Arc::clone(&sets), offer };
    let wanted = wanted.run(told_first, process.stop.clone());
    process.tasks.spawn("load wanted routes", OnEnd::StopService, wanted);

    Running::new(sets, offered, metrics.clone(), process.readiness.condition("routes"))
}
