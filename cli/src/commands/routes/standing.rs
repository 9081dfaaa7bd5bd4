//! How it stands with what is wanted.

use signalbox_bus::{Error, Revised, RouteSets};
use signalbox_domain::TimelineExt;
use signalbox_proto::v1::{RouteTimeline, RoutesAnswer, WantedRoutes, routes_answer::What};

/// All that NATS knows of routes, but their files.
#[derive(Debug, Default)]
pub struct Known {
    /// Which set holds for which event.
    pub timeline: RouteTimeline,
    /// What was applied last.
    pub wanted: Revised<WantedRoutes>,
    /// What the matcher has said last.
    pub answer: Option<RoutesAnswer>,
}

/// How it stands with what was applied last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing ever was.
    Nothing,
    /// It runs.
    Runs,
    /// The router cannot use it; what ran goes on.
    Refused(String),
    /// No router has said anything of it yet.
    Pending,
}

impl Known {
    /// Asks NATS.
    pub async fn read(sets: &RouteSets) -> Result<Self, Error> {
        // In this order, so that what is wanted is never older than its answer.
        let (answer, timeline) = (sets.answer().await?, sets.timeline().await?.unwrap_or_default().value);
        Ok(Self { timeline, answer, wanted: sets.wanted().await?.unwrap_or_default() })
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let Revised { revision, value: wanted } = &self.wanted;
        if *revision == 0 {
            return Standing::Nothing;
        }
        if self.timeline.running().is_some_and(|period| period.version == wanted.version) {
            return Standing::Runs;
        }
        match &self.answer {
            Some(RoutesAnswer { change, what: Some(What::Refused(why)), .. }) if change == revision => {
                Standing::Refused(why.clone())
            }
            _ => Standing::Pending,
        }
    }
}

impl Standing {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Runs => "running",
            Self::Refused(_) => "refused",
            Self::Pending => "pending",
        }
    }

    /// The reason, where there is one.
    pub fn detail(&self) -> &str {
        match self {
            Self::Refused(why) => why,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::RoutePeriod;

    use super::*;

    fn known(runs: &str, wanted: &str, revision: u64, answer: Option<(u64, What)>) -> Known {
        let period = RoutePeriod { version: runs.into(), ..Default::default() };
        Known {
            timeline: RouteTimeline { periods: vec![period], ..Default::default() },
            wanted: Revised {
                revision,
                value: WantedRoutes { version: wanted.into(), ..Default::default() },
            },
            answer: answer.map(|(change, what)| RoutesAnswer {
                change,
                what: Some(what),
                ..Default::default()
            }),
        }
    }

    #[test]
    fn an_answer_is_one_to_its_change() {
        let refused = || Some((7, What::Refused("why".into())));
        assert_eq!(Known::default().standing(), Standing::Nothing);
        assert_eq!(known("v1", "v1", 7, None).standing(), Standing::Runs);
        assert_eq!(known("v1", "v2", 7, refused()).standing(), Standing::Refused("why".into()));
        assert_eq!(known("v1", "v2", 8, refused()).standing(), Standing::Pending);
        assert_eq!(known("v1", "v2", 7, None).standing(), Standing::Pending);
    }
}
