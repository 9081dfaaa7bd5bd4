//! The keywords that each say something of one kind of value.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Place, Read, Reader, pattern};
use crate::cel::types::{Field, List, Number, Object, Order, Text, Type, UNLIMITED};

/// The kinds of JSON Schema, and the keywords that need to be looked at for each.
const KINDS: [(&str, &[&str]); 7] = [
    ("null", &[]),
    ("boolean", &[]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    ("integer", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    ("string", &["minLength", "maxLength", "pattern"]),
    ("array", &["items", "prefixItems", "minItems", "maxItems"]),
    ("object", &["properties", "required", "additionalProperties", "patternProperties"]),
];

type Keywords = Map<String, Value>;

impl<'s> Reader<'s> {
    /// The union of all kinds that `type` allows, each as its own keywords say.
    pub(super) fn by_kind(&mut self, at: &Place<'s>, keywords: &'s Keywords) -> Read {
        let kinds: Vec<&str> = match keywords.get("type") {
            None => {
                let spoken_of =
                    KINDS.iter().flat_map(|(_, words)| *words).any(|word| keywords.contains_key(*word));
                if !spoken_of {
                    return Ok(Type::Dyn);
                }
                KINDS.iter().map(|(kind, _)| *kind).collect()
            }
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().map(|kind| kind.as_str().unwrap_or_default()).collect(),
            Some(_) => vec![""],
        };
        let types: Vec<_> =
            kinds.into_iter().map(|kind| self.kind(at, keywords, kind)).collect::<Read<_>>()?;
        Ok(Type::union(types))
    }

    fn kind(&mut self, at: &Place<'s>, keywords: &'s Keywords, kind: &str) -> Read {
        match kind {
            "null" => Ok(Type::Null),
            "boolean" => Ok(Type::BOOL),
            "number" => Ok(number(keywords, Number::ANY)),
            "integer" => Ok(number(keywords, Number { whole: true, ..Number::ANY })),
            "string" => Ok(text(keywords)),
            "array" => self.array(at, keywords),
            "object" => self.object(at, keywords),
            _ => {
                let known = KINDS.map(|(kind, _)| kind).join("`, `");
                at.below("type").fault(format!("`type` is one of `{known}`, or a list of them"))
            }
        }
    }

    fn array(&mut self, at: &Place<'s>, keywords: &'s Keywords) -> Read {
        let mut items = Vec::new();
        let rest = match keywords.get("items") {
            // As `prefixItems` was called before 2020.
            Some(Value::Array(_)) => {
                items = self.list(at, keywords, "items")?;
                keywords.get("additionalItems").map(|schema| ("additionalItems", schema))
            }
            other => other.map(|schema| ("items", schema)),
        };
        items.extend(self.list(at, keywords, "prefixItems")?);
        items.push(match rest {
            Some((name, schema)) => self.read(&at.below(name), schema)?,
            None => Type::Dyn,
        });
        Ok(Type::List(List {
            item: Arc::new(Type::union(items)),
            min_items: count(keywords, "minItems").unwrap_or(0),
            max_items: count(keywords, "maxItems").unwrap_or(UNLIMITED),
        }))
    }

    fn object(&mut self, at: &Place<'s>, keywords: &'s Keywords) -> Read {
        let rest = self.rest(at, keywords)?;
        let mut fields = BTreeMap::new();
        let properties = at.below("properties");
        for (name, schema) in entries(&properties, keywords.get("properties"))? {
            let of = Arc::new(self.read(&properties.below(name), schema)?);
            fields.insert(Arc::from(name.as_str()), Field { of, required: false });
        }
        for name in required(at, keywords)? {
            let undeclared =
                || Field { of: rest.clone().unwrap_or_else(|| Arc::new(Type::NEVER)), required: true };
            fields.entry(Arc::from(name)).or_insert_with(undeclared).required = true;
        }
        Ok(Type::union([Type::Object(Object { fields, rest })]))
    }

    /// The type of the fields that are not among the properties.
    fn rest(&mut self, at: &Place<'s>, keywords: &'s Keywords) -> Read<Option<Arc<Type>>> {
        let patterns = at.below("patternProperties");
        let mut types = Vec::new();
        for (pattern, schema) in entries(&patterns, keywords.get("patternProperties"))? {
            types.push(self.read(&patterns.below(pattern), schema)?);
        }
        types.push(match keywords.get("additionalProperties") {
            Some(schema) => self.read(&at.below("additionalProperties"), schema)?,
            None => Type::Dyn,
        });
        let rest = Type::union(types);
        Ok(if rest.is_never() { None } else { Some(Arc::new(rest)) })
    }
}

fn entries<'s>(
    at: &Place<'s>,
    map: Option<&'s Value>,
) -> Read<impl Iterator<Item = (&'s String, &'s Value)>> {
    match map {
        None => Ok(None.into_iter().flatten()),
        Some(Value::Object(map)) => Ok(Some(map).into_iter().flatten()),
        Some(_) => at.fault("this is a map of schemas"),
    }
}

fn required<'s>(at: &Place<'s>, keywords: &'s Keywords) -> Read<Vec<&'s str>> {
    match keywords.get("required") {
        // In draft 3 it was a boolean.
        None | Some(Value::Bool(_)) => Ok(Vec::new()),
        Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
            Ok(names.iter().filter_map(Value::as_str).collect())
        }
        Some(_) => at.below("required").fault("`required` is a list of names"),
    }
}

fn number(keywords: &Keywords, kind: Number) -> Type {
    let bound = |name: &str| keywords.get(name).and_then(Value::as_f64).map(Number::exactly);
    let mut number = kind;
    for (name, order) in [("minimum", Order::Greater), ("maximum", Order::Less)] {
        if let Some(bound) = bound(name) {
            number = number.compared(order, &bound);
        }
    }
    for (name, order) in [("exclusiveMinimum", Order::Greater), ("exclusiveMaximum", Order::Less)] {
        if let Some(bound) = bound(name) {
            number = number.strictly(order, &bound);
        }
    }
    Type::union([Type::Number(number)])
}

fn text(keywords: &Keywords) -> Type {
    let mut text = Text {
        min_len: count(keywords, "minLength").unwrap_or(0),
        max_len: count(keywords, "maxLength").unwrap_or(UNLIMITED),
        ..Text::ANY
    };
    if let Some(pattern) = keywords.get("pattern").and_then(Value::as_str).and_then(pattern::read) {
        text.min_len = text.min_len.max(pattern.min_len);
        text.max_len = text.max_len.min(pattern.max_len);
        text.tidy = pattern.tidy;
        text.subject = pattern.subject;
        if pattern.ascii {
            text.max_bytes = text.max_len;
        }
    }
    Type::union([Type::String(text)])
}

/// A length or number of items; written with a fraction of 0, too.
fn count(keywords: &Keywords, name: &str) -> Option<u64> {
    let number = keywords.get(name)?;
    number.as_u64().or_else(|| {
        let fraction = number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..1e15).contains(n));
        fraction.and_then(|n| format!("{n:.0}").parse().ok())
    })
}
