//! Route sets: what runs, what would change, and changing it. They are in NATS, and so is what the router says of them.

mod apply;
mod diff;
mod history;
mod plan;
mod rollback;
pub mod standing;
mod version;
mod wait;

use std::path::Path;

use signalbox_bus::RouteSets;
use signalbox_domain::TimelineExt;
use signalbox_proto::v1::RouteFiles;
use signalbox_routing::RouteSet;
use signalbox_service::NatsArgs;
use signalbox_signal_router::RouteFolder;
use signalbox_telemetry::Chain;

pub use apply::Apply;
pub use history::Routes;
pub use plan::Plan;
pub use rollback::Rollback;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;

/// A folder's routes, checked.
fn checked(folder: &Path) -> Result<(RouteSet, RouteFiles), Failure> {
    let read = RouteFolder::read(folder).map_err(|error| {
        Failure::other(Exit::Usage, Chain(&error).to_string()).with_tip("name the folder")
    })?;
    match read.load() {
        Ok(set) => Ok((set, read.files())),
        Err(faults) => Err(Failure::other(Exit::Refused, format!("the routes are wrong:\n{faults}"))),
    }
}

/// The version that runs, and its files where they are kept.
///
/// # Errors
/// When NATS cannot be asked.
pub async fn running(sets: &RouteSets) -> Result<(Option<String>, Option<RouteFiles>), Failure> {
    let timeline = sets.timeline().await?.unwrap_or_default().value;
    let version = timeline.running().map(|period| period.version.clone());
    let files = match &version {
        Some(version) => sets.files(version).await?,
        None => None,
    };
    Ok((version, files))
}

async fn kept(sets: &RouteSets, version: &str) -> Result<RouteFiles, Failure> {
    sets.files(version).await?.ok_or_else(|| {
        Failure::other(Exit::NotFound, format!("the files of {version} are not kept any more"))
    })
}

async fn open(args: &NatsArgs) -> Result<RouteSets, Failure> {
    let bus = nats::connect(args).await?;
    Ok(bus.route_sets().await?)
}
