//! The JSON Schemas of route files and files of tests, for editors. They are written from the tables that files are read by.

use serde_json::{Map, Value, json};

use crate::language::{
    document::DOCUMENT,
    fields::{Field, Section, Shape},
    tests::{TEST_FILE, comparable},
};

/// What tells a text with a computed part.
const COMPUTED: &str = r"\$\{.*\}";

/// The JSON Schema (2020-12) of a route file.
pub fn route_file_schema() -> Value {
    schema_of("Signalbox routes", &DOCUMENT)
}

/// The JSON Schema (2020-12) of a file of tests, `*.test.yaml`.
pub fn test_file_schema() -> Value {
    schema_of("Tests of Signalbox routes", &TEST_FILE)
}

fn schema_of(title: &str, of: &'static Section) -> Value {
    let mut definitions = Map::new();
    let root = section(of, &mut definitions);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$defs": definitions,
    });
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
    }
    schema
}

fn section(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let properties: Map<String, Value> =
        section.fields.iter().map(|field| (field.name.to_owned(), described(field, definitions))).collect();
    let required: Vec<_> =
        section.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "description": section.doc,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn described(field: &Field, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = shape(&field.shape, definitions);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), field.doc.into());
    }
    schema
}

fn shape(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::Name | Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Guard => json!({ "type": "string", "pattern": format!("^\\s*{COMPUTED}\\s*$") }),
        Shape::Value | Shape::Anything => json!({}),
        Shape::Values => json!({ "type": "array", "items": {} }),
        Shape::ValueMap => json!({ "type": "object" }),
        Shape::Names => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Shape::Duration => json!({ "type": "string", "pattern": format!("^\\s*[0-9]|{COMPUTED}") }),
        Shape::Span(_) => span(),
        Shape::SpanOr(section) => json!({ "anyOf": [span(), reference(section, definitions)] }),
        Shape::TextOr(section) => {
            json!({ "anyOf": [{ "type": "string", "minLength": 1 }, reference(section, definitions)] })
        }
        Shape::CronField => json!({ "type": ["string", "integer"] }),
        Shape::OneOrMore(one) => {
            let one = self::shape(one, definitions);
            json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::WordOr(words, section) => {
            json!({ "anyOf": [{ "enum": words }, reference(section, definitions)] })
        }
        Shape::Filters => {
            let filter = json!({ "type": "string", "pattern": "^events\\." });
            json!({ "anyOf": [filter, { "type": "array", "minItems": 1, "items": filter }] })
        }
        Shape::Schema => json!({ "type": ["object", "boolean", "string"] }),
        Shape::Section(section) => reference(section, definitions),
        Shape::Sections(section) => json!({ "type": "array", "items": reference(section, definitions) }),
        Shape::Expected(section) => expected(section),
    }
}

fn span() -> Value {
    json!({ "type": "string", "pattern": "^\\s*[0-9]" })
}

/// Some fields of an action, with values.
fn expected(section: &'static Section) -> Value {
    let properties: Map<String, Value> = comparable(section)
        .map(|field| {
            let mut schema = match field.shape {
                Shape::Section(section) => expected(section),
                _ => json!({}),
            };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), field.doc.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

/// Sections that stand in several places are written once.
fn reference(of: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let name = definition_name(of);
    if !definitions.contains_key(&name) {
        definitions.insert(name.clone(), Value::Null);
        let schema = section(of, definitions);
        definitions.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Sections may be called the same in faults, such as `signal` of its own and within a start; their fields differ.
fn definition_name(section: &Section) -> String {
    let word =
        section.what.trim_start_matches("a ").trim_start_matches("an ").trim_matches('`').replace(' ', "-");
    let has = |name: &str| section.fields.iter().any(|field| field.name == name);
    match word.as_str() {
        "signal" | "update" if !has("workflow_id") => format!("{word}-of-start"),
        "start" if !has("workflow_id") => format!("{word}-if-missing"),
        "schedule" if has("emit") => format!("{word}-entry"),
        "if_missing" if has("start") => format!("{word}-or-start"),
        _ => word,
    }
}
