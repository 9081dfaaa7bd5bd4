//! The whole of a timing in English.

use chrono_tz::Tz;

use crate::exception::lower_first;
use crate::timing::{Part, Single};
use crate::{Written, shown};

/// So many of a list are told, and of the others only the number.
const MOST: usize = 5;

pub(crate) struct Told<'a> {
    pub(crate) parts: &'a [Part],
    pub(crate) singles: &'a [Single],
    pub(crate) excluded: &'a [String],
    pub(crate) written: &'a Written,
    pub(crate) time_zone: Tz,
}

/// `At 09:00, on Monday through Friday, in Europe/Paris, not on 2026-12-25, 10 times at most`.
pub(crate) fn of(told: &Told<'_>) -> String {
    let when = if told.singles.is_empty() { recurring(told.parts) } else { single(told) };
    let has_clock = told.parts.iter().any(|part| !part.calendars.is_empty());
    let clauses = [
        Some(when),
        has_clock.then(|| format!("in {}", told.time_zone)),
        (!told.excluded.is_empty()).then(|| format!("not {}", list(told.excluded.to_vec(), "or"))),
        told.written.from.as_ref().map(|from| format!("from {} on", from.trim())),
        told.written.until.as_ref().map(|until| format!("until {}", until.trim())),
        told.written.runs.map(times_at_most),
        told.written.jitter.as_ref().map(|jitter| format!("each up to {} later at random", jitter.trim())),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn recurring(parts: &[Part]) -> String {
    let meanings = parts.iter().enumerate().map(|(index, part)| match index {
        0 => part.meaning.clone(),
        _ => lower_first(&part.meaning),
    });
    let mut told: Vec<_> = meanings.take(MOST).collect();
    if parts.len() > MOST {
        told.push(format!("at {} other times", parts.len() - MOST));
    }
    told.join("; and ")
}

fn single(told: &Told<'_>) -> String {
    let mut times: Vec<_> = told.singles.iter().map(|single| single.at).collect();
    times.sort_unstable();
    let times = times.into_iter().map(|at| shown(told.time_zone, at).local).collect();
    let once = if told.singles.len() == 1 { "Once, at" } else { "At" };
    format!("{once} {}", list(times, "and"))
}

fn list(mut items: Vec<String>, word: &str) -> String {
    if items.len() > MOST {
        let others = items.len() - (MOST - 1);
        items.truncate(MOST - 1);
        items.push(format!("{others} others"));
    }
    match &items[..] {
        [others @ .., last] if !others.is_empty() => format!("{} {word} {last}", others.join(", ")),
        _ => items.concat(),
    }
}

fn times_at_most(runs: u64) -> String {
    match runs {
        1 => "once at most".to_owned(),
        2 => "twice at most".to_owned(),
        _ => format!("{runs} times at most"),
    }
}
