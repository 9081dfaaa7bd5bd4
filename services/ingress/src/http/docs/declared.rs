//! The paths of declared events: `POST /events/{type}` once for each, with the schema of its data. Pure.

use serde_json::{Map, Value, json};
use signalbox_routing::{Declared, RouteSet};

/// Declared events of one set that get a path of their own.
const MOST: usize = 500;

/// Adds a path for each event that `routes` declare to a document.
pub fn add(routes: &RouteSet, document: &mut Value) {
    let Some(general) = document.pointer("/paths/~1events~1{event}/post").cloned() else { return };
    let declared: Vec<_> = routes.declared().take(MOST).collect();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (index, declared) in declared.into_iter().enumerate() {
        let (path, tokens) = path(declared.filter.as_str());
        // Of two that are declared for the same subjects, data must be of both schemas; the first is shown.
        paths
            .entry(path)
            .or_insert_with(|| json!({ "post": operation(&general, &declared, &tokens, index) }));
    }
}

/// The path of a filter, and the names that stand in it for what is not known.
fn path(filter: &str) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let tokens: Vec<_> = filter
        .split('.')
        .skip(1)
        .map(|token| match token {
            "*" | ">" => {
                let name =
                    if token == ">" { "rest".to_owned() } else { format!("token_{}", names.len() + 1) };
                names.push(name.clone());
                format!("{{{name}}}")
            }
            plain => percent_encoding::utf8_percent_encode(plain, crate::links::ESCAPED).to_string(),
        })
        .collect();
    (format!("/events/{}", tokens.join(".")), names)
}

/// The general operation, for events of one kind.
fn operation(general: &Value, declared: &Declared<'_>, tokens: &[String], index: usize) -> Value {
    let filter = declared.filter.as_str();
    let mut operation = general.clone();
    operation["summary"] = format!("Publish on {filter}").into();
    operation["description"] = declared.description.unwrap_or("An event that the routes declare.").into();
    operation["operationId"] = format!("publish_declared_{index}").into();
    let mut schema = declared.schema.clone();
    if let Value::Object(object) = &mut schema {
        // What it refers to within itself stays within it.
        object.entry("$id").or_insert_with(|| format!("urn:signalbox:event:{index}").into());
    }
    operation["requestBody"] =
        json!({ "content": { "application/json": { "schema": schema } }, "required": true });
    let headers =
        general["parameters"].as_array().into_iter().flatten().filter(|of| of["in"] == "header").cloned();
    operation["parameters"] = tokens.iter().map(|name| token(name)).chain(headers).collect();
    operation
}

fn token(name: &str) -> Value {
    let of = if name == "rest" { "The rest of the subject" } else { "A token of the subject" };
    let pattern = if name == "rest" { "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$" } else { "^[A-Za-z0-9_-]+$" };
    Value::Object(Map::from_iter([
        ("name".to_owned(), name.into()),
        ("in".to_owned(), "path".into()),
        ("description".to_owned(), of.into()),
        ("required".to_owned(), true.into()),
        ("schema".to_owned(), json!({"type": "string", "minLength": 1, "maxLength": 60, "pattern": pattern})),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "
version: 1
events:
  - on: [events.shop.paid, events.shop.*.refused]
    description: A payment was tried.
    schema: { type: object, required: [order_id], properties: { order_id: { $ref: '#/$defs/id' } }, $defs: { id: { type: integer } } }
  - on: events.stock.>
    schema: { type: object }
routes: []
";

    #[test]
    fn each_declared_event_has_a_path_with_its_schema() {
        let routes = RouteSet::load([("a.yaml".to_owned(), ROUTES.to_owned())]).unwrap();
        let general = json!({"parameters": [{"in": "path", "name": "event"}, {"in": "header", "name": "Prefer"}], "responses": {"202": {}}});
        let mut document = json!({"paths": {"/events/{event}": {"post": general}}});
        add(&routes, &mut document);
        let paths = document["paths"].as_object().unwrap();
        let names: Vec<_> = paths.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "/events/{event}",
                "/events/shop.paid",
                "/events/shop.{token_1}.refused",
                "/events/stock.{rest}"
            ]
        );
        let paid = &paths["/events/shop.paid"]["post"];
        assert_eq!(paid["description"], "A payment was tried.");
        let schema = &paid["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(
            (&schema["required"], &schema["$id"]),
            (&json!(["order_id"]), &json!("urn:signalbox:event:0"))
        );
        assert_eq!(paid["parameters"], json!([{"in": "header", "name": "Prefer"}]));
        assert_eq!(paths["/events/stock.{rest}"]["post"]["parameters"][0]["name"], "rest");
    }
}
