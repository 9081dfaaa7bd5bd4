//! What holds for every text, and that every time is one croner finds too where no clock is changed.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Year};
use proptest::prelude::*;
use signalbox_schedules::{Cron, time_zone};

/// Whatever comes in is refused in one line, or is an expression with all its answers.
fn takes_or_refuses(text: &str) -> Result<(), TestCaseError> {
    let cron: Cron = match text.parse() {
        Ok(cron) => cron,
        Err(bad) => {
            let message = format!("{bad}");
            prop_assert!(
                message.starts_with("bad cron `") && message.len() < 2000 && !message.contains('\n')
            );
            return Ok(());
        }
    };
    prop_assert!(text.len() <= 256);
    prop_assert!(!cron.meaning().is_empty());
    let after = moment(1_767_225_600);
    let times: Vec<_> = cron.next_times(Tz::Europe__Paris, after).take(3).collect();
    prop_assert!(times.is_sorted() && times.iter().all(|time| *time > after));
    Ok(())
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// One field: `*`, a value, a range, a range with a step, or a list of those.
fn field(low: u16, high: u16) -> impl Strategy<Value = String> {
    let range = (low..=high, low..=high).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let item = prop_oneof![
        (low..=high).prop_map(|value| value.to_string()),
        range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        (range, 1..high).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
    ];
    prop_oneof![Just("*".to_owned()), prop::collection::vec(item, 1..4).prop_map(|items| items.join(","))]
}

fn fields() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
        .prop_map(|(s, m, h, dom, month, dow)| [s, m, h, dom, month, dow].join(" "))
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in any::<String>()) {
        takes_or_refuses(&text)?;
    }

    #[test]
    fn any_text_of_cron_like_pieces_is_taken_or_refused(
        text in r"(@|TZ=)?(([0-9]{1,3}|\*|MON|sun|JAN|L|W|\?|x)([-/,#][0-9*]{1,2}|-SUN|,TUE|L|W){0,2} ?){0,8}"
    ) {
        takes_or_refuses(&text)?;
    }

    #[test]
    fn every_well_formed_expression_is_taken(text in fields()) {
        match text.parse::<Cron>() {
            Ok(_) => takes_or_refuses(&text)?,
            Err(bad) => prop_assert!(bad.reason().starts_with("it never fires"), "{}", bad),
        }
    }

    #[test]
    fn in_utc_the_times_are_those_croner_finds(text in fields(), start in 0_i64..4_000_000_000) {
        let Ok(cron) = text.parse::<Cron>() else { return Ok(()) };
        let known = CronParser::builder().year(Year::Disallowed).build().parse(&text).unwrap();
        let wanted: Vec<_> = known.iter_after(moment(start)).take_while(in_calendars).take(5).collect();
        let times: Vec<_> = cron.next_times(Tz::UTC, moment(start)).take(5).collect();
        prop_assert_eq!(times, wanted, "{}", text);
    }

    #[test]
    fn any_zone_name_is_taken_or_refused(name in any::<String>()) {
        let _ = time_zone(&name);
    }
}

/// Temporal's calendars end with the year 2100.
fn in_calendars(time: &DateTime<Utc>) -> bool {
    *time < moment(4_133_980_800)
}
