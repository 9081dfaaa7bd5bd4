//! An expression in English: croner's description, in wording of our own and with what it lacks.
//! It names a step wherever one is written, true or not, so it is only shown those that are; it lists days
//! and months that people call by their ends; and it knows one time of day at most.

use std::collections::BTreeSet;

use croner::CronPattern;
use croner::describe::{English, Language};
use croner::parser::CronParser;

use crate::Field;
use crate::bad_cron::Fault;
use crate::parse::{Expression, Values};

/// Up to this many hours are told as times of day.
const MOST_TIMES: usize = 6;

const TIME_OF_DAY: [Field; 3] = [Field::Second, Field::Minute, Field::Hour];

/// A cron expression in English.
pub(crate) fn of(expression: &Expression) -> Result<String, Fault> {
    let hours = times_of_day(expression);
    let any_day = expression.either_day
        && [Field::DayOfMonth, Field::DayOfWeek].iter().any(|day| is_all(expression, *day));
    let fields = expression.join(|values| match (values.field, hours.first()) {
        (Field::Hour, Some(hour)) => hour.to_string(),
        (Field::DayOfMonth | Field::DayOfWeek, _) if any_day => "*".to_owned(),
        _ => truthful(values),
    });
    let text = pattern(&fields, !expression.either_day)?.describe_lang(Words { hours });
    let text = by_its_ends(&text, &expression.values_of(Field::DayOfWeek), day_of_week);
    let text = by_its_ends(&text, &expression.values_of(Field::Month), month);
    Ok(text.trim_end_matches('.').to_owned())
}

/// A calendar of all fields that fires, in English: without the seconds where they are 0, with the year.
pub(crate) fn of_calendar(expression: &Expression) -> Result<String, Fault> {
    let at_second_0 = expression.values_of(Field::Second).into_iter().eq([0]);
    Ok(without_year(expression, !at_second_0)? + &years(expression))
}

/// A calendar of all fields that excludes, in English: of a time of day that is any, nothing is said.
pub(crate) fn of_exclusion(expression: &Expression) -> Result<String, Fault> {
    let text = without_year(expression, !is_all(expression, Field::Second))?;
    let text = if text == "Every minute" { "" } else { text.strip_prefix("Every minute, ").unwrap_or(&text) };
    let whole = format!("{text}{}", years(expression));
    let whole = whole.trim_start_matches(", ");
    Ok(if whole.is_empty() { "at any time".to_owned() } else { whole.to_owned() })
}

fn without_year(expression: &Expression, with_second: bool) -> Result<String, Fault> {
    let is_told = |values: &&Values| match values.field {
        Field::Second => with_second,
        field => field != Field::Year,
    };
    let fields = expression.fields.iter().filter(is_told).cloned().collect();
    of(&Expression { fields, either_day: false })
}

fn years(expression: &Expression) -> String {
    let years = expression.fields.iter().find(|values| values.field == Field::Year);
    let told =
        years.filter(|years| !years.is_all()).map(|years| format!(", in {}", spans(&years.selected())));
    told.unwrap_or_default()
}

/// `2026, 2028 through 2030`.
fn spans(numbers: &BTreeSet<u16>) -> String {
    let mut spans: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let told =
        |(start, end)| if start == end { format!("{start}") } else { format!("{start} through {end}") };
    spans.into_iter().map(told).collect::<Vec<_>>().join(", ")
}

/// Hands plain fields to croner; a day must match both day fields, or either.
fn pattern(text: &str, both_days: bool) -> Result<CronPattern, Fault> {
    let parser = CronParser::builder().dom_and_dow(both_days).build();
    let refused =
        |error: croner::errors::CronError| Fault::whole(error.to_string(), "write it in another way");
    parser.parse(text).map(|cron| cron.pattern).map_err(refused)
}

fn is_all(expression: &Expression, field: Field) -> bool {
    expression.fields.iter().any(|values| values.field == field && values.is_all())
}

/// The hours, when there is one minute and one second to go with each of a few.
fn times_of_day(expression: &Expression) -> Vec<u16> {
    let count = |field| expression.values_of(field).len();
    let few = count(Field::Second) == 1 && count(Field::Minute) == 1 && count(Field::Hour) <= MOST_TIMES;
    if few { expression.values_of(Field::Hour).into_iter().collect() } else { Vec::new() }
}

/// The field with a step only where it goes evenly round the clock, and with plain values elsewhere.
fn truthful(values: &Values) -> String {
    let size = values.field.size();
    match values.ranges[..] {
        _ if values.is_all() => "*".to_owned(),
        [range]
            if values.starred
                && TIME_OF_DAY.contains(&values.field)
                && size.is_multiple_of(range.step)
                && range.step < size =>
        {
            values.plain()
        }
        _ => list(&values.selected()),
    }
}

fn list(numbers: &BTreeSet<u16>) -> String {
    numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

/// Croner's list of three or more neighbours told by the first and the last of them; a week may go on into
/// its Sunday.
fn by_its_ends(text: &str, numbers: &BTreeSet<u16>, name: impl Fn(u16) -> &'static str) -> String {
    let names: Vec<_> = numbers.iter().map(|number| name(*number)).collect();
    let sunday_last = numbers.iter().map(|number| if *number == 0 { 7 } else { *number }).collect();
    match (names.as_slice(), ends(&sunday_last).or_else(|| ends(numbers))) {
        ([others @ .., last], Some((from, to))) => text.replace(
            &format!("{}, and {last}", others.join(", ")),
            &format!("{} through {}", name(from), name(to)),
        ),
        _ => text.to_owned(),
    }
}

fn ends(numbers: &BTreeSet<u16>) -> Option<(u16, u16)> {
    let (from, to) = (*numbers.first()?, *numbers.last()?);
    (numbers.len() >= 3 && usize::from(to - from) + 1 == numbers.len()).then_some((from, to))
}

fn day_of_week(number: u16) -> &'static str {
    English.day_of_week_names()[usize::from(number % 7)]
}

fn month(number: u16) -> &'static str {
    English.month_names()[usize::from(number.saturating_sub(1) % 12)]
}

/// Croner's phrases in our wording. With `hours`, a time of day stands for one at each of them.
struct Words {
    hours: Vec<u16>,
}

/// `hour 9` or `hours 9 through 17`.
fn numbered(noun: &str, numbers: &str) -> String {
    let plural = if numbers.bytes().all(|byte| byte.is_ascii_digit()) { "" } else { "s" };
    format!("{noun}{plural} {}", numbers.replace('-', " through "))
}

macro_rules! as_in_english {
    ($(fn $phrase:ident($($argument:ident: $kind:ty),*) -> $text:ty;)*) => {
        $(fn $phrase(&self, $($argument: $kind),*) -> $text { English.$phrase($($argument),*) })*
    };
}

impl Language for Words {
    fn time_of_day(&self, hour: u16, minute: u16, second: Option<u16>) -> String {
        let times: Vec<_> =
            self.hours.iter().map(|hour| English.time_of_day(*hour, minute, second)).collect();
        match times.as_slice() {
            [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => English.time_of_day(hour, minute, second),
        }
    }

    fn at_time_at_second(&self, time: &str, second: &str) -> String {
        format!("At {time}, at {}", numbered("second", second))
    }

    fn at_phrase(&self, phrase: &str) -> String {
        if phrase.starts_with("every") { phrase.to_owned() } else { format!("At {phrase}") }
    }

    fn second_phrase(&self, numbers: &str) -> String {
        numbered("second", numbers)
    }

    fn minute_phrase(&self, numbers: &str) -> String {
        numbered("minute", numbers)
    }

    fn hour_phrase(&self, numbers: &str) -> String {
        format!("in {}", numbered("hour", numbers))
    }

    fn every_x_hours(&self, step: u16) -> String {
        let ending = match step {
            2 => "nd",
            3 => "rd",
            _ => "th",
        };
        format!("in every {step}{ending} hour")
    }

    fn past_hour_phrase(&self, numbers: &str) -> String {
        self.hour_phrase(numbers)
    }

    fn every_past_phrase(&self, every: &str, hours: &str) -> String {
        format!("{every}, {hours}")
    }

    fn day_phrase(&self, numbers: &str) -> String {
        format!("{} of the month", numbered("day", numbers))
    }

    fn dom_and_dow_if_also(&self, days_of_week: &str) -> String {
        format!("but only on {days_of_week}")
    }

    as_in_english! {
        fn every_minute() -> &'static str;
        fn every_second_phrase() -> &'static str;
        fn every_x_minutes(step: u16) -> String;
        fn every_x_seconds(step: u16) -> String;
        fn every_minute_of_every_x_hours(step: u16) -> String;
        fn at_time(time: &str) -> String;
        fn at_time_and_every_x_seconds(time: &str, step: u16) -> String;
        fn on_phrase(phrase: &str) -> String;
        fn in_phrase(phrase: &str) -> String;
        fn minute_past_every_hour_phrase(minute: &str) -> String;
        fn year_phrase(year: &str) -> String;
        fn the_last_day_of_the_month() -> &'static str;
        fn the_weekday_nearest_day(day: &str) -> String;
        fn the_last_weekday_of_the_month(day: &str) -> String;
        fn the_nth_weekday_of_the_month(nth: u8, day: &str) -> String;
        fn dom_and_dow_if_also_one_of(days_of_week: &str) -> String;
        fn list_conjunction_and() -> &'static str;
        fn list_conjunction_or() -> &'static str;
        fn list_conjunction_and_comma() -> &'static str;
        fn day_of_week_names() -> [&'static str; 7];
        fn month_names() -> [&'static str; 12];
    }
}
