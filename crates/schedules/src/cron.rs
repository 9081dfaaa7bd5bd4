use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::bad_cron::Fault;
use crate::parse::{Expression, Values, expression, short};
use crate::{BadCron, Calendar, Field, Interval, Specification, calendar, interval, meaning};

/// A checked cron expression. Serialised it is its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    source: String,
    meaning: String,
    when: When,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    /// One calendar, or two of which either may match.
    Fields(Vec<Calendar>),
    /// `@every`.
    Every(Interval),
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
        self.specification(zone).next_times(after)
    }

    /// What Temporal is told, structured.
    pub fn specification(&self, zone: Tz) -> Specification {
        let mut specification = Specification::empty(zone);
        match &self.when {
            When::Fields(calendars) => specification.calendars.clone_from(calendars),
            When::Every(interval) => specification.intervals.push(*interval),
        }
        specification
    }
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(source: &str) -> Result<Self, BadCron> {
        read(source).map_err(|fault| BadCron::new(source, fault))
    }
}

fn read(source: &str) -> Result<Cron, Fault> {
    let (meaning, when) = match interval::of_shorthand(short(source)?) {
        Some(interval) => {
            let interval = interval?;
            (interval::meaning(&interval), When::Every(interval))
        }
        None => {
            let expression = expression(source)?;
            calendar::refuse_impossible_day(&expression)?;
            (meaning::of(&expression)?, When::Fields(calendars(&expression)))
        }
    };
    Ok(Cron { source: source.to_owned(), meaning, when })
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

fn calendars(expression: &Expression) -> Vec<Calendar> {
    if !expression.either_day {
        return vec![calendar::of(expression)];
    }
    let without = |field| {
        let widen = |values: &Values| if values.field == field { Values::all(field) } else { values.clone() };
        calendar::of(&Expression { fields: expression.fields.iter().map(widen).collect(), either_day: false })
    };
    vec![without(Field::DayOfWeek), without(Field::DayOfMonth)]
}
