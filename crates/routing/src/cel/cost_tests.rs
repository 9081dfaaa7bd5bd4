//! What is refused for its work, and that what is accepted gets through.

use serde_json::{Value, json};

use super::{
    expression::Parsed,
    fault::Flaw,
    known::{Known, Subjects},
    promise_tests::event,
    scope::Scope,
    types::Type,
};

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["items", "few", "text"],
        "properties": {
            "items": {"type": "array", "items": {
                "type": "object",
                "required": ["name", "tags"],
                "properties": {
                    "name": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}}
                }
            }},
            "few": {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 20}},
            "text": {"type": "string"}
        }
    })
}

/// A large event, of 20 thousand items, or one of large texts.
fn data(items: usize, text: usize) -> Value {
    let item = |n: usize| json!({"name": format!("item {n}"), "tags": ["a", "b", "c"]});
    json!({
        "items": (0..items).map(item).collect::<Vec<_>>(),
        "few": vec!["x".repeat(20); 20],
        "text": "x".repeat(text),
    })
}

fn is_costly(text: &str) -> bool {
    let known = Known::of(Type::of_schema(&schema()).unwrap(), &Subjects::of("events.a.b"), true);
    let parsed = Parsed::of(text).unwrap();
    let faults = parsed.check(&known).faults;
    if !faults.is_empty() {
        assert!(faults.iter().all(|fault| fault.kind == Flaw::Costly), "{text}: {faults:?}");
        return true;
    }
    let expression = parsed.expression();
    for data in [data(20_000, 10), data(3, 1_000_000), data(0, 0)] {
        let event = event(&data);
        let result = expression.evaluate(&Scope::new(&event, event.time));
        assert!(result.is_ok(), "{text}: {result:?}");
    }
    false
}

#[test]
fn single_passes_fit() {
    for text in [
        "event.data.items.all(item, item.name != '')",
        "event.data.items.filter(item, item.name != 'x').map(item, {'name': item.name, 'tags': item.tags})",
        "event.data.items.map(item, item.tags.map(tag, tag + '!'))",
        "event.data.items.all(item, item.tags.exists(tag, tag == 'x') || item.name in event.data.few)",
        "event.data.items.map(item, event.data.few)",
        "event.data.few.map(one, event.data.few.filter(other, other != one))",
        "event.data.items.map(item, item.name).distinct().sort().join(', ').lowerAscii()",
        "event.data.text + event.data.text.replace('x', 'long')",
        "event.data.text.split('x').join('-')",
        "json.text(event.data) + json.text(event)",
        "event.data.items.map(item, item.tags).flatten().distinct()",
        "event.data.items.first().optMap(item, item.tags.map(tag, tag + '!'))",
        "base64.encode(event.data.text) + hex.encode(event.data.text)",
    ] {
        assert!(!is_costly(text), "{text}");
    }
}

#[test]
fn passes_in_passes_need_a_limit() {
    for text in [
        "event.data.items.all(a, event.data.items.exists(b, a == b))",
        "event.data.items.map(a, event.data.items.map(b, 1))",
        "event.data.items.map(item, event.data.text)",
        "event.data.items.all(item, item.name in event.data.items.map(other, other.name))",
        "event.data.items.map(item, item.tags.map(tag, item))",
        "event.data.items.first().optMap(item, item.tags.map(tag, item.name + tag))",
        "event.data.items.all(item, item.tags.exists(tag, tag == item.name))",
        "event.data.text.replace('', event.data.text)",
        "event.data.items.map(item, item.name).join(event.data.text)",
    ] {
        assert!(is_costly(text), "{text}");
    }
}
