use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::CronPattern;
use croner::parser::CronParser;
use serde::{Deserialize, Serialize};

use crate::bad_cron::Fault;
use crate::parse::{Expression, Values, expression};
use crate::{BadCron, Field, meaning, next};

/// A checked cron expression. Serialised it is its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    source: String,
    meaning: String,
    /// One, or two of which either may match.
    calendars: Vec<Calendar>,
}

/// What one Temporal calendar can say: a time matches when all fields do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Calendar {
    text: String,
    pattern: CronPattern,
}

impl Cron {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the expression says, in English: `At 09:00, on Monday through Friday`.
    pub fn meaning(&self) -> String {
        self.meaning.clone()
    }

    /// The times strictly after `after` at which Temporal fires in that zone, in order, to the end of the
    /// year 2100, where Temporal's calendars end.
    ///
    /// On the days the clock is changed this is what Temporal does, not what a wall clock suggests: a time
    /// that is skipped does not fire, and around a repeated hour a time may fire twice, or once in either.
    pub fn next_times(&self, zone: Tz, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let next =
            move |after| self.calendars.iter().filter_map(|c| next::time(&c.pattern, zone, after)).min();
        std::iter::successors(next(after), move |last| next(*last))
    }

    /// What to put into Temporal's `ScheduleSpec.cron_string` so that it means the same: two texts when
    /// either of two restricted days suffices, else one.
    pub fn temporal_cron_strings(&self) -> Vec<String> {
        self.calendars.iter().map(|calendar| calendar.text.clone()).collect()
    }
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(source: &str) -> Result<Self, BadCron> {
        let read = || {
            let expression = expression(source)?;
            refuse_impossible_day(&expression)?;
            let calendars = calendars(&expression)?;
            Ok(Self { source: source.to_owned(), meaning: meaning::of(&expression)?, calendars })
        };
        read().map_err(|fault| BadCron::new(source, fault))
    }
}

impl TryFrom<String> for Cron {
    type Error = BadCron;

    fn try_from(source: String) -> Result<Self, BadCron> {
        source.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.source
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn refuse_impossible_day(expression: &Expression) -> Result<(), Fault> {
    const LONGEST_MONTHS: [u16; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = expression.values_of(Field::DayOfMonth);
    let months = expression.values_of(Field::Month);
    let longest = months.iter().filter_map(|month| LONGEST_MONTHS.get(usize::from(month - 1))).max();
    match (days.first(), longest) {
        (Some(day), Some(longest)) if day > longest && !expression.either_day() => {
            Err(Fault::in_field(Field::DayOfMonth, "it never fires: no such day in any of the months"))
        }
        _ => Ok(()),
    }
}

fn calendars(expression: &Expression) -> Result<Vec<Calendar>, Fault> {
    let without =
        |field| move |values: &Values| if values.field == field { "*".into() } else { values.plain() };
    let texts = if expression.either_day() {
        vec![expression.join(without(Field::DayOfWeek)), expression.join(without(Field::DayOfMonth))]
    } else {
        vec![expression.join(Values::plain)]
    };
    texts.into_iter().map(|text| calendar(expression, text)).collect()
}

fn calendar(expression: &Expression, fields: String) -> Result<Calendar, Fault> {
    // Temporal takes the last of six fields for the year and the first of seven for the second.
    let text = if expression.fields.len() == Field::ALL.len() { fields + " *" } else { fields };
    let pattern = pattern(&text, true)?;
    Ok(Calendar { text, pattern })
}

/// Hands plain fields to croner; a day must match both day fields, or either.
pub(crate) fn pattern(text: &str, both_days: bool) -> Result<CronPattern, Fault> {
    let parser = CronParser::builder().dom_and_dow(both_days).build();
    parser.parse(text).map(|cron| cron.pattern).map_err(|error| Fault::whole(error.to_string()))
}
