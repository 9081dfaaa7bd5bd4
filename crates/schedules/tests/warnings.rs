//! What is said about times that are well written but perhaps not meant.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use signalbox_schedules::{Exception, Timing, WarningKind, Written, WrittenCalendar, WrittenInterval};

const NOW: &str = "2026-01-30T11:20:07Z";

fn crons(zone: &str, cron: &[&str]) -> Written {
    Written { cron: texts(cron), time_zone: given(zone), ..Written::default() }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn given(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn warnings(written: &Written) -> Vec<(WarningKind, String)> {
    let warnings = Timing::check(written).unwrap().warnings(NOW.parse().unwrap());
    warnings.iter().map(|warning| (warning.kind(), warning.to_string())).collect()
}

fn warned(written: &Written, wanted: &[(WarningKind, &str)]) {
    let wanted: Vec<_> = wanted.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
    assert_eq!(warnings(written), wanted, "{written:?}");
}

#[test]
fn ordinary_times_are_not_warned_about() {
    for zone in ["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo"] {
        for cron in ["0 9 * * MON-FRI", "@daily", "@every 10s", "0 0 29 2 *"] {
            warned(&crons(zone, &[cron]), &[]);
        }
    }
}

#[test]
fn a_time_that_the_clock_skips_or_brings_twice_is_named() {
    warned(
        &crons("America/New_York", &["0 12 * * *", "30 2 * * *"]),
        &[(
            WarningKind::Skipped,
            "cron[1]: 02:30 on 2026-03-08 does not come in America/New_York, where the clock is put forward from 02:00 to \
             03:00: it does not fire then",
        )],
    );
    warned(
        &crons("America/New_York", &["*/15 1 * * *"]),
        &[(
            WarningKind::Doubled,
            "cron: 01:00 on 2026-11-01 comes twice in America/New_York, where the clock is put back from 02:00 to \
             01:00: it fires twice, and 3 other times with it",
        )],
    );
    warned(
        &crons("America/Santiago", &["0 9 * * SUN"]),
        &[(
            WarningKind::Skipped,
            "cron: 09:00 on 2026-09-06 is on the day on which America/Santiago puts its clock forward from 00:00 to \
             01:00: it does not fire then",
        )],
    );
    warned(
        &crons("America/Santiago", &["0 9 * * SAT"]),
        &[(
            WarningKind::Extra,
            "cron: 09:00 on 2026-09-06 is on the day on which America/Santiago puts its clock forward from 00:00 to \
             01:00: Temporal fires then too",
        )],
    );
}

#[test]
fn what_temporal_leaves_out_of_a_doubled_hour_is_told() {
    warned(&crons("America/New_York", &["*/5 * * * *"]), &[]);
    warned(
        &crons("Europe/Paris", &["*/5 * * * *"]),
        &[(
            WarningKind::Skipped,
            "cron: 02:05 on 2026-10-25 comes twice in Europe/Paris, where the clock is put back from 03:00 to 02:00: \
             Temporal leaves it out, and 23 other times with it; in UTC none would be",
        )],
    );
    for cron in ["* * * * *", "*/10 * * * * *"] {
        let told = warnings(&crons("Europe/Paris", &[cron]));
        assert!(matches!(&told[..], [(WarningKind::Skipped, _)]), "{cron}: {told:?}");
    }
}

#[test]
fn a_day_that_is_left_out_is_told_of_what_fires_every_hour() {
    warned(&crons("America/New_York", &["0 * * * SUN"]), &[]);
    warned(
        &crons("America/Santiago", &["0 * * * SUN"]),
        &[(
            WarningKind::Skipped,
            "cron: 01:00 on 2026-09-06 is on the day on which America/Santiago puts its clock forward from 00:00 to \
             01:00: Temporal leaves it out, and 22 other times with it",
        )],
    );
}

#[test]
fn a_skipped_time_that_fires_at_another_is_told_with_it() {
    warned(
        &crons("Australia/Lord_Howe", &["15 2 * * *"]),
        &[(
            WarningKind::Moved,
            "cron: 02:15 on 2026-10-04 does not come in Australia/Lord_Howe, where the clock is put forward from 02:00 to \
             02:30: it fires at 02:45 then",
        )],
    );
}

#[test]
fn a_change_of_the_clock_that_is_excepted_or_out_of_bounds_is_not_felt() {
    let skipped = crons("America/New_York", &["30 2 * * *"]);
    let sundays = WrittenCalendar { day_of_week: given("SUN"), ..WrittenCalendar::default() };
    warned(&Written { except: vec![Exception::Calendar(sundays)], ..skipped.clone() }, &[]);
    warned(&Written { until: given("2026-03-07"), ..skipped.clone() }, &[]);
    warned(&Written { from: given("2026-03-09"), until: given("2026-12-31"), ..skipped }, &[]);
}

#[test]
fn what_never_fires_is_told() {
    let leap_day = WrittenCalendar {
        day_of_month: given("29"),
        month: given("2"),
        year: given("2027"),
        ..WrittenCalendar::default()
    };
    let never = "it never fires: no time matches that is not excepted and lies in its bounds";
    let calendars = Written { calendars: vec![leap_day], ..Written::default() };
    warned(&calendars, &[(WarningKind::NeverFires, never)]);
    let all = Exception::Calendar(WrittenCalendar { hour: given("*"), ..WrittenCalendar::default() });
    let excepted = Written { except: vec![all], ..crons("Europe/Paris", &["* * * * * *"]) };
    warned(&excepted, &[(WarningKind::NeverFires, never)]);
    let past = Written { until: given("2025-12-31"), ..crons("UTC", &["@daily"]) };
    warned(&past, &[(WarningKind::NeverFires, "it never fires again: all its times are past")]);
}

#[test]
fn every_excluded_second_is_given_up_on() {
    let seconds =
        |second| Exception::Calendar(WrittenCalendar { second: given(second), ..WrittenCalendar::default() });
    let excepted =
        Written { except: vec![seconds("0-30"), seconds("31-59")], ..crons("UTC", &["* * * * * *"]) };
    assert_eq!(warnings(&excepted)[0].0, WarningKind::NeverFires);
}

#[test]
fn single_times_are_told_apart() {
    let at = |at| Written { at: texts(at), time_zone: given("Europe/Paris"), ..Written::default() };
    warned(
        &at(&["2026-01-30T12:20", "2026-01-30T12:21", "2026-10-25T02:30"]),
        &[
            (WarningKind::NeverFires, "at[0]: it never fires: 2026-01-30 12:20:00 +01:00 CET is past"),
            (
                WarningKind::Doubled,
                "at[2]: the clock shows this time twice: it fires at 2026-10-25 02:30:00 +02:00 CEST, not at \
                 2026-10-25 02:30:00 +01:00 CET",
            ),
        ],
    );
    warned(
        &at(&["2025-01-30T12:20"]),
        &[(WarningKind::NeverFires, "at: it never fires: 2025-01-30 12:20:00 +01:00 CET is past")],
    );
    warned(
        &Written { until: given("2026-02-28"), ..at(&["2026-03-01T12:00"]) },
        &[(WarningKind::NeverFires, "at: it never fires: 2026-03-01 12:00:00 +01:00 CET is out of bounds")],
    );
}

#[test]
fn runs_close_together_may_be_a_mistake() {
    warned(
        &crons("UTC", &["@daily", "* * * * * *"]),
        &[(
            WarningKind::Often,
            "cron[1]: runs are only 1 second apart; six fields begin with the seconds, five with the minutes",
        )],
    );
    warned(&crons("UTC", &["@every 9s"]), &[(WarningKind::Often, "cron: runs are only 9 seconds apart")]);
    let two = [("1m", None), ("1m", given("5s"))];
    let every = two.map(|(every, offset)| WrittenInterval { every: every.into(), offset }).to_vec();
    let between = Written { every, ..Written::default() };
    warned(&between, &[(WarningKind::Often, "runs are only 5 seconds apart")]);
    warned(&crons("UTC", &["*/10 * * * * *"]), &[]);
}

#[test]
fn jitter_longer_than_the_gap_is_told() {
    let jittered = |jitter| Written { jitter: given(jitter), ..crons("UTC", &["*/5 * * * *"]) };
    warned(&jittered("5m"), &[]);
    warned(
        &jittered("6m"),
        &[(
            WarningKind::Jitter,
            "jitter: 6 minutes is longer than the 5 minutes between two runs, which Temporal then takes as the most",
        )],
    );
}
