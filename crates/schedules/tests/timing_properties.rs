//! What holds for all timings: nothing panics, times come in order, and they are those of the specification.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use proptest::option;
use proptest::prelude::*;
use signalbox_schedules::{
    Calendar, Exception, Range, Specification, Timing, Written, WrittenCalendar, WrittenInterval, duration,
};

/// 2026-01-01.
const START: i64 = 1_767_225_600;

/// What each field says, read anew and slowly.
fn matches(calendar: &Calendar, wall: NaiveDateTime) -> bool {
    let has = |ranges: &[Range], value: u32| {
        ranges.iter().any(|range| {
            (range.start..=range.end).step_by(range.step.into()).any(|known| u32::from(known) == value)
        })
    };
    has(&calendar.second, wall.second())
        && has(&calendar.minute, wall.minute())
        && has(&calendar.hour, wall.hour())
        && has(&calendar.day_of_month, wall.day())
        && has(&calendar.month, wall.month())
        && (calendar.year.is_empty() || has(&calendar.year, wall.year().unsigned_abs()))
        && has(&calendar.day_of_week, wall.weekday().num_days_from_sunday())
}

fn fires(of: &Specification, at: DateTime<Utc>) -> bool {
    let wall = at.with_timezone(&of.time_zone).naive_local();
    let in_interval = of.intervals.iter().any(|interval| {
        at.timestamp().cast_unsigned() % interval.every.as_secs() == interval.phase.as_secs()
    });
    let in_calendar = of.calendars.iter().any(|calendar| matches(calendar, wall));
    let in_bounds = of.start.is_none_or(|start| start <= at) && of.end.is_none_or(|end| at <= end);
    let excluded = of.excluded.iter().any(|calendar| matches(calendar, wall));
    (in_interval || in_calendar) && in_bounds && !excluded
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn field(low: u16, high: u16) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("*".to_owned()),
        2 => (low..=high).prop_map(|value| value.to_string()),
        1 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (2..=high.min(20)).prop_map(|step| format!("*/{step}")),
    ]
}

fn calendar() -> impl Strategy<Value = WrittenCalendar> {
    let clock = (option::of(field(0, 59)), option::of(field(0, 59)), option::of(field(0, 23)));
    let days = (option::of(field(1, 31)), option::of(field(1, 12)), option::of(field(0, 6)));
    let years = option::weighted(0.2, field(2026, 2028));
    (clock, days, years).prop_map(|((second, minute, hour), (day_of_month, month, day_of_week), year)| {
        WrittenCalendar { second, minute, hour, day_of_month, month, year, day_of_week }
    })
}

fn cron() -> impl Strategy<Value = String> {
    let five = || {
        (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).prop_map(
            |(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"),
        )
    };
    prop_oneof![
        4 => five(),
        2 => (field(0, 59), five()).prop_map(|(second, rest)| format!("{second} {rest}")),
        1 => (1..90_000_u32, 0..90_000_u32).prop_map(|(every, phase)| format!("@every {every}s/{}s", phase % every)),
    ]
}

fn day() -> impl Strategy<Value = String> {
    (2026..2028_i32, 1..=12_u32, 1..=28_u32)
        .prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"))
}

fn exception() -> impl Strategy<Value = Exception> {
    prop_oneof![
        day().prop_map(Exception::Date),
        (day(), day()).prop_map(|(a, b)| Exception::Date(format!("{}..{}", (&a).min(&b), (&a).max(&b)))),
        calendar().prop_map(Exception::Calendar),
    ]
}

fn written(zones: &'static [&'static str]) -> impl Strategy<Value = Written> {
    let lists = (
        prop::collection::vec(cron(), 0..3),
        prop::collection::vec(calendar(), 0..2),
        prop::collection::vec(exception(), 0..3),
    );
    let bounds = (option::weighted(0.2, day()), option::weighted(0.2, day()));
    (lists, bounds, prop::sample::select(zones)).prop_map(
        |((cron, calendars, except), (from, until), zone)| Written {
            cron,
            calendars,
            except,
            from,
            until,
            time_zone: Some(zone.to_owned()),
            ..Written::default()
        },
    )
}

/// Whose changes of the clock leave no time at another one.
const PLAIN: &[&str] = &["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"];

const ODD: &[&str] =
    &["Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Antarctica/Troll", "Pacific/Apia"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn times_come_in_order_and_are_those_of_the_specification(of in written(PLAIN), after in 0..80_000_000_i64) {
        let Ok(timing) = Timing::check(&of) else { return Ok(()) };
        let after = moment(START + after);
        let times: Vec<_> = timing.next_times(after).take(20).collect();
        prop_assert!(times.first().is_none_or(|first| *first > after));
        prop_assert!(times.is_sorted_by(|a, b| a < b), "{:?}", times);
        for time in times {
            prop_assert!(fires(timing.specification(), time), "{} of {:?}", time, of);
        }
    }

    #[test]
    fn in_utc_no_time_is_left_out(of in written(&["UTC"]), after in 0..80_000_000_i64) {
        let Ok(timing) = Timing::check(&of) else { return Ok(()) };
        let after = moment(START + after);
        let until = after + TimeDelta::hours(1);
        let times: Vec<_> = timing.next_times(after).take_while(|time| *time <= until).collect();
        let seconds = (1..=3_600).map(|second| after + TimeDelta::seconds(second));
        let wanted: Vec<_> = seconds.filter(|time| fires(timing.specification(), *time)).collect();
        prop_assert_eq!(times, wanted, "{:?}", of);
    }

    #[test]
    fn in_odd_zones_times_come_in_order_and_all_is_told(of in written(ODD), after in -90_000_000..80_000_000_i64) {
        let Ok(timing) = Timing::check(&of) else { return Ok(()) };
        let after = moment(START + after);
        let times: Vec<_> = timing.next_times(after).take(20).collect();
        prop_assert!(times.is_sorted_by(|a, b| a < b), "{:?}", times);
        prop_assert!(!timing.meaning().is_empty());
        let never = times.is_empty();
        prop_assert_eq!(timing.warnings(after).iter().any(|warning| warning.kind().name() == "never-fires"), never);
    }

    #[test]
    fn any_texts_are_taken_or_refused(
        texts in prop::collection::vec(prop_oneof![any::<String>(), r"[-0-9T:.Z+@ adhmsMevry/*]{0,24}"], 9),
        runs in any::<Option<u64>>(),
    ) {
        let text = |index: usize| texts[index].clone();
        let calendar = WrittenCalendar { hour: Some(text(2)), year: Some(text(3)), ..WrittenCalendar::default() };
        let of = Written {
            cron: vec![text(0)],
            every: vec![WrittenInterval { every: text(1), offset: Some(text(2)) }],
            calendars: vec![calendar],
            except: vec![Exception::Date(text(4)), Exception::Date(format!("{}..{}", text(5), text(6)))],
            time_zone: Some(text(7)),
            from: Some(text(5)),
            until: Some(text(6)),
            jitter: Some(text(8)),
            runs,
            at: Vec::new(),
        };
        let at = Written { at: texts.clone(), ..Written::default() };
        for written in [of, at] {
            for bad in Timing::check(&written).err().into_iter().flatten() {
                let message = bad.to_string();
                prop_assert!(message.len() < 2000 && !message.contains('\n'), "{}", message);
                prop_assert!(bad.suggestion().is_some_and(|suggestion| !suggestion.is_empty()));
            }
        }
    }

    #[test]
    fn any_end_of_time_is_survived(of in written(ODD), after in any::<i64>()) {
        let Ok(timing) = Timing::check(&of) else { return Ok(()) };
        let after = DateTime::from_timestamp_millis(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let _ = (timing.next_times(after).next(), timing.warnings(after));
    }

    #[test]
    fn any_duration_is_taken_or_refused(text in r"[0-9]{1,25} ?(s|m|h|d|w|ms|ns|M|y)?") {
        if let Ok(read) = duration(&text) {
            prop_assert!(read.subsec_nanos() == 0 && read.as_secs() <= 100 * 365 * 86_400);
        }
    }
}
