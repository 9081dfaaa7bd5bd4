//! What good expressions mean and when they fire, and what is said about bad ones.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use chrono::{DateTime, Utc};
use signalbox_schedules::{Cron, Field, time_zone};

/// Expression, meaning, next five times in UTC after 2026-01-30 11:20:07 (a Friday).
type Good = (&'static str, &'static str, [&'static str; 5]);

const GOOD: &[Good] = &[
    (
        "* * * * *",
        "Every minute",
        ["01-30 11:21:00", "01-30 11:22:00", "01-30 11:23:00", "01-30 11:24:00", "01-30 11:25:00"],
    ),
    (
        "*/30 * * * * *",
        "Every 30 seconds",
        ["01-30 11:20:30", "01-30 11:21:00", "01-30 11:21:30", "01-30 11:22:00", "01-30 11:22:30"],
    ),
    (
        "*/30 * * * *",
        "Every 30 minutes",
        ["01-30 11:30:00", "01-30 12:00:00", "01-30 12:30:00", "01-30 13:00:00", "01-30 13:30:00"],
    ),
    (
        "0 9 * * MON-FRI",
        "At 09:00, on Monday through Friday",
        ["02-02 09:00:00", "02-03 09:00:00", "02-04 09:00:00", "02-05 09:00:00", "02-06 09:00:00"],
    ),
    (
        "  */20\t9-10 * *  1-5 ",
        "Every 20 minutes, in hours 9 and 10, on Monday through Friday",
        ["02-02 09:00:00", "02-02 09:20:00", "02-02 09:40:00", "02-02 10:00:00", "02-02 10:20:00"],
    ),
    (
        "0 */8 * * *",
        "At 00:00, 08:00 and 16:00",
        ["01-30 16:00:00", "01-31 00:00:00", "01-31 08:00:00", "01-31 16:00:00", "02-01 00:00:00"],
    ),
    (
        "0 */2 * * *",
        "At minute 0, in every 2nd hour",
        ["01-30 12:00:00", "01-30 14:00:00", "01-30 16:00:00", "01-30 18:00:00", "01-30 20:00:00"],
    ),
    (
        "0 9,17 * * *",
        "At 09:00 and 17:00",
        ["01-30 17:00:00", "01-31 09:00:00", "01-31 17:00:00", "02-01 09:00:00", "02-01 17:00:00"],
    ),
    (
        "*/25 * * * *",
        "At minutes 0, 25, and 50 past every hour",
        ["01-30 11:25:00", "01-30 11:50:00", "01-30 12:00:00", "01-30 12:25:00", "01-30 12:50:00"],
    ),
    (
        "5/15 * * * *",
        "At minutes 5, 20, 35, and 50 past every hour",
        ["01-30 11:35:00", "01-30 11:50:00", "01-30 12:05:00", "01-30 12:20:00", "01-30 12:35:00"],
    ),
    (
        "15,45,*/30 * * * * *",
        "At seconds 0, 15, 30, and 45",
        ["01-30 11:20:15", "01-30 11:20:30", "01-30 11:20:45", "01-30 11:21:00", "01-30 11:21:15"],
    ),
    (
        "*/20 0 14 * * *",
        "At 14:00, every 20 seconds",
        ["01-30 14:00:00", "01-30 14:00:20", "01-30 14:00:40", "01-31 14:00:00", "01-31 14:00:20"],
    ),
    (
        "0 0 1 * *",
        "At 00:00, on day 1 of the month",
        ["02-01 00:00:00", "03-01 00:00:00", "04-01 00:00:00", "05-01 00:00:00", "06-01 00:00:00"],
    ),
    (
        "0 12 1 * MON",
        "At 12:00, on day 1 of the month or Monday",
        ["02-01 12:00:00", "02-02 12:00:00", "02-09 12:00:00", "02-16 12:00:00", "02-23 12:00:00"],
    ),
    (
        "0 0 12 1 * MON",
        "At 12:00, on day 1 of the month or Monday",
        ["02-01 12:00:00", "02-02 12:00:00", "02-09 12:00:00", "02-16 12:00:00", "02-23 12:00:00"],
    ),
    (
        "0 12 */10 * MON",
        "At 12:00, on days 1, 11, 21, and 31 of the month but only on Monday",
        ["05-11 12:00:00", "06-01 12:00:00", "08-31 12:00:00", "09-21 12:00:00", "12-21 12:00:00"],
    ),
    (
        "0 0 1 * 0-7",
        "At 00:00",
        ["01-31 00:00:00", "02-01 00:00:00", "02-02 00:00:00", "02-03 00:00:00", "02-04 00:00:00"],
    ),
    (
        "0 0 * * fri-sun",
        "At 00:00, on Friday through Sunday",
        ["01-31 00:00:00", "02-01 00:00:00", "02-06 00:00:00", "02-07 00:00:00", "02-08 00:00:00"],
    ),
    (
        "0 0 * * 7,3",
        "At 00:00, on Sunday and Wednesday",
        ["02-01 00:00:00", "02-04 00:00:00", "02-08 00:00:00", "02-11 00:00:00", "02-15 00:00:00"],
    ),
    (
        "30 8 31 JAN-MAR,dec *",
        "At 08:30, on day 31 of the month, in January, February, March, and December",
        ["01-31 08:30:00", "03-31 08:30:00", "12-31 08:30:00", "2027-01-31 08:30:00", "2027-03-31 08:30:00"],
    ),
    (
        "@hourly",
        "At minute 0 past every hour",
        ["01-30 12:00:00", "01-30 13:00:00", "01-30 14:00:00", "01-30 15:00:00", "01-30 16:00:00"],
    ),
    (
        "@weekly",
        "At 00:00, on Sunday",
        ["02-01 00:00:00", "02-08 00:00:00", "02-15 00:00:00", "02-22 00:00:00", "03-01 00:00:00"],
    ),
    (
        "0 0 29 2 *",
        "At 00:00, on day 29 of the month, in February",
        [
            "2028-02-29 00:00:00",
            "2032-02-29 00:00:00",
            "2036-02-29 00:00:00",
            "2040-02-29 00:00:00",
            "2044-02-29 00:00:00",
        ],
    ),
];

#[test]
fn good_expressions_are_told_in_words_and_in_times() {
    for (text, meaning, times) in GOOD {
        let cron: Cron = text.parse().unwrap_or_else(|bad| panic!("{bad}"));
        let wanted = times.map(|time| if time.len() > 14 { time.to_owned() } else { format!("2026-{time}") });
        assert_eq!(cron.source(), *text);
        assert_eq!(cron.meaning(), *meaning, "{text}");
        assert_eq!(times_after(&cron, "", "2026-01-30T11:20:07Z"), wanted, "{text}");
    }
}

#[test]
fn the_shorthands_are_their_five_fields() {
    let pairs = [
        ("@HOURLY", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ];
    for (short, long) in pairs {
        let specification = |text: &str| text.parse::<Cron>().unwrap().specification(chrono_tz::Tz::UTC);
        assert_eq!(specification(short), specification(long), "{short}");
    }
}

#[test]
fn a_zone_moves_the_times_and_its_clock_changes_skip_and_repeat_them() {
    let new_york = "America/New_York";
    let nine: Cron = "0 9 * * *".parse().unwrap();
    assert_eq!(times_after(&nine, new_york, "2026-01-30T11:20:07Z")[0], "2026-01-30 14:00:00");
    let skipped: Cron = "30 2 * * *".parse().unwrap();
    assert_eq!(times_after(&skipped, new_york, "2026-03-08T00:00:00Z")[0], "2026-03-09 06:30:00");
    let repeated: Cron = "30 1 * * *".parse().unwrap();
    let twice = ["2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-02 06:30:00"];
    assert_eq!(times_after(&repeated, new_york, "2026-11-01T00:00:00Z")[..3], twice);
}

#[test]
fn times_are_strictly_after_and_end_with_the_year_2100() {
    let cron: Cron = "0 0 * * *".parse().unwrap();
    assert_eq!(times_after(&cron, "", "2026-01-30T00:00:00Z")[0], "2026-01-31 00:00:00");
    assert_eq!(times_after(&cron, "", "2026-01-29T23:59:59.999Z")[0], "2026-01-30 00:00:00");
    assert_eq!(times_after(&cron, "", "2100-12-30T00:00:00Z"), ["2100-12-31 00:00:00"]);
    assert_eq!(cron.next_times(chrono_tz::Tz::UTC, DateTime::<Utc>::MAX_UTC).next(), None);
    assert!(cron.next_times(chrono_tz::Tz::UTC, DateTime::<Utc>::MIN_UTC).next().is_some());
}

#[test]
fn serialised_it_is_its_text() {
    let cron: Cron = serde_json::from_str(r#""@daily""#).unwrap();
    assert_eq!(serde_json::to_string(&cron).unwrap(), r#""@daily""#);
    let refused = serde_json::from_str::<Cron>(r#""* * *""#).unwrap_err();
    assert!(refused.to_string().contains("it has 3 fields"), "{refused}");
}

const EXAMPLE: &str = "write for example `0 9 * * MON-FRI`";

const FIVE_OR_SIX: &str =
    "five (minute hour day-of-month month day-of-week) or six (second first) are needed";

#[test]
fn bad_expressions_as_a_whole() {
    let bad: &[(&str, &str)] = &[
        ("", "bad cron ``: it is empty; write for example `0 9 * * MON-FRI`"),
        ("*", &format!("bad cron `*`: it has 1 field; {FIVE_OR_SIX}; {EXAMPLE}")),
        ("* * * *", &format!("bad cron `* * * *`: it has 4 fields; {FIVE_OR_SIX}; {EXAMPLE}")),
        (
            "0 0 0 1 1 0 2027",
            &format!(
                "bad cron `0 0 0 1 1 0 2027`: it has 7 fields; {FIVE_OR_SIX}; leave the year out, or write a calendar, which has one"
            ),
        ),
        (
            "* * * * * * * *",
            &format!("bad cron `* * * * * * * *`: it has 8 fields; {FIVE_OR_SIX}; {EXAMPLE}"),
        ),
        (
            "0 0 12 ? * MON *",
            "bad cron `0 0 12 ? * MON *`: it has 7 fields, and a year is not taken; write `0 0 12 * * MON`",
        ),
        ("@every", "bad cron `@every`: it is empty; write for example `90s` or `1h 30m`"),
        ("@every 0s", "bad cron `@every 0s`: it is no time at all; write `1s` or more"),
        (
            "@every 1h/90m",
            "bad cron `@every 1h/90m`: the offset is not less than the 1 hour between two runs; write `30m`",
        ),
        (
            "@reboot",
            "bad cron `@reboot`: there is no reboot that `@reboot` could wait for; write a time, such as `@hourly`",
        ),
        (
            "@noon",
            "bad cron `@noon`: this shorthand is unknown; use @hourly, @daily, @midnight, @weekly, @monthly, \
             @yearly, @annually or `@every 30s`",
        ),
        (
            "every 5 minutes",
            "bad cron `every 5 minutes`: these are words, not fields of cron; write `@every 5m`",
        ),
        ("Every day", "bad cron `Every day`: these are words, not fields of cron; write `@daily`"),
        (
            "CRON_TZ=Europe/Paris 0 9 * * *",
            "bad cron `CRON_TZ=Europe/Paris 0 9 * * *`: a time zone is not part of the expression; give the time \
             zone `Europe/Paris` apart and write `0 9 * * *`",
        ),
        (
            "TZ=UTC @daily",
            "bad cron `TZ=UTC @daily`: a time zone is not part of the expression; give the time zone `UTC` apart \
             and write `@daily`",
        ),
        (
            "0 9 * * * # tea",
            "bad cron `0 9 * * * # tea`: comments are not taken; leave out everything from `#` on",
        ),
    ];
    for (text, message) in bad {
        let refused = text.parse::<Cron>().unwrap_err();
        assert_eq!(refused.to_string(), *message);
        assert_eq!(refused.field(), None, "{text}");
    }
}

#[test]
fn bad_fields_are_named_with_the_reason() {
    use Field::{DayOfMonth, DayOfWeek, Hour, Minute, Month, Second};
    let bad = [
        ("61 * * * *", Minute, "minute: 61 is not between 0 and 59; write 0 to 59, or `*`"),
        ("60 * * * * *", Second, "second: 60 is not between 0 and 59; write 0"),
        ("0 24 * * *", Hour, "hour: 24 is not between 0 and 23; write 0"),
        ("0 0 0 * *", DayOfMonth, "day of month: 0 is not between 1 and 31; write 1 to 31, or `*`"),
        (
            "0 0 * 13 *",
            Month,
            "month: 13 is not between 1 and 12; the day of the month comes before the month",
        ),
        ("0 0 * * 8", DayOfWeek, "day of week: 8 is not between 0 and 7; write 0 to 7, SUN to SAT, or `*`"),
        (
            "0 12 * * 1 2027",
            DayOfWeek,
            "day of week: 2027 is not between 0 and 7; a year is not taken, and a sixth field puts the seconds first",
        ),
        ("99999999 * * * *", Minute, "minute: 99999999 is not between 0 and 59; write 0 to 59, or `*`"),
        ("5-1 * * * *", Minute, "minute: 5-1 runs backwards; write `5-59,0-1` to go past the end"),
        (
            "0 0 * * fri-mon",
            DayOfWeek,
            "day of week: FRI-MON runs backwards; write `FRI-SAT,SUN-MON` to go past the end",
        ),
        ("0 0 * * 5-0", DayOfWeek, "day of week: 5-0 runs backwards; write `5-6,0` to go past the end"),
        ("0 0 * DEC-FEB *", Month, "month: DEC-FEB runs backwards; write `DEC,JAN-FEB` to go past the end"),
        ("*/0 * * * *", Minute, "minute: a step of 0 never moves on; write a step of 1 or more"),
        (
            "*/90 * * * *",
            Minute,
            "minute: a step of 90 is more than the 60 values there are; write a smaller step, or use `@every` for a longer interval",
        ),
        (
            "*/x * * * *",
            Minute,
            "minute: the step `x` is not a whole number; write a number after one `/`, such as `*/5`",
        ),
        (
            "*/5/2 * * * *",
            Minute,
            "minute: the step `5/2` is not a whole number; write a number after one `/`, such as `*/5`",
        ),
        ("5/ * * * *", Minute, "minute: the number after `/` is missing; write a step, such as `*/5`"),
        ("/5 * * * *", Minute, "minute: `/5` steps on nothing; write `*/5`"),
        ("5,,6 * * * *", Minute, "minute: an item of the list is empty; remove the extra comma"),
        ("5, * * * *", Minute, "minute: an item of the list is empty; remove the extra comma"),
        ("-5 * * * *", Minute, "minute: `-5` is neither a number nor a range; write 0 to 59, or `*`"),
        ("+5 * * * *", Minute, "minute: `+5` is not a number from 0 to 59; write 0 to 59, or `*`"),
        ("1-5-7 * * * *", Minute, "minute: `5-7` is not a number from 0 to 59; write 0 to 59, or `*`"),
        ("٣ * * * *", Minute, "minute: `٣` is not a number from 0 to 59; write 0 to 59, or `*`"),
        ("0 ** * * *", Hour, "hour: `**` is not a number from 0 to 23; write 0 to 23, or `*`"),
        (
            "0 9 MON * *",
            DayOfMonth,
            "day of month: `MON` is not a number from 1 to 31; a day of the week is written in the last field",
        ),
        (
            "0 9 * * Monday",
            DayOfWeek,
            "day of week: `Monday` is not a number from 0 to 7, nor a name from SUN to SAT; write MON",
        ),
        (
            "0 9 * WEN *",
            Month,
            "month: `WEN` is not a number from 1 to 12, nor a name from JAN to DEC; write 1 to 12, JAN to DEC, or `*`",
        ),
        ("0 0 ? * MON", DayOfMonth, "day of month: Temporal has no `?`; write `*`"),
        (
            "0 0 L * *",
            DayOfMonth,
            "day of month: Temporal has no `L` (last of the month); write `28-31` for the last days, or `1` for the first",
        ),
        (
            "0 0 15W * *",
            DayOfMonth,
            "day of month: Temporal has no `15W` (nearest weekday); write the day itself, or a day of the week",
        ),
        (
            "0 0 * * 5L",
            DayOfWeek,
            "day of week: Temporal has no `5L` (last of the month); write a calendar of that day of the week with the days of the month 25-31",
        ),
        (
            "0 0 * * MON#2",
            DayOfWeek,
            "day of week: Temporal has no `MON#2` (nth weekday of the month); write a calendar of that day of the week with seven days of the month, such as 8-14",
        ),
        (
            "0 0 30 2 *",
            DayOfMonth,
            "day of month: it never fires: no such day in any of the months; write a day up to 29",
        ),
        (
            "0 0 31 4,6 */2",
            DayOfMonth,
            "day of month: it never fires: no such day in any of the months; write a day up to 30",
        ),
    ];
    for (text, field, message) in bad {
        let refused = text.parse::<Cron>().unwrap_err();
        assert_eq!(refused.to_string(), format!("bad cron `{text}`: {message}"));
        assert_eq!(refused.field(), Some(field), "{text}");
    }
}

#[test]
fn a_long_or_dirty_text_is_refused_in_a_short_clean_message() {
    let longest = format!("{} * * * *", ["1"; 124].join(","));
    assert!(longest.len() <= 256 && longest.parse::<Cron>().is_ok());
    let refused = format!("{longest}      ").parse::<Cron>().unwrap_err().to_string();
    assert!(
        refused.ends_with(
            "…`: it is 261 bytes long, more than 256; write it shorter, with ranges and steps, or as several"
        ),
        "{refused}"
    );
    let refused = "a\u{1b}[31m\n* * * *".parse::<Cron>().unwrap_err().to_string();
    assert!(!refused.contains(['\u{1b}', '\n']), "{refused}");
}

/// At most five times, as `2026-01-30 11:20:07` in UTC.
fn times_after(cron: &Cron, zone: &str, after: &str) -> Vec<String> {
    let after: DateTime<Utc> = after.parse().unwrap();
    let times = cron.next_times(time_zone(zone).unwrap(), after).take(5);
    times.map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string()).collect()
}
