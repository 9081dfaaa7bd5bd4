//! What was expected beside what came: fields that nobody named are not looked at.

use serde_json::{Map, Value};
use signalbox_domain::Command;

use crate::rendered::{brief, rendered};

/// The commands with those of their fields that were named. What nobody expected is there as a person would write it.
pub(crate) fn seen_as(expected: &[Value], commands: &[Command]) -> Vec<Value> {
    let seen = |(index, command): (usize, &Command)| {
        let whole = rendered(command);
        match expected.get(index).and_then(Value::as_object) {
            Some(expected) if expected.keys().all(|name| whole.get(name).is_some()) => {
                named(&whole, expected, Level::Language)
            }
            _ => brief(command),
        }
    };
    commands.iter().enumerate().map(seen).collect()
}

/// What is to be written for these commands: as many fields as the expectation that was there had.
pub(crate) fn expectation(expected: Option<&[Value]>, commands: &[Command]) -> Vec<Value> {
    seen_as(expected.unwrap_or_default(), commands)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Fields of the language, which need not be named.
    Language,
    /// Names, such as those of a memo, which need not be named either; their values are compared whole.
    Names,
    /// A value that somebody gets, compared whole.
    Value,
}

impl Level {
    fn below(self, name: &str) -> Self {
        match (self, name) {
            (Self::Language, "memo" | "search_attributes" | "extensions") => Self::Names,
            (Self::Language, "args" | "data" | "non_retryable_error_types") => Self::Value,
            (Self::Language, _) => Self::Language,
            (Self::Names | Self::Value, _) => Self::Value,
        }
    }
}

/// What of `found` is compared, in the order of `expected`.
fn named(found: &Value, expected: &Map<String, Value>, level: Level) -> Value {
    let Value::Object(fields) = found else { return found.clone() };
    let mut seen = Map::new();
    for (name, expected) in expected {
        if let Some(found) = fields.get(name) {
            seen.insert(name.clone(), beside(found, expected, level.below(name)));
        }
    }
    if level == Level::Value {
        for (name, found) in fields.iter().filter(|(name, _)| !expected.contains_key(*name)) {
            seen.insert(name.clone(), found.clone());
        }
    }
    Value::Object(seen)
}

fn beside(found: &Value, expected: &Value, level: Level) -> Value {
    match (found, expected) {
        (Value::Object(_), Value::Object(expected)) => named(found, expected, level),
        (Value::Array(found), Value::Array(expected)) => {
            let item = |(index, item): (usize, &Value)| match expected.get(index) {
                Some(expected) => beside(item, expected, Level::Value),
                None => item.clone(),
            };
            found.iter().enumerate().map(item).collect()
        }
        _ => found.clone(),
    }
}
