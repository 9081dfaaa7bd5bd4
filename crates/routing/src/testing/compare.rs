//! What was expected beside what came: fields that nobody named are not looked at.

use serde_json::{Map, Value};
use signalbox_domain::Command;

use crate::rendered::{brief, rendered};

/// The commands with those of their fields that were named, in that order. What nobody expected is there as a person would
/// write it.
pub(crate) fn seen_as(expected: &[Value], commands: &[Command]) -> Vec<Value> {
    let seen = |(index, command): (usize, &Command)| {
        let whole = rendered(command);
        match expected.get(index).and_then(Value::as_object) {
            Some(expected) if expected.keys().all(|name| whole.get(name).is_some()) => {
                named(&whole, expected)
            }
            _ => brief(command),
        }
    };
    commands.iter().enumerate().map(seen).collect()
}

/// Of a map what was named, of a list everything.
fn named(found: &Value, expected: &Map<String, Value>) -> Value {
    let fields = expected.iter().filter_map(|(name, expected)| {
        let found = found.get(name)?;
        Some((name.clone(), beside(found, expected)))
    });
    Value::Object(fields.collect())
}

fn beside(found: &Value, expected: &Value) -> Value {
    match (found, expected) {
        (Value::Object(_), Value::Object(expected)) => named(found, expected),
        (Value::Array(found), Value::Array(expected)) => {
            let item = |(index, item): (usize, &Value)| match expected.get(index) {
                Some(expected) => beside(item, expected),
                None => item.clone(),
            };
            found.iter().enumerate().map(item).collect()
        }
        _ => found.clone(),
    }
}
