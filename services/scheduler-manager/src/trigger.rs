//! Which second a run is named after that is triggered by hand.
//!
//! Temporal names a schedule's runs by the second, and drops one silently whose name is taken. So each gets a second of
//! its own: the latest at which neither the schedule itself nor another call starts a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use signalbox_proto::v1::Problem;

use crate::spec::{When, problem};

/// How many seconds back a name may be.
const MEMORY: i64 = 60;

/// The seconds of the last minute that calls have taken, with the schedules.
#[derive(Default)]
pub(crate) struct Taken(Mutex<BTreeSet<(i64, String)>>);

impl Taken {
    /// Takes a second for a run of the schedule.
    pub(crate) fn take(
        &self,
        id: &str,
        when: Option<&When>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Problem> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(second, _)| *second > now.timestamp() - MEMORY);
        let free = (0..MEMORY)
            .filter_map(|back| DateTime::from_timestamp(now.timestamp() - back, 0))
            .find(|second| !taken.contains(&(second.timestamp(), id.to_owned())) && !is_due(when, *second))
            .ok_or_else(|| {
                problem(
                    "too-many-runs",
                    format!("the schedule `{id}` has a run for each second of the last minute"),
                )
            })?;
        taken.insert((free.timestamp(), id.to_owned()));
        Ok(free)
    }
}

/// Calls of the last minute that may have had their run, and the second that it is named after.
#[derive(Default)]
pub(crate) struct Tried(Mutex<BTreeMap<(String, String), DateTime<Utc>>>);

impl Tried {
    pub(crate) fn second(&self, id: &str, request_id: &str) -> Option<DateTime<Utc>> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get(&(id.to_owned(), request_id.to_owned())).copied()
    }

    pub(crate) fn remember(&self, id: &str, request_id: &str, second: DateTime<Utc>) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A second may be named that is as much earlier.
        tried.retain(|_, earlier| *earlier > second - TimeDelta::seconds(2 * MEMORY));
        tried.insert((id.to_owned(), request_id.to_owned()), second);
    }
}

fn is_due(when: Option<&When>, second: DateTime<Utc>) -> bool {
    when.is_some_and(|when| when.next_times(second - TimeDelta::seconds(1)).next() == Some(second))
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::ScheduleView;

    use super::*;

    fn when(cron: &str) -> Option<When> {
        When::said(&ScheduleView { cron: cron.into(), ..Default::default() })
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 7).unwrap()
    }

    #[test]
    fn each_call_gets_a_second_of_its_own() {
        let taken = Taken::default();
        let take = |(id, when): &(&str, Option<When>), now| {
            taken.take(id, when.as_ref(), at(now)).map(|second| second.timestamp())
        };
        let (minutely, other) = (("minutely", when("* * * * *")), ("other", None));
        assert_eq!([602, 602, 602, 602].map(|now| take(&minutely, now).unwrap()), [602, 601, 599, 598]);
        assert_eq!(take(&other, 602), Ok(602));
        assert_eq!([603, 603].map(|now| take(&minutely, now).unwrap()), [603, 597]);
        let left = (0..100).filter(|_| take(&minutely, 603).is_ok()).count();
        assert_eq!(left, 60 - 6 - 1, "the last minute has sixty, of which one is the schedule's own");
        assert_eq!(take(&minutely, 604), Ok(604));
    }

    #[test]
    fn a_schedule_that_runs_all_the_time_leaves_no_second() {
        let refused = Taken::default().take("s", when("* * * * * *").as_ref(), at(600)).unwrap_err();
        assert_eq!(refused.code, "too-many-runs");
    }
}
