//! Types from JSON Schema (2020-12). What is not understood only makes a type wider, so a value that satisfies the
//! schema is always of the type.

mod keywords;
mod pattern;

use serde_json::{Map, Value};

use super::types::Type;

/// How many schemas one type is made of; `$ref` can make few lines very many. The rest is [`Type::Dyn`].
const MOST_SCHEMAS: usize = 10_000;
/// How deep schemas nest before the rest is [`Type::Dyn`].
const MOST_DEPTH: usize = 64;

/// Why a JSON value is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}", at = if at.is_empty() { "the schema" } else { at })]
pub(crate) struct BadSchema {
    /// The place, as a JSON pointer.
    pub(crate) at: String,
    pub(crate) message: String,
}

impl Type {
    /// The type of what satisfies `schema`.
    ///
    /// # Errors
    /// It is no schema, and where.
    pub(crate) fn of_schema(schema: &Value) -> Result<Self, BadSchema> {
        let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let ref_alone =
            ["draft-03", "draft-04", "draft-06", "draft-07"].iter().any(|old| dialect.contains(old));
        let mut reader = Reader { ref_alone, left: MOST_SCHEMAS, open: Vec::new() };
        reader.read(&Place { root: schema, pointer: String::new(), depth: 0 }, schema)
    }
}

type Read<T = Type> = Result<T, BadSchema>;

struct Reader<'s> {
    /// Before 2019, nothing beside `$ref` counted.
    ref_alone: bool,
    left: usize,
    /// The `$ref`s that are being read, with what they are relative to.
    open: Vec<(*const Value, &'s str)>,
}

/// Where in a schema we are.
struct Place<'s> {
    /// What `#/…` is relative to.
    root: &'s Value,
    pointer: String,
    depth: usize,
}

impl<'s> Place<'s> {
    fn below(&self, key: &str) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { root: self.root, pointer: format!("{}/{key}", self.pointer), depth: self.depth + 1 }
    }

    fn fault<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(BadSchema { at: self.pointer.clone(), message: message.into() })
    }
}

impl<'s> Reader<'s> {
    fn read(&mut self, at: &Place<'s>, schema: &'s Value) -> Read {
        let keywords = match schema {
            Value::Bool(true) => return Ok(Type::Dyn),
            Value::Bool(false) => return Ok(Type::NEVER),
            Value::Object(keywords) => keywords,
            _ => return at.fault("a schema is a map or a boolean"),
        };
        if self.left == 0 || at.depth > MOST_DEPTH {
            return Ok(Type::Dyn);
        }
        self.left -= 1;
        let own_root = at.depth > 0 && keywords.get("$id").and_then(Value::as_str).is_some_and(is_resource);
        let root = if own_root { schema } else { at.root };
        let at = &Place { root, pointer: at.pointer.clone(), depth: at.depth };
        if let Some(reference) = keywords.get("$ref") {
            let referred = self.reference(&at.below("$ref"), reference)?;
            return if self.ref_alone {
                Ok(referred)
            } else {
                Ok(referred.meet(&self.keywords(at, keywords)?))
            };
        }
        self.keywords(at, keywords)
    }

    fn keywords(&mut self, at: &Place<'s>, keywords: &'s Map<String, Value>) -> Read {
        let mut of = self.by_kind(at, keywords)?;
        if let Some(value) = keywords.get("const") {
            of = of.meet(&Type::of_value(value));
        }
        if let Some(values) = keywords.get("enum") {
            let Value::Array(values) = values else { return at.below("enum").fault("`enum` is a list") };
            of = of.meet(&Type::union(values.iter().map(Type::of_value)));
        }
        for all in self.list(at, keywords, "allOf")? {
            of = of.meet(&all);
        }
        for any in ["anyOf", "oneOf"] {
            if keywords.contains_key(any) {
                of = of.meet(&Type::union(self.list(at, keywords, any)?));
            }
        }
        Ok(of)
    }

    /// The types of a list of schemas.
    fn list(&mut self, at: &Place<'s>, keywords: &'s Map<String, Value>, name: &str) -> Read<Vec<Type>> {
        let at = at.below(name);
        match keywords.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(schemas)) => schemas
                .iter()
                .enumerate()
                .map(|(index, schema)| self.read(&at.below(&index.to_string()), schema))
                .collect(),
            Some(_) => at.fault(format!("`{name}` is a list of schemas")),
        }
    }

    /// What `#/…` leads to. Other documents are not read.
    fn reference(&mut self, at: &Place<'s>, reference: &'s Value) -> Read {
        let Value::String(reference) = reference else { return at.fault("`$ref` is a text") };
        let Some(pointer) = reference.strip_prefix('#') else { return Ok(Type::Dyn) };
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            return Ok(Type::Dyn);
        }
        let Some(schema) = at.root.pointer(pointer) else {
            return at.fault(format!("`{reference}` leads nowhere"));
        };
        let this = (std::ptr::from_ref(at.root), pointer);
        if self.open.contains(&this) {
            return Ok(Type::Dyn);
        }
        self.open.push(this);
        let read = self.read(at, schema);
        self.open.pop();
        read
    }
}

fn is_resource(id: &str) -> bool {
    !id.starts_with('#')
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
