//! The next times are those that a real Temporal server computes from the specification it is given.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod temporal;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use futures::stream::{self, StreamExt};
use signalbox_schedules::{Exception, Timing, Written, WrittenCalendar, WrittenInterval, time_zone};

use temporal::{MOST, Temporal};

/// Zones that take their changes differently: Paris is east of Greenwich, New York west of it, Lord Howe changes by
/// half an hour, Troll by two, in Santiago, Havana, Beirut and Cairo it is midnight that is skipped, Casablanca
/// changes around Ramadan, Dublin counts its winter as the change, and some change no more or never did.
const ZONES: [&str; 20] = [
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "America/St_Johns",
    "Antarctica/Troll",
    "Europe/Dublin",
    "Pacific/Apia",
    "America/New_York",
    "Europe/Paris",
    "Europe/London",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Asia/Tehran",
];

const FROM: &str = "2026-01-01T00:00:00Z";
const UNTIL: &str = "2029-01-01T00:00:00Z";

/// How far a window reaches to either side of a change.
const AROUND: TimeDelta = TimeDelta::hours(14);

/// How many questions are asked at once.
const AT_ONCE: usize = 16;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn crons(cron: &[&str]) -> Written {
    Written { cron: texts(cron), ..Written::default() }
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn hours(hour: &str, minute: &str) -> WrittenCalendar {
    WrittenCalendar { hour: given(hour), minute: given(minute), ..WrittenCalendar::default() }
}

fn expressions() -> Vec<Written> {
    let sundays = WrittenCalendar { day_of_week: given("SUN"), ..WrittenCalendar::default() };
    let every = |every: &str, offset: &str| WrittenInterval { every: every.into(), offset: given(offset) };
    vec![
        crons(&["17,*/20 23,0-4 * * *"]),
        crons(&["*/5 * * * *"]),
        crons(&["*/30 59 * * * *", "15 */30 0-3 * * *"]),
        crons(&["30 0 * * *", "30 1 * * *", "30 2 * * *", "30 3 * * *"]),
        crons(&["0 0 1,25-31 * SUN"]),
        crons(&["0 9 * * SUN", "@weekly", "0 23 * * 6"]),
        crons(&["59 0-2 * * FRI-SUN", "@monthly", "0 12 */10 * MON"]),
        Written { calendars: vec![hours("0-3", "*/15"), hours("12", "0")], ..crons(&[]) },
        Written {
            calendars: vec![WrittenCalendar { year: given("2026,2028"), ..hours("*/2", "0,45") }],
            except: vec![Exception::Date("12-25".into()), Exception::Date("2028-03-01..2028-03-27".into())],
            ..crons(&[])
        },
        Written { every: vec![every("45m", "7m"), every("36h", "90m")], ..crons(&["@every 5h"]) },
        Written {
            except: vec![Exception::Calendar(hours("1-2", "*")), Exception::Calendar(hours("4-23", "5-59"))],
            ..crons(&["*/2 * * * *"])
        },
        Written { except: vec![Exception::Calendar(sundays)], ..crons(&["*/40 * * * * *"]) },
        Written {
            from: given("2026-03-29"),
            until: given("2028-10-28T22:00"),
            except: vec![Exception::Date("2026-10-20..2027-03-27".into())],
            ..crons(&["@hourly", "30 12 * * *"])
        },
        Written {
            at: texts(&["2026-06-21T12:00", "2027-03-31T18:30:15", "2028-02-29T12:00:00+05:30"]),
            ..crons(&[])
        },
    ]
}

/// A schedule and the stretches of time in which it is asked about.
struct Case {
    id: String,
    written: Written,
    timing: Timing,
    windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for zone in ZONES {
        let windows = windows(time_zone(zone).unwrap());
        for (number, expression) in expressions().into_iter().enumerate() {
            let written = Written { time_zone: given(zone), ..expression };
            let timing = Timing::check(&written).unwrap();
            let id = format!("{}-{number}", zone.replace('/', "-"));
            let bounds = timing.specification().start.into_iter().chain(timing.specification().end);
            let windows = bounds.map(|at| (at - AROUND, at + AROUND)).chain(windows.clone()).collect();
            cases.push(Case { id, written, timing, windows });
        }
    }
    cases
}

/// Around each change of the clock, from that change on, some ordinary days, and the years as a whole.
fn windows(zone: Tz) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let whole = (at(FROM), at(UNTIL));
    let ordinary = ["2026-06-15T10:11:12Z", "2027-12-31T12:00:00Z"];
    let ordinary = ordinary.map(|start| (at(start), at(start) + TimeDelta::days(40)));
    let around = changes(zone, whole.0, whole.1).into_iter().flat_map(|change| {
        let inside = change + TimeDelta::minutes(17);
        [(change - AROUND, change + AROUND), (inside, inside + TimeDelta::hours(4))]
    });
    ordinary.into_iter().chain([whole]).chain(around).collect()
}

/// The seconds at which a zone's distance from UTC changes.
fn changes(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let ahead = |at: NaiveDateTime| zone.offset_from_utc_datetime(&at).fix();
    let (mut found, mut day) = (Vec::new(), from.naive_utc());
    while day < until.naive_utc() {
        let next = day + TimeDelta::days(1);
        let (mut before, mut after) = (day, next);
        while ahead(before) != ahead(after) && after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if ahead(middle) == ahead(before) { before = middle } else { after = middle }
        }
        if ahead(before) != ahead(after) {
            found.push(after.and_utc());
        }
        day = next;
    }
    found
}

#[tokio::test]
async fn next_times_are_temporals() {
    let temporal = Temporal::start().await;
    let differences: Vec<_> = stream::iter(cases())
        .map(|case| differences(&temporal, case))
        .buffer_unordered(AT_ONCE)
        .flat_map(stream::iter)
        .collect()
        .await;
    let shown = differences.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} windows differ:\n{shown}", differences.len());
}

async fn differences(temporal: &Temporal, case: Case) -> Vec<String> {
    temporal.create(&case.id, &temporal::specification(case.timing.specification())).await.unwrap();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (start, end) in &case.windows {
        let theirs = temporal.matching_times(&case.id, *start, *end).await;
        let times = case.timing.next_times(*start);
        let ours: Vec<_> = times.take_while(|time| time <= end).take(MOST).collect();
        compared += theirs.len();
        if ours != theirs {
            let difference = first_difference(&ours, &theirs);
            differences
                .push(format!("{} from {start} to {end}: {difference}\n  {:?}", case.id, case.written));
        }
    }
    assert!(compared > 0, "{} never fires", case.id);
    differences
}

fn first_difference(ours: &[DateTime<Utc>], theirs: &[DateTime<Utc>]) -> String {
    let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    format!("time {at} is {:?} here and {:?} there", ours.get(at), theirs.get(at))
}

#[test]
fn the_windows_hold_the_changes_of_three_years() {
    let from = FROM.parse().unwrap();
    let until = UNTIL.parse().unwrap();
    let counts = ZONES.map(|zone| changes(time_zone(zone).unwrap(), from, until).len());
    assert_eq!(counts.iter().filter(|count| **count == 6).count(), 15, "{counts:?}");
    let paris = changes(Tz::Europe__Paris, from, until);
    assert_eq!(paris[0].to_rfc3339(), "2026-03-29T01:00:00+00:00");
}

#[tokio::test]
async fn what_is_refused_for_temporals_sake_is_refused_by_temporal() {
    let temporal = Temporal::start().await;
    for text in ["0 0 ? * *", "0 0 L * *", "0 0 15W * *", "0 0 * * 5L", "0 0 * * FRI-MON", "0 22-2 * * *"] {
        assert!(Timing::check(&crons(&[text])).is_err(), "{text}");
        let specification = serde_json::json!({ "cronString": [text] });
        let refused = temporal.create("refused", &specification).await.unwrap_err();
        assert!(refused.contains("Invalid schedule spec"), "{text}: {refused}");
    }
}
