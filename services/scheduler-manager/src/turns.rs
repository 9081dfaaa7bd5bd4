//! One writer at a time for each schedule.

use std::hash::{DefaultHasher, Hash, Hasher};

use signalbox_domain::ScheduleId;
use tokio::sync::{Mutex, MutexGuard};

/// More makes it rarer that two schedules wait for each other.
const LANES: usize = 64;

/// Writing what is desired, doing it and confirming it takes several steps, which must not mix with those of another
/// call or of the reconciliation.
pub(crate) struct Turns([Mutex<()>; LANES]);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    pub(crate) async fn of(&self, id: &ScheduleId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.as_str().hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default();
        self.0[lane].lock().await
    }
}
