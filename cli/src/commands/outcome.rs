//! What happened to an event or one of its effects, told as the API tells it.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use signalbox_domain::{Outcome, OutcomeExt, OutcomeKind};

use crate::text::{Cell, Table};

/// How much of an answer a table shows, in characters.
const LONGEST_ANSWER: usize = 60;

/// The kind of an outcome in lower case.
pub fn result(outcome: &Outcome) -> String {
    match outcome.kind() {
        OutcomeKind::Unspecified => "unknown".to_owned(),
        kind => kind.as_str_name().trim_start_matches("OUTCOME_KIND_").to_ascii_lowercase(),
    }
}

/// The fields that `GET /events/{id}` has, and the event's id.
pub fn value(outcome: &Outcome) -> Value {
    let event = outcome.event.clone().unwrap_or_default();
    let at = outcome.time().map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let verdict =
        |v: &signalbox_domain::Verdict| json!({"route": v.route, "matched": v.matched, "detail": v.detail});
    let mut fields = Map::new();
    for (name, text) in [
        ("result", &result(outcome)),
        ("event_id", &event.id),
        ("source", &event.source),
        ("type", &event.r#type),
        ("subject", &event.nats_subject),
        ("route", &outcome.route),
        ("workflow_id", &outcome.workflow_id),
        ("run_id", &outcome.run_id),
        ("target", &outcome.target),
        ("effect_key", &outcome.effect_key),
        ("batch", &outcome.batch),
        ("reason", &outcome.reason),
        ("detail", &outcome.detail),
        ("at", &at.unwrap_or_default()),
    ] {
        if !text.is_empty() {
            fields.insert(name.to_owned(), text.as_str().into());
        }
    }
    fields.insert("attempts".to_owned(), outcome.attempts.into());
    if outcome.workflows > 0 {
        fields.insert("workflows".to_owned(), outcome.workflows.into());
    }
    if let Ok(answer) = serde_json::from_slice::<Value>(&outcome.result) {
        fields.insert("answer".to_owned(), answer);
    }
    if !outcome.verdicts.is_empty() {
        fields.insert("verdicts".to_owned(), outcome.verdicts.iter().map(verdict).collect());
    }
    fields.into()
}

/// Outcomes of one event, for people.
pub fn table(outcomes: &[Value]) -> String {
    let mut table = Table::new(["RESULT", "ROUTE", "TARGET", "RUN", "DETAIL"]);
    let matched = |outcome: &&Value| outcome["result"] == "matched";
    // That an event matched shows in what comes of it.
    let told = outcomes.iter().filter(|outcome| outcomes.iter().all(|o| matched(&o)) || !matched(outcome));
    for outcome in told {
        let field = |name: &str| outcome[name].as_str().unwrap_or_default();
        table.row([
            Cell::status(field("result")),
            field("route").into(),
            [field("workflow_id"), field("target")].concat().into(),
            field("run_id").into(),
            detail(outcome).into(),
        ]);
    }
    table.to_string()
}

/// What else there is to say: why, what was answered, how many, how often.
pub fn detail(outcome: &Value) -> String {
    let own = outcome["detail"].as_str().filter(|detail| !detail.is_empty()).map(str::to_owned);
    let answer = outcome.get("answer").map(shortened);
    let workflows = outcome["workflows"].as_u64().map(|workflows| match workflows {
        1 => "1 workflow".to_owned(),
        several => format!("{several} workflows"),
    });
    let attempts = outcome["attempts"].as_u64().filter(|attempts| *attempts > 1);
    let attempts = attempts.map(|attempts| format!("after {attempts} attempts"));
    [own, answer, workflows, attempts].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// An answer on part of a line; all of it is in the JSON.
fn shortened(answer: &Value) -> String {
    let text = answer.to_string();
    match text.char_indices().nth(LONGEST_ANSWER) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use signalbox_domain::EventRef;

    use super::*;

    #[test]
    fn an_outcome_is_told_as_the_api_tells_it() {
        let outcome = Outcome {
            event: Some(EventRef { id: "e".into(), source: "s".into(), ..Default::default() }),
            kind: OutcomeKind::Dead.into(),
            route: "r".into(),
            detail: "why".into(),
            attempts: 3,
            ..Default::default()
        };
        let told = value(&outcome);
        let expected = json!({"result": "dead", "event_id": "e", "source": "s", "route": "r", "detail": "why", "attempts": 3});
        assert_eq!(told, expected);
        let text = anstream::adapter::strip_str(&table(&[told])).to_string();
        assert_eq!(text.lines().nth(1), Some("dead    r                   why; after 3 attempts"), "{text}");
    }

    #[test]
    fn an_answer_shows_what_was_answered() {
        let outcome = |kind: OutcomeKind, result: &'static str, workflows| Outcome {
            kind: kind.into(),
            target: "events.shop".into(),
            result: result.into(),
            workflows,
            attempts: 1,
            ..Default::default()
        };
        let told = value(&outcome(OutcomeKind::Answered, r#"{"n":1}"#, 0));
        let expected =
            json!({"result": "answered", "target": "events.shop", "attempts": 1, "answer": {"n": 1}});
        assert_eq!((detail(&told), told), (r#"{"n":1}"#.to_owned(), expected));
        assert_eq!(detail(&value(&outcome(OutcomeKind::Signalled, "", 3))), "3 workflows");
        let long =
            value(&Outcome { result: format!("\"{}\"", "é".repeat(80)).into(), ..Default::default() });
        assert_eq!(detail(&long).chars().count(), LONGEST_ANSWER + 1);
    }
}
