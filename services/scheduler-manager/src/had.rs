//! Which schedules with a number of runs Temporal has had.
//!
//! When they have had their runs, Temporal forgets them after some days. They would be made once more, and run once
//! more, if nobody else remembered them. So they are kept in KV, besides what calls desire, until they are declared
//! otherwise or no more.

use std::collections::HashMap;

use signalbox_bus::Table;
use signalbox_proto::v1::{Problem, ScheduleSpec};
use signalbox_temporal::Listed;

use crate::{applied::Set, spec::nats_away};

/// No id of a schedule begins so, so no call's schedule has such a key.
const PREFIX: &str = "had\n";

/// The declarations, by the ids of schedules, that Temporal has had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Had(HashMap<String, String>);

impl Had {
    /// Gets them apart from what calls desire.
    pub(crate) fn split(all: Vec<ScheduleSpec>) -> (Self, Vec<ScheduleSpec>) {
        let (had, called) = all.into_iter().partition(|spec| spec.schedule_id.starts_with(PREFIX));
        let entry = |spec: ScheduleSpec| (spec.schedule_id[PREFIX.len()..].to_owned(), spec.request_id);
        (Self(Vec::into_iter(had).map(entry).collect()), called)
    }

    /// Whether Temporal has had the schedule as it is declared, with all its runs or without.
    pub(crate) fn has(&self, set: &Set, id: &str) -> bool {
        let declared = limited(set, id);
        declared.is_some() && declared == self.0.get(id)
    }

    /// Remembers what Temporal has, and forgets what is not declared.
    pub(crate) async fn keep(
        &self,
        table: &Table<ScheduleSpec>,
        set: &Set,
        listed: &[Listed],
    ) -> Result<(), Problem> {
        for (id, digest) in self.to_remember(set, listed) {
            let key = format!("{PREFIX}{id}");
            let kept = ScheduleSpec {
                schedule_id: key.clone(),
                request_id: digest.to_owned(),
                confirmed: true,
                ..Default::default()
            };
            table.put(&key, &kept).await.map_err(nats_away)?;
        }
        for id in self.0.keys().filter(|id| limited(set, id).is_none()) {
            table.remove(&format!("{PREFIX}{id}")).await.map_err(nats_away)?;
        }
        Ok(())
    }

    fn to_remember<'s>(&self, set: &'s Set, listed: &'s [Listed]) -> Vec<(&'s str, &'s str)> {
        let there = listed.iter().filter_map(|listed| {
            let (id, digest) = (listed.view.schedule_id.as_str(), listed.declared.as_ref()?);
            (limited(set, id) == Some(digest) && self.0.get(id) != Some(digest))
                .then_some((id, digest.as_str()))
        });
        there.collect()
    }
}

/// The hash of what a schedule is declared to be, if it is, with a number of runs.
fn limited<'s>(set: &'s Set, id: &str) -> Option<&'s String> {
    let schedule = &set.schedules.get(id)?.schedule;
    schedule.runs.and(schedule.declared.as_ref())
}

#[cfg(test)]
mod tests {
    use signalbox_routing::DeclaredSchedule;

    use super::*;
    use crate::desired::Desired;

    fn set(texts: &[&str]) -> Set {
        let desired = |text: &&str| Desired::declared(&DeclaredSchedule::read(text).unwrap());
        let schedules = texts.iter().map(desired).map(|desired| (desired.schedule.id.to_string(), desired));
        Set { version: "v".into(), schedules: schedules.collect() }
    }

    #[test]
    fn what_it_had_is_told_apart_from_what_calls_desire() {
        let set =
            set(&["{ id: a, every: 1h, runs: 2, emit: events.a }", "{ id: b, every: 1h, emit: events.b }"]);
        let digest = |id: &str| set.schedules[id].schedule.declared.clone().unwrap();
        let entry = |id: &str, request_id: String| ScheduleSpec {
            schedule_id: id.into(),
            request_id,
            ..Default::default()
        };
        let all = vec![entry("had\na", digest("a")), entry("a", "r".into()), entry("had\nb", digest("b"))];
        let (had, called) = Had::split(all);
        assert_eq!(called, [entry("a", "r".into())]);
        assert!(had.has(&set, "a"));
        assert!(!had.has(&set, "b"), "its runs have no end");
        assert!(!had.has(&set, "c"));
        let (other, _) = Had::split(vec![entry("had\na", "another".into())]);
        assert!(!other.has(&set, "a"), "it is declared otherwise by now");
    }

    #[test]
    fn what_is_missing_is_made_unless_it_had_its_runs() {
        use crate::plan::{Depth, Step, steps};
        let set =
            set(&["{ id: a, every: 1h, runs: 2, emit: events.a }", "{ id: b, every: 1h, emit: events.b }"]);
        let both = [Step::Create("a".into()), Step::Create("b".into())];
        assert_eq!(steps(&set, &[], &Had::default(), Depth::List), both);
        let digest = set.schedules["a"].schedule.declared.clone().unwrap();
        let had = Had([("a".to_owned(), digest)].into());
        assert_eq!(steps(&set, &[], &had, Depth::List), both[1..]);
    }
}
