//! Declared events: which subjects carry data of which schema.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use signalbox_domain::{Data, Event};

use super::{
    fields::{Section, Shape, optional, required},
    reader::Reader,
    route::{ON, filters},
};
use crate::{
    cel::types::Type,
    files::FileSet,
    rules,
    subject::SubjectFilter,
    yaml::{Kind, Node},
};

pub(crate) static EVENT: Section = Section {
    what: "an event",
    doc: "Events that are known beforehand. Routes are checked against their schema before they run, events when they come.",
    fields: &[
        ON,
        optional("description", Shape::Name, "What has happened when such an event comes, for people."),
        required(
            "schema",
            Shape::Schema,
            "JSON Schema of the data, or the path of a file with it, from this file's folder.",
        ),
    ],
};

/// Events of some subjects, and what their data are like.
#[derive(Debug)]
pub(crate) struct DeclaredEvent {
    pub(crate) filters: Vec<SubjectFilter>,
    /// What has happened when one comes, for people.
    pub(crate) description: Option<String>,
    /// The schema of its data.
    pub(crate) schema: Value,
    /// The type of its data.
    pub(crate) data: Type,
    validator: Validator,
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node, files: &FileSet) -> Option<DeclaredEvent> {
    let entries = reader.section(node, &EVENT)?;
    let filters = reader.required(&entries, "on", filters);
    let description = reader
        .optional(&entries, "description", |reader, node, name| reader.text(node, name).map(str::to_owned));
    let schema = reader.required(&entries, "schema", |reader, node, _| schema(reader, node, files));
    let description = description?;
    let (schema, data, validator) = schema?;
    Some(DeclaredEvent { filters: filters?, description, schema, data, validator })
}

fn schema(reader: &mut Reader<'_>, node: &Node, files: &FileSet) -> Option<(Value, Type, Validator)> {
    let span = reader.span(node);
    let schema = match &node.kind {
        Kind::Text(path) => match files.beside(reader.file, path) {
            Some(text) => serde_json::from_str(text).map_err(|why| format!("`{path}` is not JSON: {why}")),
            None => Err(format!("there is no file `{path}` beside this one")),
        },
        _ => Ok(node.to_json()),
    };
    let checked = schema.and_then(|schema| {
        let validator = compile(&schema)?;
        let data = Type::of_schema(&schema).map_err(|bad| bad.to_string())?;
        Ok((schema, data, validator))
    });
    checked.map_err(|why| reader.fault(span, rules::SCHEMA, why)).ok()
}

/// Patterns are matched in time that is linear in the text: it comes from outside.
fn compile(schema: &Value) -> Result<Validator, String> {
    let options =
        jsonschema::options().with_pattern_options(PatternOptions::regex()).should_validate_formats(true);
    options.build(schema).map_err(|why| match why.instance_path().as_str() {
        "" => format!("not a JSON Schema: {why}"),
        path => format!("not a JSON Schema: {path}: {why}"),
    })
}

impl DeclaredEvent {
    /// Says where the data of `event` are not what they were said to be; values are not shown.
    pub(crate) fn mismatch(&self, event: &Event) -> Option<String> {
        let data = match &event.data {
            Data::Json(json) => json,
            Data::Empty => &Value::Null,
            Data::Bytes(_) => return Some("the data are not JSON".to_owned()),
        };
        let error = self.validator.validate(data).err()?;
        let path = match error.instance_path().as_str() {
            "" => "data".to_owned(),
            path => format!("data{}", path.replace('/', ".")),
        };
        Some(format!("{path}: {}", error.masked()))
    }
}
