//! From what is written to a checked timing: every part is read, and all faults are collected.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

use crate::bad_cron::Fault;
use crate::calendar::{self, FieldFault, NotGiven};
use crate::moment::{Moment, OnClock, moment, on_clock};
use crate::timing::{Part, Single};
use crate::{BadTiming, Calendar, Cron, Range, Specification, Timing, Written};
use crate::{duration, exception, interval, words, zone};

/// How many crons, intervals, calendars, times and exceptions there may be together.
const MOST: usize = 100;

/// Longest jitter, as Temporal counts it in 32 bits of milliseconds.
const LONGEST_JITTER: u64 = 49 * 24 * 60 * 60;

/// Most runs that Temporal can count.
const MOST_RUNS: u64 = i64::MAX as u64;

#[derive(Default)]
struct Faults(Vec<BadTiming>);

impl Faults {
    fn add(&mut self, path: impl Into<String>, fault: Fault) {
        self.0.push(BadTiming::new(path, fault));
    }

    fn add_all(&mut self, path: &str, faults: Vec<FieldFault>) {
        for (field, fault) in faults {
            self.add(field.map_or_else(|| path.to_owned(), |field| format!("{path}.{field}")), fault);
        }
    }

    fn keep<T>(&mut self, path: &str, read: Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.add(path, fault)).ok()
    }
}

pub(crate) fn timing(written: &Written) -> Result<Timing, Vec<BadTiming>> {
    let mut faults = Faults::default();
    if let Some(fault) = shape(written) {
        faults.add("", fault);
    }
    if !faults.0.is_empty() && count(written) > MOST {
        return Err(faults.0);
    }
    let time_zone = time_zone(written, &mut faults);
    let parts: Vec<Part> =
        [crons(written, &mut faults), intervals(written, &mut faults), calendars(written, &mut faults)]
            .into_iter()
            .flatten()
            .collect();
    let singles = singles(written, time_zone, &mut faults);
    let excluded = excluded(written, &mut faults);
    let (start, end) = bounds(written, time_zone, &mut faults);
    let specification = Specification {
        calendars: parts
            .iter()
            .flat_map(|part| part.calendars.clone())
            .chain(singles.iter().map(calendar_of))
            .collect(),
        intervals: parts.iter().flat_map(|part| part.intervals.clone()).collect(),
        excluded: excluded.iter().flat_map(|excluded| excluded.calendars.clone()).collect(),
        start,
        end,
        jitter: jitter(written, &mut faults),
        // In UTC each of the single times comes once.
        time_zone: if written.at.is_empty() { time_zone } else { Tz::UTC },
    };
    check_runs(written, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.0);
    }
    let excluded: Vec<_> = excluded.into_iter().map(|excluded| excluded.meaning).collect();
    let meaning =
        words::of(&words::Told { parts: &parts, singles: &singles, excluded: &excluded, written, time_zone });
    Ok(Timing { specification, time_zone, runs: written.runs, meaning, parts, singles })
}

fn count(written: &Written) -> usize {
    let Written { cron, every, calendars, at, except, .. } = written;
    cron.len() + every.len() + calendars.len() + at.len() + except.len()
}

/// What is wrong with which parts there are.
fn shape(written: &Written) -> Option<Fault> {
    let recurring = written.cron.len() + written.every.len() + written.calendars.len();
    if count(written) > MOST {
        let reason = format!("there are {} entries, more than {MOST}", count(written));
        Some(Fault::whole(reason, "write lists and ranges, or several schedules"))
    } else if recurring == 0 && written.at.is_empty() {
        let example = "give `cron`, `every`, `calendars` or `at`, such as the cron `0 9 * * MON-FRI`";
        Some(Fault::whole("it does not say when", example))
    } else if recurring > 0 && !written.at.is_empty() {
        let reason = "single times, `at`, do not go with `cron`, `every` and `calendars`";
        Some(Fault::whole(reason, "write two schedules"))
    } else if !written.at.is_empty() && !written.except.is_empty() {
        let reason = "single times, `at`, do not go with `except`";
        Some(Fault::whole(reason, "leave out the times that are excepted"))
    } else {
        None
    }
}

fn time_zone(written: &Written, faults: &mut Faults) -> Tz {
    let read = match written.time_zone.as_deref() {
        Some("") => Err(Fault::whole("it is empty", "leave it out for UTC")),
        name => zone::time_zone(name.unwrap_or_default())
            .map_err(|unknown| Fault::whole(unknown.reason(), unknown.remedy())),
    };
    faults.keep("time_zone", read).unwrap_or(Tz::UTC)
}

/// The path of one of several; that of the only one needs no number.
fn path(name: &str, index: usize, count: usize) -> String {
    if count == 1 { name.to_owned() } else { format!("{name}[{index}]") }
}

fn crons(written: &Written, faults: &mut Faults) -> Vec<Part> {
    let mut read = |(index, text): (usize, &String)| {
        let path = path("cron", index, written.cron.len());
        let cron = faults.keep(&path, text.parse::<Cron>().map_err(Into::into))?;
        Some(Part::of_cron(path, &cron))
    };
    written.cron.iter().enumerate().filter_map(&mut read).collect()
}

fn intervals(written: &Written, faults: &mut Faults) -> Vec<Part> {
    let mut read = |(index, written): (usize, &crate::WrittenInterval)| {
        let path = format!("every[{index}]");
        match interval::read(&written.every, written.offset.as_deref()) {
            Ok(interval) => Some(Part {
                path,
                calendars: Vec::new(),
                intervals: vec![interval],
                meaning: interval::meaning(&interval),
                has_seconds: false,
            }),
            Err((part, fault)) => {
                faults.add(format!("{path}.{}", part.name()), fault);
                None
            }
        }
    };
    written.every.iter().enumerate().filter_map(&mut read).collect()
}

fn calendars(written: &Written, faults: &mut Faults) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, written) in written.calendars.iter().enumerate() {
        let path = format!("calendars[{index}]");
        match calendar::read(written, NotGiven::Zero) {
            Ok(read) => parts.push(Part {
                path,
                calendars: vec![read.calendar],
                intervals: Vec::new(),
                meaning: read.meaning,
                has_seconds: false,
            }),
            Err(all) => faults.add_all(&path, all),
        }
    }
    parts
}

fn singles(written: &Written, zone: Tz, faults: &mut Faults) -> Vec<Single> {
    let mut singles: Vec<Single> = Vec::new();
    for (index, text) in written.at.iter().enumerate() {
        let path = path("at", index, written.at.len());
        let Some((at, again)) = faults.keep(&path, single(text, zone)) else { continue };
        match singles.iter().find(|other| other.at == at) {
            Some(other) => {
                let reason = format!("it is the same time as `{}`", other.path);
                faults.add(path, Fault::whole(reason, "leave it out, for it fires once"));
            }
            None => singles.push(Single { path, at, again }),
        }
    }
    singles
}

/// The time, and the one at which the clock shows the same again.
fn single(text: &str, zone: Tz) -> Result<(DateTime<Utc>, Option<DateTime<Utc>>), Fault> {
    let (at, again) = match moment(text)? {
        Moment::Instant(at) => (at, None),
        Moment::Local(local) => match on_clock(zone, local) {
            OnClock::Once(at) => (at, None),
            OnClock::Twice(first, second) => (first, Some(second)),
            OnClock::Never(next, _) => {
                let reason = format!("there is no such time in {zone}, where the clock is put forward then");
                return Err(Fault::whole(reason, format!("write `{}`", next.format("%Y-%m-%dT%H:%M"))));
            }
        },
        Moment::Date(date) => {
            return Err(Fault::whole(
                "the time of day is missing",
                format!("write for example `{date}T09:00`"),
            ));
        }
    };
    if (2000..=2100).contains(&at.year()) {
        Ok((at, again))
    } else {
        Err(Fault::whole("in UTC it is not in the years 2000 to 2100", "write a time in those years"))
    }
}

fn calendar_of(single: &Single) -> Calendar {
    let only = |value: u32| {
        let value = u16::try_from(value).unwrap_or_default();
        vec![Range { start: value, end: value, step: 1 }]
    };
    let at = single.at;
    Calendar {
        second: only(at.second()),
        minute: only(at.minute()),
        hour: only(at.hour()),
        day_of_month: only(at.day()),
        month: only(at.month()),
        year: only(at.year().unsigned_abs()),
        day_of_week: vec![Range { start: 0, end: 6, step: 1 }],
    }
}

fn excluded(written: &Written, faults: &mut Faults) -> Vec<exception::Excluded> {
    let mut read = Vec::new();
    for (index, exception) in written.except.iter().enumerate() {
        match exception::read(exception) {
            Ok(excluded) => read.push(excluded),
            Err(all) => faults.add_all(&format!("except[{index}]"), all),
        }
    }
    read
}

fn bounds(
    written: &Written,
    zone: Tz,
    faults: &mut Faults,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let mut read = |path, text: &Option<String>| faults.keep(path, moment(text.as_deref()?));
    let start = read("from", &written.from).map(|from| from.start(zone));
    let end = read("until", &written.until).map(|until| until.end(zone));
    if let (Some(from), Some(until)) = (start, end)
        && from >= until
    {
        faults.add("until", Fault::whole("it is not after `from`", "write a later time, or swap the two"));
    }
    (start, end)
}

fn jitter(written: &Written, faults: &mut Faults) -> std::time::Duration {
    let Some(text) = &written.jitter else { return std::time::Duration::ZERO };
    let jitter = faults.keep("jitter", duration(text).map_err(Into::into)).unwrap_or_default();
    if jitter.as_secs() > LONGEST_JITTER {
        faults.add(
            "jitter",
            Fault::whole("it is more than 49 days, Temporal's most", "write for example `30s`"),
        );
    }
    jitter
}

fn check_runs(written: &Written, faults: &mut Faults) {
    match written.runs {
        Some(0) => faults.add("runs", Fault::whole("0 runs are none", "write 1 or more, or leave it out")),
        Some(runs) if runs > MOST_RUNS => {
            faults.add(
                "runs",
                Fault::whole("Temporal cannot count so many", "leave it out for runs without end"),
            );
        }
        _ => {}
    }
}
