//! Every bad timing of a table is refused with where it is, why, and what to write instead.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use signalbox_schedules::{Exception, Timing, Written, WrittenCalendar, WrittenInterval};

fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn cron(text: &str) -> Written {
    Written { cron: texts(&[text]), ..Written::default() }
}

fn every(every: &str, offset: Option<&str>) -> Written {
    let interval = WrittenInterval { every: every.to_owned(), offset: offset.map(ToOwned::to_owned) };
    Written { every: vec![interval], ..Written::default() }
}

fn at(at: &str) -> Written {
    Written { at: texts(&[at]), ..in_paris() }
}

fn in_paris() -> Written {
    Written { time_zone: given("Europe/Paris"), ..Written::default() }
}

fn daily() -> Written {
    cron("@daily")
}

fn except(text: &str) -> Written {
    Written { except: vec![Exception::Date(text.to_owned())], ..daily() }
}

fn calendar(change: impl FnOnce(&mut WrittenCalendar)) -> Written {
    let mut calendar = WrittenCalendar { hour: given("9"), ..WrittenCalendar::default() };
    change(&mut calendar);
    Written { calendars: vec![calendar], ..Written::default() }
}

fn bounds(from: Option<&str>, until: Option<&str>) -> Written {
    Written { from: from.map(ToOwned::to_owned), until: until.map(ToOwned::to_owned), ..daily() }
}

/// What is written, where it is wrong, and a piece of the reason and of the suggestion.
type Bad = (Written, &'static str, &'static str, &'static str);

fn bad_crons() -> Vec<Bad> {
    let several = |cron: &[&str]| Written { cron: texts(cron), ..Written::default() };
    vec![
        (cron(""), "cron", "it is empty", "`0 9 * * MON-FRI`"),
        (cron("   "), "cron", "it is empty", "`0 9 * * MON-FRI`"),
        (cron("* * *"), "cron", "it has 3 fields", "`0 9 * * MON-FRI`"),
        (cron("0 0 12 * * MON 2027"), "cron", "it has 7 fields", "leave the year out, or write a calendar"),
        (cron("0 0 12 ? * MON *"), "cron", "a year is not taken", "write `0 0 12 * * MON`"),
        (cron("61 * * * *"), "cron", "minute: 61 is not between 0 and 59", "write 0 to 59"),
        (cron("60 * * * * *"), "cron", "second: 60 is not between 0 and 59", "write 0"),
        (cron("0 24 * * *"), "cron", "hour: 24 is not between 0 and 23", "write 0"),
        (cron("0 0 0 * *"), "cron", "day of month: 0 is not", "write 1 to 31"),
        (cron("0 0 * 31 12"), "cron", "month: 31 is not", "the day of the month comes before the month"),
        (cron("0 0 * * 8"), "cron", "day of week: 8 is not", "SUN to SAT"),
        (cron("0 12 * * 1 2027"), "cron", "day of week: 2027 is not", "a year is not taken"),
        (cron("0 9 MON * *"), "cron", "day of month: `MON` is not", "in the last field"),
        (cron("0 9 JAN 1 *"), "cron", "day of month: `JAN` is not", "after the day of the month"),
        (cron("0 9 * * Monday"), "cron", "day of week: `Monday` is not", "write MON"),
        (cron("0 0 30 2 *"), "cron", "day of month: it never fires", "write a day up to 29"),
        (cron("0 0 ? * MON"), "cron", "day of month: Temporal has no `?`", "write `*`"),
        (cron("0 0 L * *"), "cron", "day of month: Temporal has no `L`", "28-31"),
        (cron("0 0 15W * *"), "cron", "day of month: Temporal has no `15W`", "write the day itself"),
        (cron("0 0 * * 5L"), "cron", "day of week: Temporal has no `5L`", "25-31"),
        (cron("0 0 * * MON#2"), "cron", "day of week: Temporal has no `MON#2`", "8-14"),
        (cron("0 22-2 * * *"), "cron", "hour: 22-2 runs backwards", "write `22-23,0-2`"),
        (cron("*/0 * * * *"), "cron", "minute: a step of 0", "a step of 1 or more"),
        (cron("*/90 * * * *"), "cron", "minute: a step of 90 is more than", "`@every`"),
        (cron("5,,6 * * * *"), "cron", "minute: an item of the list is empty", "extra comma"),
        (cron("TZ=Europe/Paris 0 9 * * *"), "cron", "a time zone is not part", "write `0 9 * * *`"),
        (cron("@reboot"), "cron", "there is no reboot", "`@hourly`"),
        (cron("@noon"), "cron", "shorthand is unknown", "@daily"),
        (cron("every 5 minutes"), "cron", "these are words", "write `@every 5m`"),
        (cron("every day at nine"), "cron", "these are words", "`0 9 * * MON-FRI`"),
        (cron("@every"), "cron", "it is empty", "`90s`"),
        (cron("@every 500ms"), "cron", "`500ms` is not in whole seconds", "`1s`"),
        (cron("@every 1h/1h"), "cron", "the offset is not less than the 1 hour", "write `0s`"),
        (cron("0 9 * * * # tea"), "cron", "comments are not taken", "from `#` on"),
        (cron(&"1,".repeat(200)), "cron", "it is 400 bytes long", "shorter"),
        (several(&["@daily", "0 9 * *"]), "cron[1]", "it has 4 fields", "`0 9 * * MON-FRI`"),
    ]
}

fn bad_intervals_and_calendars() -> Vec<Bad> {
    vec![
        (every("", None), "every[0].every", "it is empty", "`90s`"),
        (every("5", None), "every[0].every", "`5` has no unit", "`m`"),
        (every("0s", None), "every[0].every", "no time at all", "`1s` or more"),
        (every("1.5s", None), "every[0].every", "`1.5s` is not", "whole seconds"),
        (every("-5m", None), "every[0].every", "`-5m` is not a duration", "`90s`"),
        (every("5M", None), "every[0].every", "`5M` is in months or years", "minutes are `m`"),
        (every("PT5M", None), "every[0].every", "`PT5M` is not a duration", "`90s`"),
        (every("9999999w", None), "every[0].every", "more than a hundred years", "shorter"),
        (every("1h", Some("90m")), "every[0].offset", "not less than the 1 hour", "write `30m`"),
        (every("1h", Some("soon")), "every[0].offset", "`soon` is not a duration", "`90s`"),
        (calendar(|of| of.hour = None), "calendars[0]", "it has no fields", "`hour: \"9\"`"),
        (calendar(|of| of.hour = given("")), "calendars[0].hour", "it is empty", "leave the field out"),
        (calendar(|of| of.hour = given("25")), "calendars[0].hour", "25 is not between 0 and 23", "0 to 23"),
        (calendar(|of| of.year = given("1999")), "calendars[0].year", "1999 is not between", "2000 to 2100"),
        (calendar(|of| of.year = given("2030-2027")), "calendars[0].year", "backwards", "write `2027-2030`"),
        (calendar(|of| of.month = given("MON")), "calendars[0].month", "`MON` is not", "day of the week"),
        (calendar(|of| of.day_of_week = given("5L")), "calendars[0].day_of_week", "no `5L`", "25-31"),
        (calendar(|of| of.second = given("0 30")), "calendars[0].second", "`0 30` is not", "0 to 59"),
        (
            calendar(|of| (of.day_of_month, of.month) = (given("31"), given("4,6"))),
            "calendars[0].day_of_month",
            "it never fires",
            "write a day up to 30",
        ),
    ]
}

fn bad_times() -> Vec<Bad> {
    vec![
        (at(""), "at", "it is empty", "`2026-12-24T18:00`"),
        (at("tomorrow"), "at", "`tomorrow` is not a date", "`2026-12-25`"),
        (at("2026-12-24"), "at", "the time of day is missing", "write for example `2026-12-24T09:00`"),
        (at("2026-12-24T25:00"), "at", "`25:00` is not a time of day", "hours 00 to 23"),
        (at("2026-12-24T18:00:00.5"), "at", "not in whole seconds", "leave the fraction out"),
        (at("2026-12-24T18:00Z"), "at", "is not a time of RFC 3339", "`2026-12-24T18:00:00+01:00`"),
        (at("2026-03-29T02:30"), "at", "there is no such time in Europe/Paris", "write `2026-03-29T03:00`"),
        (at("2026-24-12T18:00"), "at", "there is no day `2026-24-12`", "write `2026-12-24`"),
        (at("12026-12-24T18:00"), "at", "`12026-12-24T18:00` is not a date", "`2026-12-25`"),
        (at("1999-12-24T18:00"), "at", "the year 1999 is not", "another year"),
        (
            Written { at: texts(&["2026-12-24T18:00", "2026-12-24T18:00:00+01:00"]), ..in_paris() },
            "at[1]",
            "it is the same time as `at[0]`",
            "leave it out",
        ),
        (except(""), "except[0]", "it is empty", "`2026-12-25`"),
        (except("2026-02-30"), "except[0]", "there is no day `2026-02-30`", "write `2026-02-28`"),
        (except("25-12"), "except[0]", "there is no day `25-12`", "write `12-25`"),
        (except("2026-12-25T12:00"), "except[0]", "is not a day", "calendar"),
        (except("christmas"), "except[0]", "`christmas` is not a date", "`2026-12-25`"),
        (except("2027-01-02..2026-12-24"), "except[0]", "is after", "write `2026-12-24..2027-01-02`"),
        (except("12-24..01-02"), "except[0]", "`12-24` is not a date", "`2026-12-25`"),
        (
            Written {
                except: vec![Exception::Calendar(WrittenCalendar { hour: given("x"), ..Default::default() })],
                ..daily()
            },
            "except[0].hour",
            "`x` is not a number",
            "0 to 23",
        ),
        (bounds(Some("soon"), None), "from", "`soon` is not a date", "`2026-12-25`"),
        (bounds(None, Some("2026-02-29")), "until", "there is no day", "write `2026-02-28`"),
        (bounds(Some("2026-12-24"), Some("2026-12-23")), "until", "not after `from`", "swap the two"),
        (bounds(None, Some("9999-12-31")), "until", "the year 9999", "another year"),
    ]
}

fn bad_wholes() -> Vec<Bad> {
    let zone = |name: &str| Written { time_zone: given(name), ..daily() };
    let jitter = |text: &str| Written { jitter: given(text), ..daily() };
    vec![
        (Written::default(), "", "it does not say when", "`0 9 * * MON-FRI`"),
        (in_paris(), "", "it does not say when", "`cron`"),
        (
            Written { cron: texts(&["@daily"]), ..at("2026-12-24T18:00") },
            "",
            "do not go with",
            "two schedules",
        ),
        (
            Written { except: vec![Exception::Date("12-25".into())], ..at("2026-12-24T18:00") },
            "",
            "do not go with `except`",
            "leave out the times",
        ),
        (Written { cron: texts(&["@daily"; 101]), ..Written::default() }, "", "there are 101", "several"),
        (zone(""), "time_zone", "it is empty", "UTC"),
        (zone("Europe/Pariss"), "time_zone", "unknown time zone `Europe/Pariss`", "`Europe/Paris`"),
        (zone("Mars/Base"), "time_zone", "unknown time zone `Mars/Base`", "IANA"),
        (Written { runs: Some(0), ..daily() }, "runs", "0 runs are none", "1 or more"),
        (Written { runs: Some(u64::MAX), ..daily() }, "runs", "cannot count so many", "leave it out"),
        (jitter("a bit"), "jitter", "`a bit` is not a duration", "`90s`"),
        (jitter("50d"), "jitter", "more than 49 days", "`30s`"),
    ]
}

#[test]
fn each_is_refused_with_where_why_and_what_instead() {
    let table = [bad_crons(), bad_intervals_and_calendars(), bad_times(), bad_wholes()].concat();
    assert!(table.len() >= 50);
    for (written, path, reason, suggestion) in table {
        let refused = Timing::check(&written).unwrap_err();
        assert_eq!(refused.len(), 1, "{written:?}: {refused:?}");
        let bad = &refused[0];
        assert_eq!(bad.path(), path, "{written:?}: {bad}");
        assert!(bad.reason().contains(reason), "{written:?}: {bad}");
        assert!(bad.suggestion().unwrap().contains(suggestion), "{written:?}: {bad}");
    }
}

#[test]
fn all_faults_are_told_and_not_the_first() {
    let written = Written {
        cron: texts(&["61 * * * *", "@daily", "x"]),
        every: every("0s", None).every,
        calendars: calendar(|of| (of.hour, of.minute) = (given("24"), given("60"))).calendars,
        except: except("02-30").except,
        time_zone: given("Nowhere"),
        from: given("x"),
        runs: Some(0),
        jitter: given("x"),
        ..Written::default()
    };
    let refused = Timing::check(&written).unwrap_err();
    let paths: Vec<_> = refused.iter().map(|bad| bad.path()).collect();
    let wanted = [
        "time_zone",
        "cron[0]",
        "cron[2]",
        "every[0].every",
        "calendars[0].minute",
        "calendars[0].hour",
        "except[0]",
        "from",
        "jitter",
        "runs",
    ];
    assert_eq!(paths, wanted);
}

#[test]
fn a_fault_is_told_in_one_line() {
    let refused = Timing::check(&cron("0 24 * * *")).unwrap_err();
    assert_eq!(refused[0].to_string(), "cron: hour: 24 is not between 0 and 23; write 0");
    let dirty = Timing::check(&at(&"\u{1b}[31m\n".repeat(9))).unwrap_err();
    assert!(!dirty[0].to_string().contains(['\u{1b}', '\n']), "{}", dirty[0]);
}
