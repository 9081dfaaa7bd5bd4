//! One event, for people.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::commands::outcome;
use crate::text::{Cell, Details, Table, time};

/// Everything that is known of the events of one id: one after the other, if several sources use it.
pub fn event(known: &Value, now: DateTime<Utc>) -> String {
    let id = text(known, "event_id");
    let events = list(known, "events").iter().map(|event| {
        let of_it = |outcome: &&Value| outcome["source"] == event["source"];
        let outcomes: Vec<_> = list(known, "outcomes").iter().filter(of_it).collect();
        one(id, event, &outcomes, now)
    });
    events.collect::<Vec<_>>().join("\n\n")
}

fn one(id: &str, event: &Value, outcomes: &[&Value], now: DateTime<Utc>) -> String {
    let place = event["stream_sequence"].as_u64().map(|sequence| format!("EVENTS {sequence}"));
    let stored = [place.unwrap_or_default(), at(event, "stored_at", now)];
    let stored: Vec<_> = stored.into_iter().filter(|part| !part.is_empty()).collect();
    let more = if event["final"] == true { "" } else { "more is to come" };
    let details = Details::of(text(event, "state"), id)
        .with("of", [text(event, "type"), text(event, "source")].join(" of "))
        .with("subject", text(event, "subject"))
        .with("stored", stored.join(", "))
        .with("route set", text(event, "route_set"))
        .with("dead letter", letters(event))
        .with("trace", text(event, "trace"))
        .with("so far", more)
        .to_string();
    let parts = [Some(details), routes(outcomes), effects(outcomes, now)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// What each route made of it.
fn routes(outcomes: &[&Value]) -> Option<String> {
    let verdicts: Vec<_> = outcomes.iter().flat_map(|outcome| list(outcome, "verdicts")).collect();
    let mut table = Table::new(["ROUTE", "VERDICT", "DETAIL"]);
    for verdict in &verdicts {
        let word = if verdict["matched"] == true { Cell::status("matched") } else { "no".into() };
        table.row([text(verdict, "route").into(), word, text(verdict, "detail").into()]);
    }
    (!verdicts.is_empty()).then(|| table.to_string())
}

/// What came of it; of an event that no route got, why.
fn effects(outcomes: &[&Value], now: DateTime<Utc>) -> Option<String> {
    let mut table = Table::new(["RESULT", "ACTION", "ROUTE", "TARGET", "AT", "LETTER", "DETAIL"]);
    let told: Vec<_> = outcomes.iter().filter(|outcome| is_told(outcome)).collect();
    for outcome in &told {
        table.row([
            Cell::status(text(outcome, "result")),
            text(outcome, "action").into(),
            text(outcome, "route").into(),
            [text(outcome, "workflow_id"), text(outcome, "target")].concat().into(),
            at(outcome, "at", now).into(),
            letters(outcome).into(),
            detail(outcome).into(),
        ]);
    }
    let links = told.iter().filter_map(|outcome| outcome["links"]["workflow"].as_str());
    let links = links.fold(Details::untitled(), |links, link| links.with("in Temporal", link)).to_string();
    (!told.is_empty())
        .then(|| format!("{table}{}", if links.is_empty() { links } else { format!("\n{links}") }))
}

/// That an event matched shows in what comes of it, and what a matching died of is nowhere else.
fn is_told(outcome: &Value) -> bool {
    outcome["effect_key"].is_string() || !text(outcome, "reason").is_empty()
}

fn detail(outcome: &Value) -> String {
    let reason = text(outcome, "reason");
    let batch = text(outcome, "batch");
    let batch = if batch.is_empty() { String::new() } else { format!("in the batch {batch}") };
    let parts = [reason.to_owned(), outcome::detail(outcome), batch];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn letters(of: &Value) -> String {
    list(of, "dead_letters").iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn at(of: &Value, field: &str, now: DateTime<Utc>) -> String {
    time::read(text(of, field)).map(|at| time::local(at, now)).unwrap_or_default()
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_event_is_told_from_its_place_to_its_letters() {
        let known = json!({"event_id": "e-1", "final": true, "events": [
            {"source": "/a", "type": "t", "state": "matched", "final": true, "subject": "events.t",
             "stream_sequence": 7, "route_set": "v1", "trace": "http://jaeger/trace/4b"},
            {"source": "/b", "type": "t", "state": "accepted", "final": false, "stream_sequence": 8},
        ], "outcomes": [
            {"source": "/a", "result": "matched", "attempts": 1, "verdicts": [
                {"route": "greet", "matched": true, "detail": ""},
                {"route": "other", "matched": false, "detail": "`when` is false"}]},
            {"source": "/a", "result": "dead", "effect_key": "k", "action": "signal", "route": "greet",
             "workflow_id": "w", "reason": "workflow-not-found", "detail": "no run", "attempts": 2,
             "dead_letters": [17], "links": {"workflow": "http://temporal/w"}},
        ]});
        let told = event(&known, DateTime::UNIX_EPOCH);
        let told = anstream::adapter::strip_str(&told).to_string();
        insta::assert_snapshot!(told, @r"
        matched e-1
          of         t of /a
          subject    events.t
          stored     EVENTS 7
          route set  v1
          trace      http://jaeger/trace/4b

        ROUTE  VERDICT  DETAIL
        greet  matched
        other  no       `when` is false

        RESULT  ACTION  ROUTE  TARGET  AT  LETTER  DETAIL
        dead    signal  greet  w           17      workflow-not-found; no run; after 2 attempts

          in Temporal  http://temporal/w

        accepted e-1
          of      t of /b
          stored  EVENTS 8
          so far  more is to come
        ");
    }
}
