use crate::bad_cron::Fault;
use crate::parse::{Expression, Values, short, values};
use crate::{Calendar, Field, Range, WrittenCalendar, meaning};

/// What a time-of-day field is that is not given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotGiven {
    Zero,
    All,
}

/// A calendar that was read, with what it means.
pub(crate) struct Read {
    pub(crate) calendar: Calendar,
    pub(crate) meaning: String,
}

/// A fault and the name of the field that it is in; of none, when it is in several together.
pub(crate) type FieldFault = (Option<&'static str>, Fault);

/// Reads the fields; all that are wrong are told.
pub(crate) fn read(written: &WrittenCalendar, not_given: NotGiven) -> Result<Read, Vec<FieldFault>> {
    let mut faults = Vec::new();
    let mut fields = Vec::new();
    for (name, field, text) in fields_of(written) {
        match text.as_deref().map_or_else(|| Ok(default(field, not_given)), |text| given(field, text)) {
            Ok(values) => fields.push(values),
            Err(fault) => faults.push((Some(name), Fault { field: None, ..fault })),
        }
    }
    if fields_of(written).iter().all(|(.., text)| text.is_none()) {
        faults.push((None, Fault::whole("it has no fields", "give one, such as `hour: \"9\"`")));
    }
    let expression = Expression { fields, either_day: false };
    if faults.is_empty() {
        let fault = impossible_day(&expression).map(|fault| Fault { field: None, ..fault });
        faults.extend(fault.map(|fault| (Some("day_of_month"), fault)));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let meaning = match not_given {
        NotGiven::Zero => meaning::of_calendar(&expression),
        NotGiven::All => meaning::of_exclusion(&expression),
    };
    let meaning = meaning.map_err(|fault| vec![(None, fault)])?;
    Ok(Read { calendar: of(&expression), meaning })
}

/// In the order of the six-field form, and the year.
fn fields_of(written: &WrittenCalendar) -> [(&'static str, Field, &Option<String>); 7] {
    [
        ("second", Field::Second, &written.second),
        ("minute", Field::Minute, &written.minute),
        ("hour", Field::Hour, &written.hour),
        ("day_of_month", Field::DayOfMonth, &written.day_of_month),
        ("month", Field::Month, &written.month),
        ("day_of_week", Field::DayOfWeek, &written.day_of_week),
        ("year", Field::Year, &written.year),
    ]
}

fn given(field: Field, text: &str) -> Result<Values, Fault> {
    match short(text)? {
        "" => Err(Fault::whole("it is empty", "leave the field out, or write `*`")),
        text => values(field, text),
    }
}

fn default(field: Field, not_given: NotGiven) -> Values {
    match field {
        Field::Second | Field::Minute | Field::Hour if not_given == NotGiven::Zero => {
            Values { field, ranges: vec![Range { start: 0, end: 0, step: 1 }], starred: false }
        }
        _ => Values::all(field),
    }
}

/// The calendar of an expression, of which all fields must match.
pub(crate) fn of(expression: &Expression) -> Calendar {
    Calendar {
        second: expression.ranges_of(Field::Second),
        minute: expression.ranges_of(Field::Minute),
        hour: expression.ranges_of(Field::Hour),
        day_of_month: expression.ranges_of(Field::DayOfMonth),
        month: expression.ranges_of(Field::Month),
        year: years(expression),
        day_of_week: expression.ranges_of(Field::DayOfWeek),
    }
}

fn years(expression: &Expression) -> Vec<Range> {
    let written = expression.fields.iter().find(|values| values.field == Field::Year);
    written.filter(|years| !years.is_all()).map(Values::for_temporal).unwrap_or_default()
}

pub(crate) fn refuse_impossible_day(expression: &Expression) -> Result<(), Fault> {
    impossible_day(expression).map_or(Ok(()), Err)
}

fn impossible_day(expression: &Expression) -> Option<Fault> {
    const LONGEST_MONTHS: [u16; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = expression.values_of(Field::DayOfMonth);
    let months = expression.values_of(Field::Month);
    let longest = months.iter().filter_map(|month| LONGEST_MONTHS.get(usize::from(month - 1))).max()?;
    (days.first()? > longest && !expression.either_day).then(|| {
        let reason = "it never fires: no such day in any of the months";
        Fault::in_field(Field::DayOfMonth, reason, format!("write a day up to {longest}"))
    })
}
