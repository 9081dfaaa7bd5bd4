use std::{borrow::Cow, fmt::Write, fs, path::PathBuf};

use serde_json::Value;

use super::*;
use crate::cel::{
    expression::{Expression, Parsed},
    known::{Known, Subjects},
    promise_tests::event,
    scope::Scope,
};

fn evaluate(text: &str, data: &Value) -> Result<Value, String> {
    let event = event(data);
    let expression = Expression::compile(text).map_err(|bad| bad.message)?;
    expression.evaluate(&Scope::new(&event, event.time)).map(Cow::into_owned)
}

#[test]
fn examples_are_true_and_accepted_for_declared_events() {
    for own in all() {
        let (text, expected) = own.example;
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(evaluate(text, &Value::Null), Ok(expected), "{text}");
        let known = Known::of(Type::Null, &Subjects::default(), true);
        assert_eq!(Parsed::of(text).unwrap().check(&known).faults, [], "{text}");
        assert!(text.contains(own.name) && own.usage.contains(own.name), "{}", own.name);
    }
}

#[test]
fn all_functions_are_documented() {
    const MARK: &str = "with SIGNALBOX_WRITE_DOCS=1 -->\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/expressions.md");
    let page = fs::read_to_string(&path).unwrap();
    let (written, _) = page.split_once(MARK).unwrap();
    let mut whole =
        format!("{written}{MARK}\n| function | what it answers | example | |\n|---|---|---|---|\n");
    for own in all() {
        let (text, value) = own.example;
        let text = text.replace('|', "\\|");
        writeln!(whole, "| {} | {} | `{text}` | `{value}` |", own.usage, own.doc).unwrap();
    }
    if std::env::var_os("SIGNALBOX_WRITE_DOCS").is_some() {
        fs::write(&path, &whole).unwrap();
    }
    assert!(page == whole, "write it anew with SIGNALBOX_WRITE_DOCS=1");
}

#[test]
fn ids_are_ids_and_tokens_are_tokens() {
    let long = "x".repeat(300);
    let texts = ["order-7", "", " ", "größe", "a\u{7}b", " padded ", "a.b", "*", &long, &"ß".repeat(80)];
    let (mut ids, mut tokens) = (Vec::new(), Vec::new());
    for text in texts {
        let data = Value::from(text);
        let id = evaluate("id(event.data)", &data).unwrap();
        let id = id.as_str().unwrap().to_owned();
        assert!(id.parse::<signalbox_domain::ScheduleId>().is_ok() && id.len() <= 100, "{id:?}");
        let token = evaluate("token(event.data)", &data).unwrap();
        let token = token.as_str().unwrap().to_owned();
        assert!(!token.contains('.') && token.len() <= 64, "{token:?}");
        assert!(format!("events.{token}").parse::<signalbox_domain::EventSubject>().is_ok(), "{token:?}");
        ids.push(id);
        tokens.push(token);
    }
    assert_eq!(ids[0], "order-7");
    assert_eq!(ids[3], "größe");
    assert_eq!(tokens[0], "order-7");
    for mut made in [ids, tokens] {
        made.sort();
        made.dedup();
        assert_eq!(made.len(), texts.len(), "different texts stay different: {made:?}");
    }
}

#[test]
fn what_has_no_value_is_none() {
    let data = Value::Null;
    for text in [
        "tryInt('1.5')",
        "tryInt(1e300)",
        "tryDouble('x')",
        "tryDouble('inf')",
        "parseTime('today')",
        "parseDuration('3 parsecs')",
        "json.parse('{')",
        "base64.decode('%')",
        "[].first()",
        "[].max()",
        "'abc'.indexOf('d')",
    ] {
        assert_eq!(evaluate(&format!("{text}.hasValue()"), &data), Ok(Value::Bool(false)), "{text}");
    }
}
