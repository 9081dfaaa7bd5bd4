use std::collections::BTreeSet;
use std::str::FromStr;

use signalbox_proto::v1::{RouteTimeline, WantedRoutes};

use signalbox_domain::TimelineExt;

use crate::exit::Exit;
use crate::failure::Failure;

/// The version of a route set, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hexadecimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match (4..=64).contains(&text.len()) && hexadecimal {
            true => Ok(Self(text.to_owned())),
            false => Err("a version is hexadecimal (0-9, a-f); its first four digits or more will do"),
        }
    }
}

impl Version {
    /// The one version that begins so, of those that ran or are wanted.
    pub fn resolve(&self, timeline: &RouteTimeline, wanted: &WantedRoutes) -> Result<String, Failure> {
        let mut known: BTreeSet<&str> = timeline.versions();
        known.insert(&wanted.version);
        let Self(begin) = self;
        let mut fitting = known.into_iter().filter(|version| version.starts_with(begin));
        match (fitting.next(), fitting.next()) {
            (Some(version), None) => Ok(version.to_owned()),
            (Some(one), Some(other)) => {
                let detail = format!("{begin} may be {one} or {other}");
                Err(Failure::other(Exit::Usage, detail).with_tip("give more of it"))
            }
            (None, _) => {
                let detail = format!("no version of the routes that ran begins with {begin}");
                Err(Failure::other(Exit::NotFound, detail).with_tip("`signalbox routes` lists them"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use signalbox_proto::v1::RoutePeriod;

    use super::*;

    #[test]
    fn a_version_is_told_by_how_it_begins() {
        let period = |version: &str| RoutePeriod { version: version.into(), ..Default::default() };
        let periods = ["abcd1", "abcd2", "1234f", "abcd1"].map(period).into();
        let timeline = RouteTimeline { periods, ..Default::default() };
        let wanted = WantedRoutes { version: "5678a".into(), ..Default::default() };
        let resolve = |text: &str| text.parse::<Version>().unwrap().resolve(&timeline, &wanted);
        assert_eq!(resolve("1234").unwrap(), "1234f");
        assert_eq!(resolve("abcd1").unwrap(), "abcd1");
        assert_eq!(resolve("5678").unwrap(), "5678a");
        assert_eq!(resolve("abcd").unwrap_err().exit(), Exit::Usage);
        assert_eq!(resolve("ffff").unwrap_err().exit(), Exit::NotFound);
        for bad in ["", "abc", "ABCD", "abc.", "$KV.>"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
