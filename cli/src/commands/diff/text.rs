//! Differences for people.

use std::fmt::Write;

use anstyle::AnsiColor;
use serde_json::Value;
use signalbox_routing::{DifferenceKind, to_yaml};
use similar::{ChangeTag, TextDiff};

use super::open_runs::OpenRuns;
use super::tally::{Count, Example, Tally};
use crate::text::{BOLD, Cell, DIM};

/// What differs for each route, with examples, and which workflows would be passed by.
pub fn report(tally: &Tally, open: &OpenRuns) -> String {
    let mut text = String::new();
    for (route, kind, count) in tally.counts() {
        let route = route.unwrap_or("events");
        let events = format!("{} event{}", count.count, if count.count == 1 { "" } else { "s" });
        let _ = writeln!(text, "{}  {}  {events}", status(kind), Cell::new(BOLD, route));
        examples(&mut text, count);
        text.push('\n');
    }
    for id in &open.ids {
        if let Some(moved) = tally.moved().get(id) {
            let _ = writeln!(
                text,
                "{} {} is running; {} would go to {} instead {DIM}(message {}){DIM:#}",
                Cell::status("warning"),
                Cell::from(id.as_str()),
                Cell::from(&moved.route),
                Cell::from(moved.after.as_str()),
                moved.stream_sequence,
            );
        }
    }
    let unknown = open.unknown as u64 + tally.more_moved();
    if unknown > 0 {
        let why = open.why.as_deref().unwrap_or("there are too many");
        let _ = writeln!(
            text,
            "{} {unknown} workflows whose ids change were not looked up: {}",
            Cell::status("warning"),
            Cell::from(why)
        );
    }
    if !open.ids.is_empty() || unknown > 0 {
        text.push('\n');
    }
    text + &summary(tally)
}

fn status(kind: DifferenceKind) -> Cell {
    let colour = match kind {
        DifferenceKind::Fails | DifferenceKind::Refused => AnsiColor::Red,
        DifferenceKind::NoLonger | DifferenceKind::Otherwise => AnsiColor::Yellow,
        DifferenceKind::Newly | DifferenceKind::Taken | DifferenceKind::FailsNoLonger => AnsiColor::Green,
    };
    Cell::new(colour.on_default(), kind.name())
}

/// The first as a difference, of the others where to find them.
fn examples(text: &mut String, count: &Count) {
    for (index, example) in count.examples.iter().enumerate() {
        let Example { stream_sequence, event_id, subject, .. } = example;
        let _ = writeln!(
            text,
            "  {DIM}message {stream_sequence}{DIM:#}  {}  {}",
            Cell::from(event_id),
            Cell::new(DIM, subject)
        );
        if index == 0 {
            difference(text, &example.before, &example.after);
        }
    }
    let more = count.count.saturating_sub(count.examples.len() as u64);
    if more > 0 {
        let _ = writeln!(text, "  {DIM}and {more} more{DIM:#}");
    }
}

fn difference(text: &mut String, before: &Value, after: &Value) {
    let (before, after) = (lines(before), lines(after));
    for change in TextDiff::from_lines(&before, &after).iter_all_changes() {
        let (sign, style) = match change.tag() {
            ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
            ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
            ChangeTag::Equal => (' ', anstyle::Style::new()),
        };
        let _ = writeln!(text, "    {style}{sign}{style:#} {}", Cell::new(style, change.value().trim_end()));
    }
}

fn lines(made: &Value) -> String {
    match made {
        Value::Array(commands) if commands.is_empty() => String::new(),
        Value::Array(commands) => to_yaml(commands),
        other => to_yaml(std::slice::from_ref(other)),
    }
}

fn summary(tally: &Tally) -> String {
    let mut text = match (tally.events(), tally.differing()) {
        (0, _) => "There are no events; --since looks further back.".to_owned(),
        (events, 0) => format!("{} no difference in {events} events", Cell::status("ok")),
        (events, some) => format!("{some} of {events} events would go another way"),
    };
    if tally.count_unreadable() > 0 {
        let _ = write!(text, "; {} messages are no events", tally.count_unreadable());
    }
    text
}
