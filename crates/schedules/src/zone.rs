use chrono_tz::{TZ_VARIANTS, Tz};

use crate::bad_cron::excerpt;

/// Names longer than this are not compared with the known ones, in bytes.
const LONGEST: usize = 64;

/// How alike, from 0 to 1, a known name must be to be suggested.
const ALIKE: f64 = 0.85;

/// A name that no time zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.reason(), self.remedy())]
pub struct BadZone {
    name: String,
    suggestion: Option<&'static str>,
}

impl BadZone {
    /// The known name that is meant, if one is close.
    pub fn suggestion(&self) -> Option<&'static str> {
        self.suggestion
    }

    /// What is wrong.
    pub fn reason(&self) -> String {
        format!("unknown time zone `{}`", self.name)
    }

    pub(crate) fn remedy(&self) -> String {
        match self.suggestion {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write a name of the IANA database, such as `Europe/Paris`".to_owned(),
        }
    }
}

/// The time zone of that name in the IANA database; the empty name is UTC.
pub fn time_zone(name: &str) -> Result<Tz, BadZone> {
    if name.is_empty() {
        return Ok(Tz::UTC);
    }
    name.parse().map_err(|_| BadZone { name: excerpt(name), suggestion: closest(name) })
}

fn closest(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST {
        return None;
    }
    let wanted = name.to_lowercase().replace(' ', "_");
    let score = |zone: &Tz| {
        let whole = zone.name().to_lowercase();
        let city = whole.rsplit('/').next().unwrap_or(&whole);
        strsim::jaro_winkler(&whole, &wanted).max(strsim::jaro_winkler(city, &wanted))
    };
    let (likeness, zone) =
        TZ_VARIANTS.iter().map(|zone| (score(zone), zone)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness >= ALIKE).then(|| zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_is_its_zone_and_no_name_is_utc() {
        assert_eq!(time_zone("Europe/Paris").unwrap(), Tz::Europe__Paris);
        assert_eq!(time_zone("").unwrap(), Tz::UTC);
    }

    #[test]
    fn an_unknown_name_comes_with_the_one_that_is_meant() {
        let meant = [
            ("Europe/Pariss", "Europe/Paris"),
            ("europe/paris", "Europe/Paris"),
            ("Paris", "Europe/Paris"),
            ("America/New York", "America/New_York"),
            ("new york", "America/New_York"),
            ("utc", "UTC"),
        ];
        for (name, zone) in meant {
            let refused = time_zone(name).unwrap_err();
            assert_eq!(refused.to_string(), format!("unknown time zone `{name}`; did you mean `{zone}`?"));
        }
    }

    #[test]
    fn a_name_like_no_other_comes_with_an_example() {
        for name in ["Mars/Base", "x".repeat(1000).as_str(), "\n"] {
            let refused = time_zone(name).unwrap_err();
            assert_eq!(refused.suggestion(), None, "{refused}");
            assert!(refused.to_string().ends_with("such as `Europe/Paris`"), "{refused}");
        }
    }
}
