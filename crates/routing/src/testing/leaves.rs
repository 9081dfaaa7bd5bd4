//! Writes single values of an expectation, where nothing but values differs: how it is laid out stays, and so do the
//! comments in it.

use std::ops::Range;

use serde_json::Value;

use super::rewrite::{Edit, quoted_end, word};
use crate::{
    rendered,
    yaml::{Kind, Node},
};

/// What is to be written so that `node` says `found`; `None` where that takes more than other values.
pub(crate) fn edits(source: &str, node: &Node, found: &Value) -> Option<Vec<Edit>> {
    match (&node.kind, found) {
        (Kind::Map(entries), Value::Object(fields)) if entries.len() == fields.len() => {
            let edits = entries.iter().map(|(key, node)| edits(source, node, fields.get(&key.name)?));
            edits.collect::<Option<Vec<_>>>().map(|edits| edits.into_iter().flatten().collect())
        }
        (Kind::List(nodes), Value::Array(items)) if nodes.len() == items.len() => {
            let edits = nodes.iter().zip(items).map(|(node, item)| edits(source, node, item));
            edits.collect::<Option<Vec<_>>>().map(|edits| edits.into_iter().flatten().collect())
        }
        (_, found) if says(node, found) => Some(Vec::new()),
        (Kind::Map(_) | Kind::List(_), _) | (_, Value::Array(_) | Value::Object(_)) => None,
        (_, Value::String(value)) if value.contains('\n') => None,
        (_, found) => {
            let text = match found {
                Value::String(value) => word(value),
                other => other.to_string(),
            };
            Some(vec![Edit { range: scalar(source, node)?, text }])
        }
    }
}

/// Whether it is that value already; a span of time may be written in many ways.
fn says(node: &Node, found: &Value) -> bool {
    let span = |text: &String| humantime::parse_duration(text).ok().map(rendered::span);
    match &node.kind {
        Kind::Text(text) if span(text).as_ref() == Some(found) => true,
        _ => node.to_json() == *found,
    }
}

/// Where a value in one line stands, with its quotes.
fn scalar(source: &str, node: &Node) -> Option<Range<usize>> {
    let start = node.at.byte()?;
    let rest = source.get(start..)?;
    let length = match (&node.kind, rest.chars().next()?) {
        (_, '"' | '\'') => {
            quoted_end(rest).filter(|end| !rest.get(..*end).unwrap_or_default().contains('\n'))?
        }
        (_, '|' | '>' | '&' | '*' | '!' | '[' | '{') => return None,
        (Kind::Text(text), _) => rest.starts_with(text.as_str()).then_some(text.len())?,
        _ => rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len()),
    };
    (length > 0).then_some(start..start + length)
}
