//! For people.

use chrono::{DateTime, Utc};
use signalbox_bus::Page;
use signalbox_ingress::{AllTakenOut, Body, LetterInFull, LetterInShort};

use crate::text::{self, BOLD, Cell, Details, Table, time};

pub fn list(page: &Page<LetterInShort>, now: DateTime<Utc>) -> String {
    let more = page.next.map(|next| format!("\n\nThere may be more: --after {next}")).unwrap_or_default();
    if page.letters.is_empty() {
        return format!("There are none.{more}");
    }
    let mut table = Table::new(["LETTER", "TIME", "REASON", "ROUTE", "TARGET", "EVENT", "DETAIL"]);
    for letter in &page.letters {
        table.row([
            letter.sequence.to_string().into(),
            at(&letter.at, now).into(),
            Cell::from(&letter.reason),
            Cell::from(&letter.route),
            target(letter).into(),
            Cell::from(&letter.event.id),
            Cell::from(&letter.detail),
        ]);
    }
    format!("{table}{more}")
}

pub fn one(found: &LetterInFull, now: DateTime<Utc>) -> String {
    let letter = &found.letter;
    let event = &letter.event;
    let again = |times: u32| if times > 0 { times.to_string() } else { String::new() };
    let in_stream = event.stream_sequence.map(|sequence| format!("EVENTS {sequence}"));
    let details = Details::of("dead", letter.sequence.to_string())
        .with("why", format!("{}: {}", letter.reason, letter.detail))
        .with("at", at(&letter.at, now))
        .with("route", &letter.route)
        .with("route set", &found.route_set)
        .with("action", &letter.action)
        .with("target", target(letter))
        .with("attempts", letter.attempts.to_string())
        .with("redriven", again(letter.redriven))
        .with("event", &event.id)
        .with("of", [event.r#type.as_str(), &event.source].join(" of "))
        .with("subject", &event.subject)
        .with("stored", in_stream.unwrap_or_default())
        .with("trace", letter.trace_id.as_deref().unwrap_or_default())
        .to_string();
    let mut parts = vec![details];
    let mut part = |name: &str, text: String| parts.push(format!("{}\n{text}", Cell::new(BOLD, name)));
    if let Some(command) = &found.command {
        part("COMMAND", text::json(command));
    }
    if let Some(message) = &found.message {
        let headers = message.headers.iter().map(|(name, value)| text::lines(&format!("{name}: {value}")));
        part("EVENT", headers.chain([String::new(), body(&message.body)]).collect::<Vec<_>>().join("\n"));
    }
    if let Some(raw) = &found.raw {
        part("WHAT THE LETTER HAS OF IT", body(raw));
    }
    parts.join("\n\n")
}

pub fn taken_out(all: &AllTakenOut) -> String {
    let more =
        all.next.map(|_| "\n\nThere may be more: the same again takes out the next.").unwrap_or_default();
    if all.letters.is_empty() {
        return format!("There are none.{more}");
    }
    let mut table = Table::new(["LETTER", "RESULT", "EVENT", "DETAIL"]);
    for letter in &all.letters {
        let why = [letter.code.as_str(), &letter.detail];
        let why: Vec<_> = why.into_iter().filter(|text| !text.is_empty()).collect();
        table.row([
            letter.sequence.to_string().into(),
            Cell::status(letter.status),
            Cell::from(&letter.event_id),
            why.join(": ").into(),
        ]);
    }
    format!("{table}{more}")
}

pub fn removed(count: u64) -> String {
    match count {
        0 => "None is removed: there are none.".to_owned(),
        1 => "1 dead letter is removed.".to_owned(),
        several => format!("{several} dead letters are removed."),
    }
}

fn target(letter: &LetterInShort) -> String {
    [letter.workflow_id.as_str(), &letter.target].concat()
}

fn at(rfc3339: &str, now: DateTime<Utc>) -> String {
    time::read(rfc3339).map(|at| time::local(at, now)).unwrap_or_default()
}

fn body(body: &Body) -> String {
    match body {
        Body::Data(json) => text::json(json),
        Body::Text(text) => text::lines(text),
        Body::DataBase64(bytes) => format!("{bytes} (base 64)"),
    }
}
