use std::fmt::Write;

use super::asked::Asked;
use super::pass::Ended;
use super::tally::{OfRoute, Tally};
use crate::text::{Cell, Details, Table};

/// What was done, or would be, and what to do next.
pub fn report(tally: &Tally, asked: &Asked, ended: Ended) -> String {
    let status = match (tally.dry_run, ended) {
        (true, _) => "would replay",
        (false, Ended::Finished) => "replayed",
        (false, Ended::AtLimit | Ended::Stopped) => "stopped",
    };
    let counts = tally.counts().into_iter().filter(|(name, count)| *count > 0 || *name == "events");
    let details = Details::of(status, &asked.words).with("routes", tally.route_set());
    let details = counts.fold(details, |details, (name, count)| details.with(said(name), count.to_string()));
    let mut text = details.to_string();
    if !tally.routes().is_empty() {
        let _ = write!(text, "\n\n{}", by_route(tally));
    }
    if tally.dry_run && !tally.effects().is_empty() {
        let _ = write!(text, "\n\n{}", effects(tally));
    }
    if ended != Ended::Finished && !tally.dry_run {
        let _ = write!(text, "\n\n`{}` goes on after these.", asked.resume());
    }
    text
}

fn said(name: &'static str) -> &'static str {
    match name {
        "asked_for" => "effects asked for",
        "passed_over" => "effects that had happened",
        "failed" => "events on which a route failed",
        "gone" => "no more in the stream",
        "no_events" => "messages that are no events",
        "not_matched_yet" => "not matched yet, and will be",
        other => other,
    }
}

fn by_route(tally: &Tally) -> Table {
    let mut table = Table::new(["ROUTE", "ASKED FOR", "HAD HAPPENED", "FAILED", "WHY"]);
    for (name, route) in tally.routes() {
        let name = if name.is_empty() { "(the event)" } else { name };
        let mut reasons = route.reasons.iter().map(|(why, count)| format!("{count} × {why}"));
        let first = reasons.next().unwrap_or_default();
        table.row([
            name.into(),
            number(route.asked_for),
            Cell::from(ends(route)),
            number(route.failed),
            first.into(),
        ]);
        for reason in reasons {
            table.row(["".into(), "".into(), "".into(), "".into(), reason.into()]);
        }
    }
    table
}

fn ends(route: &OfRoute) -> String {
    let ends = route.passed_over.iter().map(|(kind, count)| format!("{count} {kind}"));
    ends.collect::<Vec<_>>().join(", ")
}

fn effects(tally: &Tally) -> String {
    let mut table = Table::new(["MESSAGE", "EVENT", "ROUTE", "ACTION", "TARGET"]);
    for example in tally.effects() {
        let effect = &example.effect;
        table.row([
            example.stream_sequence.to_string().into(),
            (&example.event_id).into(),
            (&effect.route).into(),
            (&effect.action).into(),
            (&effect.target).into(),
        ]);
    }
    let more = tally.asked_for().saturating_sub(tally.effects().len() as u64);
    match more {
        0 => table.to_string(),
        more => format!("{table}\n… and {more} more"),
    }
}

fn number(count: u64) -> Cell {
    match count {
        0 => "".into(),
        count => count.to_string().into(),
    }
}
