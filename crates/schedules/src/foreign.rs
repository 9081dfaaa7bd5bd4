//! What people write who mean another cron, another order, or no cron at all: what is said to them.

use crate::Field;
use crate::bad_cron::{Fault, excerpt};
use crate::parse::digits;

const EXAMPLE: &str = "write for example `0 9 * * MON-FRI`";

pub(crate) fn refuse_time_zone(text: &str) -> Result<(), Fault> {
    let Some(after) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok(());
    };
    let (zone, rest) = after.split_once(' ').unwrap_or((after, ""));
    let apart = format!("give the time zone `{}` apart and write `{}`", excerpt(zone), excerpt(rest.trim()));
    Err(Fault::whole("a time zone is not part of the expression", apart))
}

pub(crate) fn shorthand(lower: &str) -> Fault {
    match lower {
        "@reboot" => Fault::whole(
            "there is no reboot that `@reboot` could wait for",
            "write a time, such as `@hourly`",
        ),
        _ => Fault::whole(
            "this shorthand is unknown",
            "use @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or `@every 30s`",
        ),
    }
}

pub(crate) fn wrong_count(words: &[&str]) -> Fault {
    const WANTED: &str = "five (minute hour day-of-month month day-of-week) or six (second first) are needed";
    if words.iter().any(|word| word.starts_with('#')) {
        return Fault::whole("comments are not taken", "leave out everything from `#` on");
    }
    match words {
        [] => Fault::whole("it is empty", EXAMPLE),
        [_] => Fault::whole(format!("it has 1 field; {WANTED}"), EXAMPLE),
        [fields @ .., "*"] if fields.len() == 6 => Fault::whole(
            "it has 7 fields, and a year is not taken",
            format!("write `{}`", excerpt(&fields.join(" ").replace('?', "*"))),
        ),
        [_, _, _, _, _, _, _] => {
            let reason = format!("it has 7 fields; {WANTED}");
            Fault::whole(reason, "leave the year out, or write a calendar, which has one")
        }
        [..] => Fault::whole(format!("it has {} fields; {WANTED}", words.len()), EXAMPLE),
    }
}

/// Whether these are words of English rather than fields.
pub(crate) fn is_prose(words: &[&str]) -> bool {
    const STARTS: [&str; 5] = ["every", "each", "daily", "hourly", "at"];
    words.first().is_some_and(|word| STARTS.iter().any(|start| word.eq_ignore_ascii_case(start)))
}

pub(crate) fn prose(words: &[&str]) -> Fault {
    let rest = words.iter().skip(1).map(|word| word.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
    let suggestion = match rest.as_str() {
        "second" => "write `* * * * * *`".to_owned(),
        "minute" => "write `* * * * *`".to_owned(),
        "hour" => "write `@hourly`".to_owned(),
        "day" => "write `@daily`".to_owned(),
        "week" => "write `@weekly`".to_owned(),
        "month" => "write `@monthly`".to_owned(),
        "year" => "write `@yearly`".to_owned(),
        "" if words.iter().any(|word| word.eq_ignore_ascii_case("hourly")) => "write `@hourly`".to_owned(),
        "" if words.iter().any(|word| word.eq_ignore_ascii_case("daily")) => "write `@daily`".to_owned(),
        _ => match crate::duration(&rest) {
            Ok(every) if !every.is_zero() => format!("write `@every {}`", humantime::format_duration(every)),
            _ => "write for example `0 9 * * MON-FRI`, or `@every 5m`".to_owned(),
        },
    };
    Fault::whole("these are words, not fields of cron", suggestion)
}

pub(crate) fn out_of_bounds(field: Field, text: &str, number: u16) -> Fault {
    let (low, high) = field.bounds().into_inner();
    let reason = format!("{} is not between {low} and {high}", excerpt(text));
    let suggestion = match field {
        Field::Second | Field::Minute | Field::Hour if number == high + 1 => "write 0".to_owned(),
        Field::DayOfWeek if (1970..=2100).contains(&number) => {
            "a year is not taken, and a sixth field puts the seconds first".to_owned()
        }
        Field::Month if number <= 31 => "the day of the month comes before the month".to_owned(),
        _ => field.remedy(),
    };
    Fault::in_field(field, reason, suggestion)
}

pub(crate) fn not_a_value(field: Field, text: &str) -> Fault {
    if text.contains('?') {
        return Fault::in_field(field, "Temporal has no `?`", "write `*`");
    }
    if let Some((meaning, instead)) = quartz_only(text) {
        let reason = format!("Temporal has no `{}` ({meaning})", excerpt(text));
        return Fault::in_field(field, reason, instead);
    }
    let (low, high) = field.bounds().into_inner();
    let names = match field.names() {
        [first, .., last] => format!(", nor a name from {first} to {last}"),
        _ => String::new(),
    };
    let reason = format!("`{}` is not a number from {low} to {high}{names}", excerpt(text));
    let start = text.get(..3).unwrap_or(text);
    let is_name = |other: &Field| other.value_of_name(start).is_some();
    let suggestion = match [Field::Month, Field::DayOfWeek].into_iter().find(is_name) {
        Some(of) if of == field => format!("write {}", start.to_ascii_uppercase()),
        Some(Field::Month) => "a month is written in the field after the day of the month".to_owned(),
        Some(_) => "a day of the week is written in the last field".to_owned(),
        None => field.remedy(),
    };
    Fault::in_field(field, reason, suggestion)
}

/// What the text means to Quartz and its kin, if it is one of their `L`, `W` and `#` forms, and what comes
/// closest.
fn quartz_only(text: &str) -> Option<(&'static str, &'static str)> {
    let upper = text.to_ascii_uppercase();
    let is_day = |day: &str| digits(day).is_some() || Field::DayOfWeek.value_of_name(day).is_some();
    if upper.contains('#') {
        let instead = "write a calendar of that day of the week with seven days of the month, such as 8-14";
        return Some(("nth weekday of the month", instead));
    }
    match (upper.strip_suffix('W'), upper.strip_suffix('L')) {
        (Some(day), _) if day.is_empty() || day == "L" || is_day(day) => {
            Some(("nearest weekday", "write the day itself, or a day of the week"))
        }
        (_, Some("")) => Some(("last of the month", "write `28-31` for the last days, or `1` for the first")),
        (_, Some(day)) if is_day(day) => {
            let instead = "write a calendar of that day of the week with the days of the month 25-31";
            Some(("last of the month", instead))
        }
        _ => None,
    }
}
