//! Which route set holds for which event: the sequence of an event in its stream says it, at every attempt.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use signalbox_proto::v1::{RoutePeriod, RouteTimeline, WantedRoutes};

use crate::command::wire_time;

/// The stream of events, as a matcher finds it before it takes from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// When it was made. One that is made anew counts from 1 again.
    pub began: DateTime<Utc>,
    /// The last sequence that any matcher was given.
    pub delivered: u64,
    /// Whether a matcher is given events now.
    pub taken: bool,
}

/// What the rest of the house asks of a timeline, and how its matcher writes it on.
pub trait TimelineExt {
    /// Older periods are forgotten; what they held for is said of the oldest that is left.
    const KEPT: usize = 200;

    /// The period that an event is in; `None` if there are no periods.
    fn at(&self, sequence: u64) -> Option<&RoutePeriod>;
    /// The last period.
    fn running(&self) -> Option<&RoutePeriod>;
    /// The last period that had another version than the one that runs.
    fn before(&self) -> Option<&RoutePeriod>;
    /// The versions that are still named.
    fn versions(&self) -> BTreeSet<&str>;
    /// Makes it that of `matcher`, which will take from `log` what none before it has settled.
    fn claim(&mut self, matcher: &str, log: Log);
    /// Begins a period after `matched` and after everything that an earlier matcher may have matched. The first one
    /// begins with the stream.
    fn begin(&mut self, change: u64, wanted: &WantedRoutes, matched: u64);
}

impl TimelineExt for RouteTimeline {
    fn at(&self, sequence: u64) -> Option<&RoutePeriod> {
        let begun = self.periods.partition_point(|period| period.from_sequence <= sequence);
        self.periods.get(begun.saturating_sub(1))
    }

    fn running(&self) -> Option<&RoutePeriod> {
        self.periods.last()
    }

    fn before(&self) -> Option<&RoutePeriod> {
        let running = &self.running()?.version;
        self.periods.iter().rev().find(|period| period.version != *running)
    }

    fn versions(&self) -> BTreeSet<&str> {
        self.periods.iter().map(|period| period.version.as_str()).collect()
    }

    fn claim(&mut self, matcher: &str, log: Log) {
        let began = Some(wire_time(log.began));
        if self.log_began.is_some() && self.log_began != began {
            // The sequences were those of another stream: what ran then holds for all of this one.
            let last = self.periods.pop().map(|last| RoutePeriod { from_sequence: 1, ..last });
            self.periods = last.into_iter().collect();
            self.seen = 0;
        }
        self.log_began = began;
        self.seen = self.seen.max(log.delivered);
        self.matcher = matcher.to_owned();
    }

    fn begin(&mut self, change: u64, wanted: &WantedRoutes, matched: u64) {
        let from_sequence = if self.periods.is_empty() { 1 } else { self.seen.max(matched) + 1 };
        self.periods.push(RoutePeriod {
            from_sequence,
            version: wanted.version.clone(),
            applied_at: wanted.applied_at,
            applied_by: wanted.applied_by.clone(),
            note: wanted.note.clone(),
            change,
        });
        let too_many = self.periods.len().saturating_sub(Self::KEPT);
        self.periods.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(delivered: u64) -> Log {
        Log { began: DateTime::UNIX_EPOCH, delivered, taken: false }
    }

    fn begin(timeline: &mut RouteTimeline, version: &str, matched: u64) {
        let wanted = WantedRoutes { version: version.into(), ..Default::default() };
        timeline.begin(timeline.periods.len() as u64 + 1, &wanted, matched);
    }

    fn of(periods: &[(&str, u64)]) -> RouteTimeline {
        let mut timeline = RouteTimeline::default();
        timeline.claim("a", log(0));
        periods.iter().for_each(|(version, matched)| begin(&mut timeline, version, *matched));
        timeline
    }

    fn version(timeline: &RouteTimeline, sequence: u64) -> &str {
        &timeline.at(sequence).unwrap().version
    }

    #[test]
    fn a_sequence_has_one_version() {
        let timeline = of(&[("v1", 0), ("v2", 10), ("v1", 20)]);
        let versions = [0, 1, 10, 11, 20, 21, 9000].map(|sequence| version(&timeline, sequence));
        assert_eq!(versions, ["v1", "v1", "v1", "v2", "v2", "v1", "v1"]);
        assert_eq!(RouteTimeline::default().at(1), None);
    }

    #[test]
    fn the_first_set_holds_for_what_was_there_before_it() {
        let mut timeline = RouteTimeline::default();
        timeline.claim("a", log(50));
        begin(&mut timeline, "v1", 0);
        assert_eq!(timeline.running().unwrap().from_sequence, 1);
    }

    #[test]
    fn of_two_changes_between_the_same_events_the_later_one_holds() {
        let timeline = of(&[("v1", 0), ("v2", 10), ("v3", 10)]);
        assert_eq!((version(&timeline, 10), version(&timeline, 11)), ("v1", "v3"));
    }

    #[test]
    fn what_an_earlier_matcher_was_given_keeps_its_version() {
        let mut timeline = of(&[("v1", 0)]);
        timeline.claim("b", log(30));
        // It died, too, before it was given as much as the one before it.
        timeline.claim("c", log(12));
        begin(&mut timeline, "v2", 13);
        assert_eq!((version(&timeline, 30), version(&timeline, 31)), ("v1", "v2"));
    }

    #[test]
    fn a_stream_that_begins_anew_begins_with_what_ran() {
        let mut timeline = of(&[("v1", 0), ("v2", 500)]);
        timeline.claim(
            "b",
            Log { began: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1), delivered: 3, taken: false },
        );
        assert_eq!((version(&timeline, 1), timeline.periods.len(), timeline.seen), ("v2", 1, 3));
        begin(&mut timeline, "v1", 2);
        assert_eq!((version(&timeline, 3), version(&timeline, 4)), ("v2", "v1"));
    }

    #[test]
    fn the_one_before_had_another_version() {
        let before = |timeline: &RouteTimeline| timeline.before().map(|period| period.version.clone());
        assert_eq!(before(&of(&[("v1", 0), ("v2", 1), ("v2", 2)])), Some("v1".to_owned()));
        assert_eq!(before(&of(&[("v1", 0), ("v2", 1), ("v1", 2)])), Some("v2".to_owned()));
        assert_eq!(before(&of(&[("v1", 0), ("v1", 1)])), None);
        assert_eq!(before(&RouteTimeline::default()), None);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let periods: Vec<_> = (0..500).map(|n| (format!("v{n}"), n)).collect();
        let periods: Vec<_> = periods.iter().map(|(version, n)| (version.as_str(), *n)).collect();
        let timeline = of(&periods);
        assert_eq!(timeline.periods.len(), RouteTimeline::KEPT);
        assert_eq!((version(&timeline, 1), version(&timeline, 9000)), ("v300", "v499"));
        assert_eq!(timeline.versions().len(), RouteTimeline::KEPT);
    }

    /// What happens to a matcher.
    #[derive(Clone, Debug)]
    enum Step {
        /// It is given so many more events, and matches so many of them.
        Events(u64, u64),
        Swap,
        /// Another one takes its place; it goes on where nothing is settled: so many events before.
        Crash(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..20u64, 0..20u64).prop_map(|(given, matched)| Step::Events(given, matched)),
            Just(Step::Swap),
            (0..20u64).prop_map(Step::Crash),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn no_event_is_ever_matched_with_two_versions(steps in steps()) {
            let mut timeline = of(&[("v0", 0)]);
            let mut with = std::collections::HashMap::new();
            let (mut matched, mut given) = (0u64, 0u64);
            for step in steps {
                match step {
                    Step::Events(more, matches) => {
                        given += more;
                        for sequence in matched + 1..=given.min(matched + matches) {
                            let version = version(&timeline, sequence).to_owned();
                            prop_assert_eq!(&version, with.entry(sequence).or_insert(version.clone()));
                            matched = sequence;
                        }
                    }
                    Step::Swap => {
                        let version = format!("v{}", timeline.periods.len());
                        begin(&mut timeline, &version, matched);
                    }
                    Step::Crash(unsettled) => {
                        timeline.claim("next", log(given));
                        matched = matched.saturating_sub(unsettled);
                        // The consumer begins again where nothing is settled.
                        given = matched;
                    }
                }
            }
        }
    }
}
