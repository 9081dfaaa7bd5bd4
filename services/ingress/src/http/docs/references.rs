//! References between schemas, which hold where a schema stands. Pure.

use serde_json::Value;

/// The schema with each of its references replaced by what `to` makes of it, if it makes something of it.
pub fn moved(schema: Value, to: &impl Fn(&str) -> Option<String>) -> Value {
    let entry = |(name, value): (String, Value)| match value.as_str().filter(|_| name == "$ref").and_then(to)
    {
        Some(reference) => (name, reference.into()),
        None => (name, moved(value, to)),
    };
    match schema {
        // Its references are relative to its own name.
        Value::Object(object) if object.contains_key("$id") => Value::Object(object),
        Value::Object(object) => object.into_iter().map(entry).collect(),
        Value::Array(items) => items.into_iter().map(|item| moved(item, to)).collect(),
        other => other,
    }
}
