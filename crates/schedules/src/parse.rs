use std::collections::BTreeSet;

use crate::bad_cron::{Fault, excerpt};
use crate::{Field, Range, foreign};

/// Longest expression that is read, in bytes.
const LONGEST: usize = 256;

/// The fields of a checked expression in the order they are written: five, or six with the seconds first.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) fields: Vec<Values>,
    /// Whether a day matches when either of the two day fields does, and not only when both do.
    pub(crate) either_day: bool,
}

/// What one field selects.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) field: Field,
    pub(crate) ranges: Vec<Range>,
    /// Whether the text starts with `*`: Vixie's cron then takes the field for unrestricted.
    pub(crate) starred: bool,
}

/// The text without blanks around it, if it is short enough to be read.
pub(crate) fn short(text: &str) -> Result<&str, Fault> {
    if text.len() > LONGEST {
        let reason = format!("it is {} bytes long, more than {LONGEST}", text.len());
        return Err(Fault::whole(reason, "write it shorter, with ranges and steps, or as several"));
    }
    Ok(text.trim_ascii())
}

pub(crate) fn expression(text: &str) -> Result<Expression, Fault> {
    let text = short(text)?;
    foreign::refuse_time_zone(text)?;
    let plain = if text.starts_with('@') { shorthand(text)? } else { text };
    let words: Vec<&str> = plain.split_ascii_whitespace().collect();
    let names = match words.len() {
        _ if foreign::is_prose(&words) => return Err(foreign::prose(&words)),
        5 => &Field::CRON[1..],
        6 => &Field::CRON[..],
        _ => return Err(foreign::wrong_count(&words)),
    };
    let fields: Vec<_> =
        names.iter().zip(words).map(|(field, word)| values(*field, word)).collect::<Result<_, _>>()?;
    let is_day = |field| matches!(field, Field::DayOfMonth | Field::DayOfWeek);
    let either_day = !fields.iter().any(|values| is_day(values.field) && values.starred);
    Ok(Expression { fields, either_day })
}

fn shorthand(text: &str) -> Result<&'static str, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        other => Err(foreign::shorthand(other)),
    }
}

/// What a field written in cron's language selects.
pub(crate) fn values(field: Field, text: &str) -> Result<Values, Fault> {
    let ranges = text.split(',').map(|item| range(field, item)).collect::<Result<_, _>>()?;
    Ok(Values { field, ranges, starred: text.starts_with('*') })
}

fn range(field: Field, item: &str) -> Result<Range, Fault> {
    if item.is_empty() {
        return Err(Fault::in_field(field, "an item of the list is empty", "remove the extra comma"));
    }
    let Some((base, step)) = item.split_once('/') else {
        let (start, end) = bounds(field, item)?;
        return Ok(Range { start, end: end.unwrap_or(start), step: 1 });
    };
    if base.is_empty() {
        let reason = format!("`{}` steps on nothing", excerpt(item));
        return Err(Fault::in_field(field, reason, format!("write `*{}`", excerpt(item))));
    }
    let (start, end) = bounds(field, base)?;
    Ok(Range { start, end: end.unwrap_or(*field.bounds().end()), step: parse_step(field, step)? })
}

/// The first and last value of `*`, `a-b` or `a`; the last is `None` for a single value.
fn bounds(field: Field, text: &str) -> Result<(u16, Option<u16>), Fault> {
    if text == "*" {
        let (low, high) = field.bounds().into_inner();
        return Ok((low, Some(high)));
    }
    let Some((first, last)) = text.split_once('-') else {
        return Ok((value(field, text)?, None));
    };
    if first.is_empty() || last.is_empty() {
        let reason = format!("`{}` is neither a number nor a range", excerpt(text));
        return Err(Fault::in_field(field, reason, field.remedy()));
    }
    let from = value(field, first)?;
    let to = match value(field, last)? {
        0 if field.value_of_name(last) == Some(0) && from > 0 => 7, // FRI-SUN
        to => to,
    };
    if from > to { Err(backwards(field, first, last)) } else { Ok((from, Some(to))) }
}

fn backwards(field: Field, first: &str, last: &str) -> Fault {
    let (first, last) = (&first.to_ascii_uppercase(), &last.to_ascii_uppercase());
    let reason = format!("{first}-{last} runs backwards");
    if field == Field::Year {
        return Fault::in_field(field, reason, format!("write `{last}-{first}`"));
    }
    let (low, high) = match field.names() {
        [low, .., high] if field.value_of_name(first).is_some() => (low.to_string(), high.to_string()),
        _ => (field.bounds().start().to_string(), (field.bounds().start() + field.size() - 1).to_string()),
    };
    let part = |from: &str, to: &str| if from == to { from.to_owned() } else { format!("{from}-{to}") };
    let past = format!("write `{},{}` to go past the end", part(first, &high), part(&low, last));
    Fault::in_field(field, reason, past)
}

fn parse_step(field: Field, text: &str) -> Result<u16, Fault> {
    let fault = |reason: String, remedy: &str| Err(Fault::in_field(field, reason, remedy));
    match digits(text) {
        None if text.is_empty() => {
            fault("the number after `/` is missing".to_owned(), "write a step, such as `*/5`")
        }
        None => fault(
            format!("the step `{}` is not a whole number", excerpt(text)),
            "write a number after one `/`, such as `*/5`",
        ),
        Some(0) => fault("a step of 0 never moves on".to_owned(), "write a step of 1 or more"),
        Some(step) if step > field.size() => fault(
            format!("a step of {step} is more than the {} values there are", field.size()),
            "write a smaller step, or use `@every` for a longer interval",
        ),
        Some(step) => Ok(step),
    }
}

fn value(field: Field, text: &str) -> Result<u16, Fault> {
    let Some(number) = digits(text) else {
        return field.value_of_name(text).ok_or_else(|| foreign::not_a_value(field, text));
    };
    if field.bounds().contains(&number) {
        Ok(number)
    } else {
        Err(foreign::out_of_bounds(field, text, number))
    }
}

/// A number of ASCII digits without a sign; one too large for the type is as wrong as the largest.
pub(crate) fn digits(text: &str) -> Option<u16> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u16::MAX))
}

impl Expression {
    fn written(&self, field: Field) -> Option<&Values> {
        self.fields.iter().find(|values| values.field == field)
    }

    /// What a field selects; the five-field form has second 0.
    pub(crate) fn values_of(&self, field: Field) -> BTreeSet<u16> {
        self.written(field).map_or_else(|| BTreeSet::from([0]), Values::selected)
    }

    /// A field as Temporal's calendars have it; the five-field form has second 0.
    pub(crate) fn ranges_of(&self, field: Field) -> Vec<Range> {
        self.written(field).map_or_else(|| vec![Range { start: 0, end: 0, step: 1 }], Values::for_temporal)
    }

    /// The fields in `write`'s words, with a space between them.
    pub(crate) fn join(&self, write: impl FnMut(&Values) -> String) -> String {
        self.fields.iter().map(write).collect::<Vec<_>>().join(" ")
    }
}

impl Values {
    /// All there are.
    pub(crate) fn all(field: Field) -> Self {
        let (start, end) = field.bounds().into_inner();
        Self { field, ranges: vec![Range { start, end, step: 1 }], starred: true }
    }

    /// The numbers selected; Sunday is 0.
    pub(crate) fn selected(&self) -> BTreeSet<u16> {
        let numbers =
            self.ranges.iter().flat_map(|range| (range.start..=range.end).step_by(range.step.into()));
        numbers.map(|number| if self.field == Field::DayOfWeek { number % 7 } else { number }).collect()
    }

    /// Whether every value there is is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.selected().len() == usize::from(self.field.size())
    }

    /// The field in the part of cron's language that every reader agrees on: numbers, and no step on a number.
    pub(crate) fn plain(&self) -> String {
        if self.is_all() {
            return "*".to_owned();
        }
        self.ranges.iter().map(|range| plain(*range, self.field)).collect::<Vec<_>>().join(",")
    }

    /// The ranges with Sunday as 0 only, which Temporal's calendars do not take as 7.
    pub(crate) fn for_temporal(&self) -> Vec<Range> {
        let (start, end) =
            (*self.field.bounds().start(), *self.field.bounds().start() + self.field.size() - 1);
        match self.field {
            _ if self.is_all() => vec![Range { start, end, step: 1 }],
            Field::DayOfWeek if self.ranges.iter().any(|range| range.end > end) => {
                self.selected().into_iter().map(|day| Range { start: day, end: day, step: 1 }).collect()
            }
            _ => self.ranges.clone(),
        }
    }
}

fn plain(range: Range, field: Field) -> String {
    let Range { start, end, step } = range;
    let span = if (start..=end) == field.bounds() { "*".to_owned() } else { format!("{start}-{end}") };
    match step {
        _ if start == end => start.to_string(),
        1 => span,
        _ => format!("{span}/{step}"),
    }
}
