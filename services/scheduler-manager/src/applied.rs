//! The schedules of the route set that was applied last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use signalbox_bus::{Bus, Error, RouteSets, at_last};
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::Problem;
use signalbox_routing::RouteSet;
use signalbox_telemetry::Chain;
use tokio::{sync::watch, task::spawn_blocking};
use tracing::debug;

use crate::{
    desired::Desired,
    spec::{nats_away, problem},
};

/// The schedules that a route set declares, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    pub(crate) version: String,
    pub(crate) schedules: BTreeMap<String, Desired>,
}

impl Set {
    pub(crate) fn declares(&self, id: &ScheduleId) -> bool {
        self.schedules.contains_key(id.as_str())
    }
}

/// Which set was applied last.
pub(crate) struct Applied {
    bus: Bus,
    /// The set that was read last: a version is always the same set.
    read: Mutex<Arc<Set>>,
    /// The version that was applied last, as far as it was heard.
    heard: watch::Sender<String>,
}

impl Applied {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus, read: Mutex::default(), heard: watch::Sender::default() }
    }

    /// The set that was applied last; `None` if none ever was.
    pub(crate) async fn now(&self) -> Result<Option<Arc<Set>>, Problem> {
        let bucket = self.bus.route_sets().await.map_err(nats_away)?;
        let Some(wanted) = bucket.wanted().await.map_err(nats_away)? else { return Ok(None) };
        let version = wanted.value.version;
        let read = Arc::clone(&self.read.lock().unwrap_or_else(PoisonError::into_inner));
        if read.version == version {
            return Ok(Some(read));
        }
        let set = Arc::new(load(&bucket, &version).await?);
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&set);
        Ok(Some(set))
    }

    /// Whether another set was applied since.
    pub(crate) fn is_superseded(&self, set: &Set) -> bool {
        let heard = self.heard.borrow();
        !heard.is_empty() && *heard != set.version
    }

    /// Tells when another set is applied.
    pub(crate) fn changes(&self) -> watch::Receiver<String> {
        self.heard.subscribe()
    }

    /// Hears which set is applied. Never ends.
    pub(crate) async fn follow(&self) {
        loop {
            let bucket = at_last(|| self.bus.route_sets()).await;
            if let Err(error) = self.hear(&bucket).await {
                debug!(error = %Chain(&error), "route sets are not followed for now");
            }
        }
    }

    async fn hear(&self, bucket: &RouteSets) -> Result<(), Error> {
        let mut watched = at_last(|| bucket.watch_wanted()).await;
        while let Some(wanted) = watched.next().await? {
            let version = wanted.value.version;
            self.heard.send_if_modified(|heard| std::mem::replace(heard, version.clone()) != version);
        }
        Ok(())
    }
}

async fn load(bucket: &RouteSets, version: &str) -> Result<Set, Problem> {
    let unreadable = |why: &str| {
        problem(
            "routes-unreadable",
            format!("the route set {version}, which was applied last, cannot be used: {why}"),
        )
    };
    let files = bucket.named_files(version).await;
    let files = files.ok_or_else(|| unreadable("its files are not kept any more"))?;
    let read = spawn_blocking(move || {
        RouteSet::load(files.files.into_iter().map(|file| (file.name, file.text)))
            .map_err(|faults| faults.to_string())
    });
    let set = read.await.unwrap_or_else(|failed| Err(failed.to_string())).map_err(|why| unreadable(&why))?;
    let desired = |declared| {
        let desired = Desired::declared(declared);
        (desired.schedule.id.to_string(), desired)
    };
    Ok(Set { version: version.to_owned(), schedules: set.schedules().iter().map(desired).collect() })
}
