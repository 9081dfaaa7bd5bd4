use chrono::{Datelike, NaiveDate};
use croner::describe::{English, Language};

use crate::bad_cron::{Fault, excerpt};
use crate::calendar::{self, FieldFault, NotGiven, Read};
use crate::moment::{date, day_of_year, no_day, two_digits};
use crate::parse::{Values, short};
use crate::{Calendar, Exception, Field, Range};

/// A leap year, which has all days that there are.
const LEAP_YEAR: u16 = 2024;

/// What is excluded, and that in English: `on 2026-12-25`.
pub(crate) struct Excluded {
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) meaning: String,
}

pub(crate) fn read(exception: &Exception) -> Result<Excluded, Vec<FieldFault>> {
    match exception {
        Exception::Date(text) => dates(text).map_err(|fault| vec![(None, fault)]),
        Exception::Calendar(written) => {
            let Read { calendar, meaning } = calendar::read(written, NotGiven::All)?;
            Ok(Excluded { calendars: vec![calendar], meaning: lower_first(&meaning) })
        }
    }
}

pub(crate) fn lower_first(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_lowercase().chain(rest).collect()).unwrap_or_default()
}

fn dates(text: &str) -> Result<Excluded, Fault> {
    let text = short(text)?;
    if text.is_empty() {
        return Err(Fault::whole("it is empty", "write it like `2026-12-25`, or leave it out"));
    }
    if text.contains(':') {
        let reason = format!("`{}` is not a day", excerpt(text));
        return Err(Fault::whole(reason, "write the day alone; times of day are written as a calendar"));
    }
    if let Some((from, to)) = text.split_once("..") {
        return span(from, to);
    }
    match text.split('-').collect::<Vec<_>>()[..] {
        [month, day] => every_year(text, month, day),
        _ => {
            let day = date(text)?;
            Ok(Excluded { calendars: days(day, day), meaning: format!("on {day}") })
        }
    }
}

fn every_year(text: &str, month: &str, day: &str) -> Result<Excluded, Fault> {
    let (Some(month), Some(day)) = (two_digits(month), two_digits(day)) else {
        return Err(no_day(text));
    };
    let date = day_of_year(LEAP_YEAR, month, day)
        .map_err(|meant| Fault { suggestion: format!("write `{meant}`"), ..no_day(text) })?;
    let name = English.month_names()[date.month0() as usize % 12];
    let calendars = vec![whole_days(None, (month, month), (day, day))];
    Ok(Excluded { calendars, meaning: format!("on {name} {day}") })
}

fn span(from: &str, to: &str) -> Result<Excluded, Fault> {
    let (from, to) = (date(from.trim())?, date(to.trim())?);
    if from > to {
        return Err(Fault::whole(format!("{from} is after {to}"), format!("write `{to}..{from}`")));
    }
    Ok(Excluded { calendars: days(from, to), meaning: format!("from {from} through {to}") })
}

/// The days from one to another: of a year the rest of the first month, the months between, the last month up to the
/// day; of several years the rest of the first, the years between, the last up to the day.
fn days(from: NaiveDate, to: NaiveDate) -> Vec<Calendar> {
    let (first, last) = (year(from), year(to));
    if first == last {
        return days_of_year(first, day(from), day(to));
    }
    let between = (first + 1 < last).then(|| whole_days(Some((first + 1, last - 1)), (1, 12), (1, 31)));
    let (rest, start) = (days_of_year(first, day(from), (12, 31)), days_of_year(last, (1, 1), day(to)));
    rest.into_iter().chain(between).chain(start).collect()
}

fn days_of_year(year: u16, from: (u16, u16), to: (u16, u16)) -> Vec<Calendar> {
    let year = Some((year, year));
    if from.0 == to.0 {
        return vec![whole_days(year, (from.0, from.0), (from.1, to.1))];
    }
    let between = (from.0 + 1 < to.0).then(|| whole_days(year, (from.0 + 1, to.0 - 1), (1, 31)));
    let rest = whole_days(year, (from.0, from.0), (from.1, 31));
    [rest].into_iter().chain(between).chain([whole_days(year, (to.0, to.0), (1, to.1))]).collect()
}

fn year(date: NaiveDate) -> u16 {
    u16::try_from(date.year()).unwrap_or(u16::MAX)
}

fn day(date: NaiveDate) -> (u16, u16) {
    let small = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    (small(date.month()), small(date.day()))
}

fn whole_days(years: Option<(u16, u16)>, months: (u16, u16), days: (u16, u16)) -> Calendar {
    let range = |(start, end)| vec![Range { start, end, step: 1 }];
    let all = |field| Values::all(field).for_temporal();
    Calendar {
        second: all(Field::Second),
        minute: all(Field::Minute),
        hour: all(Field::Hour),
        day_of_month: range(days),
        month: range(months),
        year: years.map(range).unwrap_or_default(),
        day_of_week: all(Field::DayOfWeek),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

    use super::*;
    use crate::matcher::Matcher;

    fn excluded(text: &str) -> Vec<Matcher> {
        read(&Exception::Date(text.to_owned()))
            .map_err(|_| ())
            .unwrap()
            .calendars
            .iter()
            .map(Matcher::of)
            .collect()
    }

    fn at(day: &str) -> NaiveDateTime {
        day.parse::<NaiveDate>().unwrap().and_time(NaiveTime::MIN)
    }

    #[test]
    fn a_span_is_its_days_and_no_others() {
        let spans = [
            ("2026-12-25", "2026-12-25"),
            ("2026-02-10", "2026-02-20"),
            ("2026-02-10", "2026-03-01"),
            ("2026-02-10", "2026-06-30"),
            ("2026-12-24", "2027-01-02"),
            ("2026-12-24", "2031-03-02"),
        ];
        for (from, to) in spans {
            let calendars = excluded(&format!("{from}..{to}"));
            assert!(calendars.len() <= 7);
            let (from, to) = (at(from), at(to) + TimeDelta::hours(23));
            let mut time = from - TimeDelta::days(400);
            while time < to + TimeDelta::days(400) {
                let matches = calendars.iter().any(|calendar| calendar.matches(time));
                assert_eq!(matches, (from..=to).contains(&time), "{time} of {from} to {to}");
                time += TimeDelta::hours(23);
            }
        }
    }

    #[test]
    fn a_day_without_a_year_is_that_of_every_year() {
        let [leap] = &excluded("02-29")[..] else { panic!() };
        assert!(
            leap.matches(at("2028-02-29"))
                && leap.matches(at("2032-02-29"))
                && !leap.matches(at("2028-02-28"))
        );
    }
}
