//! What well written times mean, when they fire, and what Temporal is told of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use signalbox_schedules::{
    Cron, Exception, Interval, Range, Timing, Written, WrittenCalendar, WrittenInterval, after, shown,
};

const NOW: &str = "2026-01-30T11:20:07Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn crons(zone: &str, cron: &[&str]) -> Written {
    Written { cron: texts(cron), time_zone: given(zone), ..Written::default() }
}

fn every(every: &str, offset: Option<&str>) -> WrittenInterval {
    WrittenInterval { every: every.to_owned(), offset: offset.map(ToOwned::to_owned) }
}

fn days(text: &str) -> Exception {
    Exception::Date(text.to_owned())
}

/// What is written, what it means, and the next three times.
fn good() -> Vec<(Written, &'static str, [&'static str; 3])> {
    let paris = |cron: &[&str]| crons("Europe/Paris", cron);
    let nine = paris(&["0 9 * * MON-FRI"]);
    let calendar = WrittenCalendar { hour: given("9"), ..WrittenCalendar::default() };
    let mondays = WrittenCalendar { day_of_week: given("MON"), ..WrittenCalendar::default() };
    vec![
        (
            nine.clone(),
            "At 09:00, on Monday through Friday, in Europe/Paris",
            ["2026-02-02T08:00:00Z", "2026-02-03T08:00:00Z", "2026-02-04T08:00:00Z"],
        ),
        (
            Written {
                except: vec![days("2026-02-02"), days("02-04"), Exception::Calendar(mondays)],
                until: given("2027-01-31"),
                runs: Some(10),
                jitter: given("30s"),
                ..nine.clone()
            },
            "At 09:00, on Monday through Friday, in Europe/Paris, not on 2026-02-02, on February 4 or on Monday, \
             until 2027-01-31, 10 times at most, each up to 30s later at random",
            ["2026-02-03T08:00:00Z", "2026-02-05T08:00:00Z", "2026-02-06T08:00:00Z"],
        ),
        (
            Written { from: given("2026-03-30"), ..nine },
            "At 09:00, on Monday through Friday, in Europe/Paris, from 2026-03-30 on",
            ["2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z", "2026-04-01T07:00:00Z"],
        ),
        (
            Written { every: vec![every("8h", Some("5m"))], ..paris(&["@every 12h"]) },
            "Every 12 hours; and every 8 hours, offset by 5 minutes",
            ["2026-01-30T12:00:00Z", "2026-01-30T16:05:00Z", "2026-01-31T00:00:00Z"],
        ),
        (
            Written { calendars: vec![calendar.clone()], time_zone: given("UTC"), ..Written::default() },
            "At 09:00, in UTC",
            ["2026-01-31T09:00:00Z", "2026-02-01T09:00:00Z", "2026-02-02T09:00:00Z"],
        ),
        (
            Written {
                calendars: vec![WrittenCalendar {
                    day_of_month: given("8-14"),
                    day_of_week: given("FRI-SUN"),
                    month: given("JUN"),
                    year: given("2027-2029,2040"),
                    second: given("30"),
                    ..calendar
                }],
                ..Written::default()
            },
            "At 09:00:30, on days 8 through 14 of the month but only on Friday through Sunday, in June, in 2027 \
             through 2029, 2040, in UTC",
            ["2027-06-11T09:00:30Z", "2027-06-12T09:00:30Z", "2027-06-13T09:00:30Z"],
        ),
        (
            Written { except: vec![days("2026-02-01..2026-02-28")], ..crons("UTC", &["0 0 1,15 * *"]) },
            "At 00:00, on days 1 and 15 of the month, in UTC, not from 2026-02-01 through 2026-02-28",
            ["2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z", "2026-04-01T00:00:00Z"],
        ),
        (
            Written {
                at: texts(&["2026-12-24T18:00", "2026-06-21T12:00:00+09:00", "2026-10-25T02:30:15"]),
                ..paris(&[])
            },
            "At 2026-06-21 05:00:00 +02:00 CEST, 2026-10-25 02:30:15 +02:00 CEST and 2026-12-24 18:00:00 +01:00 CET",
            ["2026-06-21T03:00:00Z", "2026-10-25T00:30:15Z", "2026-12-24T17:00:00Z"],
        ),
        (
            Written { cron: texts(&["0 12 1 * MON"]), ..Written::default() },
            "At 12:00, on day 1 of the month or Monday, in UTC",
            ["2026-02-01T12:00:00Z", "2026-02-02T12:00:00Z", "2026-02-09T12:00:00Z"],
        ),
    ]
}

#[test]
fn good_timings_are_told_in_words_and_in_times() {
    for (written, meaning, times) in good() {
        let timing = Timing::check(&written).unwrap_or_else(|bad| panic!("{written:?}: {bad:?}"));
        assert_eq!(timing.meaning(), meaning);
        let next: Vec<_> = timing.next_times(now()).take(3).collect();
        assert_eq!(next, times.map(|time| time.parse::<DateTime<Utc>>().unwrap()), "{meaning}");
    }
}

#[test]
fn a_calendar_is_told_as_it_fires_or_as_it_excludes() {
    let of = |[hour, minute, weekday]: [&str; 3]| WrittenCalendar {
        hour: given(hour).filter(|hour| !hour.is_empty()),
        minute: given(minute).filter(|minute| !minute.is_empty()),
        day_of_week: given(weekday).filter(|weekday| !weekday.is_empty()),
        ..WrittenCalendar::default()
    };
    let told = [
        (["9-17", "*", ""], "Every minute, in hours 9 through 17, in UTC", "not in hours 9 through 17"),
        (["", "", "MON-FRI"], "At 00:00, on Monday through Friday, in UTC", "not on Monday through Friday"),
        (["9", "30", ""], "At 09:30, in UTC", "not at 09:30"),
        (["*", "*", ""], "Every minute, in UTC", "not at any time"),
    ];
    for (fields, fires, excludes) in told {
        let firing = Written { calendars: vec![of(fields)], ..Written::default() };
        assert_eq!(Timing::check(&firing).unwrap().meaning(), fires);
        let except = vec![Exception::Calendar(of(fields))];
        let excluding = Written { except, ..crons("UTC", &["@daily"]) };
        assert_eq!(Timing::check(&excluding).unwrap().meaning(), format!("At 00:00, in UTC, {excludes}"));
    }
}

#[test]
fn one_time_is_told_once_and_fires_once() {
    let written = Written { at: texts(&["2026-12-24T18:00"]), ..crons("America/New_York", &[]) };
    let timing = Timing::check(&written).unwrap();
    assert_eq!(timing.meaning(), "Once, at 2026-12-24 18:00:00 -05:00 EST");
    assert_eq!(timing.time_zone(), Tz::America__New_York);
    let times: Vec<_> = timing.next_times(now()).collect();
    assert_eq!(times, ["2026-12-24T23:00:00Z".parse::<DateTime<Utc>>().unwrap()]);
}

#[test]
fn temporal_is_told_ranges_as_they_are_written() {
    let range = |start, end, step| Range { start, end, step };
    let timing = Timing::check(&crons("Europe/Paris", &["*/20,7 9-17/2 * JAN,MAR-MAY FRI-SUN"])).unwrap();
    let [calendar] = &timing.specification().calendars[..] else { panic!() };
    assert_eq!(calendar.second, [range(0, 0, 1)]);
    assert_eq!(calendar.minute, [range(0, 59, 20), range(7, 7, 1)]);
    assert_eq!(calendar.hour, [range(9, 17, 2)]);
    assert_eq!(calendar.day_of_month, [range(1, 31, 1)]);
    assert_eq!(calendar.month, [range(1, 1, 1), range(3, 5, 1)]);
    assert_eq!(calendar.year, []);
    assert_eq!(calendar.day_of_week, [range(0, 0, 1), range(5, 5, 1), range(6, 6, 1)]);
    let timing = Timing::check(&crons("Europe/Paris", &["@every 1h/5m"])).unwrap();
    let interval = Interval { every: Duration::from_secs(3600), phase: Duration::from_secs(300) };
    assert_eq!(timing.specification().intervals, [interval]);
}

#[test]
fn either_day_is_two_calendars_and_a_cron_alone_is_a_timing() {
    let cron: Cron = "0 12 1 * MON".parse().unwrap();
    let timing = Timing::of_cron(&cron, Tz::Europe__Paris);
    assert_eq!(timing, Timing::check(&crons("Europe/Paris", &["0 12 1 * MON"])).unwrap());
    assert_eq!(timing.specification().calendars.len(), 2);
}

#[test]
fn after_what_is_excepted_the_very_next_second_fires() {
    let when = |hour, minute| WrittenCalendar {
        hour: given(hour),
        minute: given(minute),
        ..WrittenCalendar::default()
    };
    let ends = [
        (days("2026-03-28..2026-03-29"), "2026-03-27T23:00:00Z", "2026-03-29T22:00:00Z"),
        (days("2026-06-01"), "2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z"),
        (Exception::Calendar(when("9-10", "*")), "2026-06-01T07:00:00Z", "2026-06-01T09:00:00Z"),
        (Exception::Calendar(when("*", "30-31")), "2026-06-01T07:30:00Z", "2026-06-01T07:32:00Z"),
    ];
    for (except, first, end) in ends {
        let written = Written { except: vec![except], ..crons("Europe/Paris", &["* * * * * *"]) };
        let (first, end) = (first.parse::<DateTime<Utc>>().unwrap(), end.parse::<DateTime<Utc>>().unwrap());
        let timing = Timing::check(&written).unwrap();
        let a_second = Duration::from_secs(1);
        let times: Vec<_> = timing.next_times(first - 2 * a_second).take(3).collect();
        assert_eq!(times, [first - a_second, end, end + a_second]);
    }
}

#[test]
fn no_more_times_are_told_than_there_are_runs() {
    let timing = Timing::check(&Written { runs: Some(2), ..crons("UTC", &["@daily"]) }).unwrap();
    assert_eq!((timing.runs(), timing.next_times(now()).count()), (Some(2), 2));
}

#[test]
fn a_time_is_shown_in_its_zone_and_in_utc() {
    let paris = shown(Tz::Europe__Paris, now());
    assert_eq!((paris.local.as_str(), paris.utc.as_str()), ("2026-01-30 12:20:07 +01:00 CET", NOW));
    assert_eq!(shown(Tz::America__Sao_Paulo, now()).local, "2026-01-30 08:20:07 -03:00");
}

#[test]
fn a_delay_becomes_a_time_in_whole_seconds_rounded_up() {
    let a_bit_later = now() + Duration::from_millis(1);
    assert_eq!(after(Duration::from_secs(600), now()).unwrap(), "2026-01-30T11:30:07Z");
    assert_eq!(after(Duration::from_secs(600), a_bit_later).unwrap(), "2026-01-30T11:30:08Z");
    assert_eq!(after(Duration::MAX, now()), None);
    let at = vec![after(Duration::from_secs(1), a_bit_later).unwrap()];
    assert_eq!(Timing::check(&Written { at, ..Written::default() }).unwrap().next_times(now()).count(), 1);
}

#[test]
fn a_thousand_timings_are_checked_and_computed_in_a_moment() {
    let written = good();
    let start = Instant::now();
    let times: usize = (0..1000)
        .map(|number| Timing::check(&written[number % written.len()].0))
        .filter_map(Result::ok)
        .map(|timing| timing.next_times(now()).take(5).count())
        .sum();
    println!("{times} times of 1000 timings in {:?}", start.elapsed());
    assert!(times > 4000);
}
