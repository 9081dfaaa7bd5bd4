//! The routes that a router runs.

use signalbox_bus::Bus;
use signalbox_routing::RouteSet;

use super::routes::running;
use crate::exit::Exit;
use crate::failure::Failure;

/// The set that holds for the events that come now.
///
/// # Errors
/// When NATS cannot be asked, or nothing runs yet.
pub async fn set(bus: &Bus) -> Result<RouteSet, Failure> {
    let (_, files) = running(&bus.route_sets().await?).await?;
    let files = files.ok_or_else(|| {
        Failure::other(Exit::NotFound, "no router runs any routes")
            .with_tip("`signalbox apply` has it run those of a folder")
    })?;
    let files = files.files.into_iter().map(|file| (file.name, file.text));
    // A router may be older or newer than this command.
    RouteSet::load(files).map_err(|faults| {
        Failure::other(Exit::Failed, format!("the routes that run are not understood here: {faults}"))
    })
}
