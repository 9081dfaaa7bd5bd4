//! Dates and times as people write them, and what a zone's clock makes of them.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::Field;
use crate::bad_cron::{Fault, excerpt};
use crate::parse::digits;

/// Longest text that is read, in bytes.
const LONGEST: usize = 64;

/// More than any zone has ever put its clock forward, in minutes.
const LONGEST_GAP: i64 = 2 * 24 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Date(NaiveDate),
}

/// When a zone's clock shows a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnClock {
    Once(DateTime<Utc>),
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// It does not, and goes on at this local time.
    Never(NaiveDateTime, DateTime<Utc>),
}

pub(crate) fn moment(text: &str) -> Result<Moment, Fault> {
    if text.len() > LONGEST {
        let reason = format!("it is {} bytes long, more than {LONGEST}", text.len());
        return Err(Fault::whole(reason, "write for example `2026-12-24T18:00`"));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(Fault::whole("it is empty", "write for example `2026-12-24T18:00`, or leave it out"));
    }
    let Some((day, time)) = text.split_at_checked("2026-12-24".len()).filter(|(_, time)| !time.is_empty())
    else {
        return date(text).map(Moment::Date);
    };
    let time = time.strip_prefix(['T', 't', ' ']).ok_or_else(|| no_date(text))?;
    let day = date(day)?;
    if !time.contains(['Z', 'z', '+', '-']) {
        return time_of_day(time).map(|time| Moment::Local(day.and_time(time)));
    }
    let with_offset = DateTime::parse_from_rfc3339(text).map_err(|_| {
        let reason = format!("`{}` is not a time of RFC 3339", excerpt(text));
        Fault::whole(reason, "write it like `2026-12-24T18:00:00+01:00`, or without the offset in local time")
    })?;
    if with_offset.timestamp_subsec_nanos() > 0 {
        return Err(in_parts_of_a_second(text));
    }
    Ok(Moment::Instant(with_offset.to_utc()))
}

fn in_parts_of_a_second(text: &str) -> Fault {
    Fault::whole(format!("`{}` is not in whole seconds", excerpt(text)), "leave the fraction out")
}

fn time_of_day(text: &str) -> Result<NaiveTime, Fault> {
    if text.contains(['.', ',']) {
        return Err(in_parts_of_a_second(text));
    }
    let numbers: Option<Vec<_>> = text.split(':').map(|part| two_digits(part).map(u32::from)).collect();
    let time = match numbers.as_deref() {
        Some([hour, minute]) => NaiveTime::from_hms_opt(*hour, *minute, 0),
        Some([hour, minute, second]) => NaiveTime::from_hms_opt(*hour, *minute, *second),
        _ => None,
    };
    time.ok_or_else(|| {
        let reason = format!("`{}` is not a time of day", excerpt(text));
        Fault::whole(reason, "write hours 00 to 23 and minutes 00 to 59, such as `18:00`")
    })
}

pub(crate) fn two_digits(text: &str) -> Option<u16> {
    digits(text).filter(|_| text.len() == 2)
}

/// Reads `2026-12-25`.
pub(crate) fn date(text: &str) -> Result<NaiveDate, Fault> {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return Err(no_date(text)) };
    let year = digits(year).filter(|_| year.len() == 4).ok_or_else(|| no_date(text))?;
    let (Some(month), Some(day)) = (two_digits(month), two_digits(day)) else { return Err(no_date(text)) };
    if !Field::Year.bounds().contains(&year) {
        let reason = format!("the year {year} is not between 2000 and 2100");
        return Err(Fault::whole(reason, "write another year; Temporal's calendars have no others"));
    }
    let refused = |fault| Fault { suggestion: format!("write `{year:04}-{fault}`"), ..no_day(text) };
    day_of_year(year, month, day).map_err(refused)
}

fn no_date(text: &str) -> Fault {
    Fault::whole(format!("`{}` is not a date", excerpt(text)), "write it like `2026-12-25`")
}

pub(crate) fn no_day(text: &str) -> Fault {
    Fault::whole(format!("there is no day `{}`", excerpt(text)), "write it like `2026-12-25`")
}

/// The day, or the month and day that are perhaps meant.
pub(crate) fn day_of_year(year: u16, month: u16, day: u16) -> Result<NaiveDate, String> {
    let at = |month: u16, day: u16| NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    at(month, day).ok_or_else(|| match at(month, 1) {
        None if at(day, month).is_some() => format!("{day:02}-{month:02}"),
        Some(first) if day > 0 => format!("{month:02}-{:02}", first.num_days_in_month()),
        Some(_) => format!("{month:02}-01"),
        None => "12-25".to_owned(),
    })
}

pub(crate) fn on_clock(zone: Tz, local: NaiveDateTime) -> OnClock {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => OnClock::Once(at.to_utc()),
        LocalResult::Ambiguous(first, second) => OnClock::Twice(first.to_utc(), second.to_utc()),
        LocalResult::None => after_gap(zone, local),
    }
}

fn after_gap(zone: Tz, local: NaiveDateTime) -> OnClock {
    let whole = local - TimeDelta::seconds(local.and_utc().timestamp().rem_euclid(60));
    let later = (1..=LONGEST_GAP).map(|minutes| whole + TimeDelta::minutes(minutes));
    let found = later.filter_map(|wall| Some((wall, zone.from_local_datetime(&wall).earliest()?))).next();
    let (wall, at) = found.map_or_else(|| (local, local.and_utc()), |(wall, at)| (wall, at.to_utc()));
    OnClock::Never(wall, at)
}

impl Moment {
    /// The instant from which on it is that late.
    pub(crate) fn start(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(at) => at,
            Self::Local(local) => match on_clock(zone, local) {
                OnClock::Once(at) | OnClock::Twice(at, _) | OnClock::Never(_, at) => at,
            },
            Self::Date(date) => Self::Local(date.and_time(NaiveTime::MIN)).start(zone),
        }
    }

    /// The last instant, in whole seconds, at which it is not later; the day is included.
    pub(crate) fn end(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Instant(at) => at,
            Self::Local(local) => match on_clock(zone, local) {
                OnClock::Once(at) | OnClock::Twice(_, at) => at,
                OnClock::Never(_, at) => at - TimeDelta::seconds(1),
            },
            Self::Date(date) => {
                let midnight = (date + Days::new(1)).and_time(NaiveTime::MIN);
                match on_clock(zone, midnight) {
                    OnClock::Once(at) | OnClock::Twice(_, at) | OnClock::Never(_, at) => {
                        at - TimeDelta::seconds(1)
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn bounds(text: &str, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let moment = moment(text).unwrap();
        (moment.start(zone), moment.end(zone))
    }

    #[test]
    fn a_time_with_an_offset_is_an_instant_and_one_without_is_local() {
        let six = utc("2026-12-24T17:00:00Z");
        for text in
            ["2026-12-24T18:00:00+01:00", "2026-12-24T18:00", "2026-12-24T18:00:00", "2026-12-24 18:00"]
        {
            assert_eq!(bounds(text, Tz::Europe__Paris), (six, six), "{text}");
        }
    }

    #[test]
    fn a_date_is_its_midnight_at_the_start_and_included_at_the_end() {
        let day = (utc("2026-12-23T23:00:00Z"), utc("2026-12-24T22:59:59Z"));
        assert_eq!(bounds("2026-12-24", Tz::Europe__Paris), day);
        let without_midnight = (utc("2026-09-06T04:00:00Z"), utc("2026-09-07T02:59:59Z"));
        assert_eq!(bounds("2026-09-06", Tz::America__Santiago), without_midnight);
        assert_eq!(bounds("2026-09-05", Tz::America__Santiago).1, utc("2026-09-06T03:59:59Z"));
        let with_two_midnights = utc("2026-11-01T04:59:59Z");
        assert_eq!(bounds("2026-10-31", Tz::America__Havana).1, with_two_midnights);
    }

    #[test]
    fn a_local_time_that_is_skipped_or_doubled_is_known() {
        let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let skipped = on_clock(Tz::Europe__Paris, local("2026-03-29T02:30:20"));
        assert_eq!(skipped, OnClock::Never(local("2026-03-29T03:00:00"), utc("2026-03-29T01:00:00Z")));
        let doubled = on_clock(Tz::Europe__Paris, local("2026-10-25T02:30:00"));
        assert_eq!(doubled, OnClock::Twice(utc("2026-10-25T00:30:00Z"), utc("2026-10-25T01:30:00Z")));
        let a_day = on_clock(Tz::Pacific__Apia, local("2011-12-30T12:00:00"));
        assert_eq!(a_day, OnClock::Never(local("2011-12-31T00:00:00"), utc("2011-12-30T10:00:00Z")));
    }

    #[test]
    fn a_day_that_does_not_exist_comes_with_one_that_does() {
        let meant = [
            ("2026-02-30", "write `2026-02-28`"),
            ("2026-25-12", "write `2026-12-25`"),
            ("2026-04-00", "write `2026-04-01`"),
            ("2026-13-13", "write `2026-12-25`"),
            ("26-12-24", "write it like `2026-12-25`"),
            ("1999-12-24", "write another year; Temporal's calendars have no others"),
        ];
        for (text, suggestion) in meant {
            assert_eq!(date(text).unwrap_err().suggestion, suggestion, "{text}");
        }
    }
}
