use std::collections::BTreeSet;

use crate::Field;
use crate::bad_cron::{Fault, excerpt};

/// Longest expression that is read, in bytes.
const LONGEST: usize = 256;

/// The fields of a checked expression in the order they are written: five, or six with the seconds first.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) fields: Vec<Values>,
}

/// What one field selects.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) field: Field,
    pub(crate) ranges: Vec<Range>,
    /// Whether the text starts with `*`: Vixie's cron then takes the field for unrestricted.
    pub(crate) starred: bool,
}

/// Every `step`th value from `from` to `to`, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) step: u16,
}

pub(crate) fn expression(text: &str) -> Result<Expression, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::whole(format!("it is {} bytes long, more than {LONGEST}", text.len())));
    }
    let text = text.trim_ascii();
    refuse_time_zone(text)?;
    let plain = if text.starts_with('@') { shorthand(text)? } else { text };
    let words: Vec<&str> = plain.split_ascii_whitespace().collect();
    let names = match words.len() {
        5 => &Field::ALL[1..],
        6 => &Field::ALL[..],
        _ => return Err(wrong_count(&words)),
    };
    let fields =
        names.iter().zip(words).map(|(field, word)| values(*field, word)).collect::<Result<_, _>>()?;
    Ok(Expression { fields })
}

fn refuse_time_zone(text: &str) -> Result<(), Fault> {
    let Some(after) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok(());
    };
    let (zone, rest) = after.split_once(' ').unwrap_or((after, ""));
    Err(Fault::whole("a time zone is not part of the expression").suggest(format!(
        "give the time zone `{}` apart and write `{}`",
        excerpt(zone),
        excerpt(rest.trim())
    )))
}

fn shorthand(text: &str) -> Result<&'static str, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        every if every.starts_with("@every") => Err(Fault::whole("`@every` is not taken")
            .suggest("write steps: `*/30 * * * * *` is every 30 seconds, `0 */2 * * *` every two hours")),
        _ => Err(Fault::whole("this shorthand is unknown")
            .suggest("use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually")),
    }
}

fn wrong_count(words: &[&str]) -> Fault {
    const WANTED: &str = "five (minute hour day-of-month month day-of-week) or six (second first) are needed";
    if words.iter().any(|word| word.starts_with('#')) {
        return Fault::whole("comments are not taken").suggest("leave out everything from `#` on");
    }
    match words {
        [] => Fault::whole("it is empty").suggest("write for example `0 9 * * MON-FRI`"),
        [_] => Fault::whole(format!("it has 1 field; {WANTED}")),
        [fields @ .., "*"] if fields.len() == 6 => Fault::whole("it has 7 fields, and a year is not taken")
            .suggest(format!("write `{}`", fields.join(" ").replace('?', "*"))),
        [..] => Fault::whole(format!("it has {} fields; {WANTED}", words.len())),
    }
}

fn values(field: Field, text: &str) -> Result<Values, Fault> {
    let ranges = text.split(',').map(|item| range(field, item)).collect::<Result<_, _>>()?;
    Ok(Values { field, ranges, starred: text.starts_with('*') })
}

fn range(field: Field, item: &str) -> Result<Range, Fault> {
    if item.is_empty() {
        return Err(Fault::in_field(field, "an item of the list is empty").suggest("remove the extra comma"));
    }
    let Some((base, step)) = item.split_once('/') else {
        let (from, to) = bounds(field, item)?;
        return Ok(Range { from, to: to.unwrap_or(from), step: 1 });
    };
    if base.is_empty() {
        return Err(Fault::in_field(field, format!("`{}` steps on nothing", excerpt(item)))
            .suggest(format!("write `*{}`", excerpt(item))));
    }
    let (from, to) = bounds(field, base)?;
    Ok(Range { from, to: to.unwrap_or(*field.bounds().end()), step: parse_step(field, step)? })
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
        return Err(Fault::in_field(field, reason));
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
    let (low, high) = match field.names() {
        [low, .., high] if field.value_of_name(first).is_some() => (low.to_string(), high.to_string()),
        _ => (field.bounds().start().to_string(), (field.bounds().start() + field.size() - 1).to_string()),
    };
    let part = |from: &str, to: &str| if from == to { from.to_owned() } else { format!("{from}-{to}") };
    Fault::in_field(field, format!("{first}-{last} runs backwards")).suggest(format!(
        "write `{},{}` to go past the end",
        part(first, &high),
        part(&low, last)
    ))
}

fn parse_step(field: Field, text: &str) -> Result<u16, Fault> {
    let fault = |reason| Err(Fault::in_field(field, reason));
    match digits(text) {
        None if text.is_empty() => fault("the number after `/` is missing".to_owned()),
        None => fault(format!("the step `{}` is not a whole number", excerpt(text))),
        Some(0) => fault("a step of 0 never moves on".to_owned()),
        Some(step) if step > field.size() => {
            fault(format!("a step of {step} is more than the {} values there are", field.size()))
        }
        Some(step) => Ok(step),
    }
}

fn value(field: Field, text: &str) -> Result<u16, Fault> {
    let Some(number) = digits(text) else {
        return field.value_of_name(text).ok_or_else(|| not_a_value(field, text));
    };
    if field.bounds().contains(&number) { Ok(number) } else { Err(out_of_bounds(field, text, number)) }
}

/// A number of ASCII digits without a sign; one too large for the type is as wrong as the largest.
fn digits(text: &str) -> Option<u16> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u16::MAX))
}

fn out_of_bounds(field: Field, text: &str, number: u16) -> Fault {
    let (low, high) = field.bounds().into_inner();
    let fault = Fault::in_field(field, format!("{} is not between {low} and {high}", excerpt(text)));
    match field {
        Field::Second | Field::Minute | Field::Hour if number == high + 1 => fault.suggest("write 0"),
        Field::DayOfWeek if (1970..=2100).contains(&number) => {
            fault.suggest("a year is not taken, and a sixth field puts the seconds first")
        }
        _ => fault,
    }
}

fn not_a_value(field: Field, text: &str) -> Fault {
    if text.contains('?') {
        return Fault::in_field(field, "Temporal has no `?`").suggest("write `*`");
    }
    if let Some(meaning) = quartz_only(text) {
        return Fault::in_field(field, format!("Temporal has no `{}` ({meaning})", excerpt(text)));
    }
    let (low, high) = field.bounds().into_inner();
    let names = match field.names() {
        [first, .., last] => format!(", nor a name from {first} to {last}"),
        _ => String::new(),
    };
    let fault =
        Fault::in_field(field, format!("`{}` is not a number from {low} to {high}{names}", excerpt(text)));
    match text.get(..3).filter(|start| field.value_of_name(start).is_some()) {
        Some(start) => fault.suggest(format!("write {}", start.to_ascii_uppercase())),
        None => fault,
    }
}

/// What the text means to Quartz and its kin, if it is one of their `L`, `W` and `#` forms.
fn quartz_only(text: &str) -> Option<&'static str> {
    let upper = text.to_ascii_uppercase();
    let is_day = |day: &str| digits(day).is_some() || Field::DayOfWeek.value_of_name(day).is_some();
    if upper.contains('#') {
        return Some("nth weekday of the month");
    }
    match (upper.strip_suffix('W'), upper.strip_suffix('L')) {
        (Some(day), _) if day.is_empty() || day == "L" || is_day(day) => Some("nearest weekday"),
        (_, Some(day)) if day.is_empty() || is_day(day) => Some("last of the month"),
        _ => None,
    }
}

impl Expression {
    /// What a field selects; the five-field form has second 0.
    pub(crate) fn values_of(&self, field: Field) -> BTreeSet<u16> {
        match self.fields.iter().find(|values| values.field == field) {
            Some(values) => values.selected(),
            None => BTreeSet::from([0]),
        }
    }

    /// Whether a day matches when either of the two day fields does, and not only when both do.
    pub(crate) fn either_day(&self) -> bool {
        let is_day = |field| matches!(field, Field::DayOfMonth | Field::DayOfWeek);
        !self.fields.iter().any(|values| is_day(values.field) && values.starred)
    }

    /// The fields in `write`'s words, with a space between them.
    pub(crate) fn join(&self, write: impl FnMut(&Values) -> String) -> String {
        self.fields.iter().map(write).collect::<Vec<_>>().join(" ")
    }
}

impl Values {
    /// The numbers selected; Sunday is 0.
    pub(crate) fn selected(&self) -> BTreeSet<u16> {
        let numbers = self.ranges.iter().flat_map(|range| (range.from..=range.to).step_by(range.step.into()));
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
        self.ranges.iter().map(|range| range.plain(self.field)).collect::<Vec<_>>().join(",")
    }
}

impl Range {
    fn plain(self, field: Field) -> String {
        let Self { from, to, step } = self;
        let span = if (from..=to) == field.bounds() { "*".to_owned() } else { format!("{from}-{to}") };
        match step {
            _ if from == to => from.to_string(),
            1 => span,
            _ => format!("{span}/{step}"),
        }
    }
}
