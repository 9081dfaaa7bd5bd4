//! The paths of what routes declare: `POST /events/{type}` once for each event, with the schema of its data, and
//! `POST /webhooks/{source}` for each source. Pure.

use serde_json::{Value, json};
use signalbox_routing::{Declared, RouteSet};

use super::references::moved;
use crate::links::segment;

/// Declared events of one set that get a path of their own, and sources.
const MOST: usize = 500;

/// Adds a path for each event and each source that `routes` declare to a document.
pub fn add(routes: &RouteSet, document: &mut Value) {
    add_events(routes, document);
    add_sources(routes, document);
}

fn add_sources(routes: &RouteSet, document: &mut Value) {
    let Some(general) = document.pointer("/paths/~1webhooks~1{source}/post").cloned() else { return };
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for source in routes.sources().iter().take(MOST) {
        let mut operation = general.clone();
        operation["summary"] = format!("Take a webhook of {}", source.name).into();
        operation["operationId"] = format!("source_{}", source.name).into();
        let by = format!("Verified as {} has it. {}", source.provider.name(), text(&general, "description"));
        operation["description"] = by.into();
        let others = general["parameters"].as_array().into_iter().flatten();
        operation["parameters"] = others.filter(|of| of["in"] != "path").cloned().collect();
        paths.insert(format!("/webhooks/{}", segment(&source.name)), json!({ "post": operation }));
    }
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_default()
}

fn add_events(routes: &RouteSet, document: &mut Value) {
    let Some(general) = document.pointer("/paths/~1events~1{event}/post").cloned() else { return };
    for (index, declared) in routes.declared().take(MOST).enumerate() {
        let (path, tokens) = path(declared.filter.as_str());
        let name = format!("DeclaredEvent{index}");
        let operation = json!({ "post": operation(&general, &declared, &tokens, &name) });
        if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
            // Of two that are declared for the same subjects, data must be of both schemas; the first is shown.
            paths.entry(path).or_insert(operation);
        }
        if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
            let schema = within(declared.schema.clone(), &format!("#/components/schemas/{name}"));
            schemas.insert(name, schema);
        }
    }
}

/// The schema with what it refers to within itself, for when it stands in a document at `place`.
fn within(schema: Value, place: &str) -> Value {
    moved(schema, &|to| to.starts_with('#').then(|| format!("{place}{}", to.trim_start_matches('#'))))
}

/// The path of a filter, and the names that stand in it for what is not known.
fn path(filter: &str) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let mut named = |token: &str| {
        let name = match token {
            ">" => "rest".to_owned(),
            _ => format!("token_{}", names.len() + 1),
        };
        names.push(name.clone());
        format!("{{{name}}}")
    };
    let tokens = filter.split('.').skip(1).map(|token| match token {
        "*" | ">" => named(token),
        plain => segment(plain),
    });
    let tokens: Vec<_> = tokens.collect();
    (format!("/events/{}", tokens.join(".")), names)
}

/// The general operation, for events of one kind.
fn operation(general: &Value, declared: &Declared<'_>, tokens: &[String], name: &str) -> Value {
    let mut operation = general.clone();
    operation["summary"] = format!("Publish on {}", declared.filter.as_str()).into();
    operation["description"] = declared.description.unwrap_or("An event that the routes declare.").into();
    operation["operationId"] = format!("publish_{name}").into();
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    operation["requestBody"] =
        json!({ "content": { "application/json": { "schema": schema } }, "required": true });
    let parameters = general["parameters"].as_array().into_iter().flatten();
    let headers = parameters.filter(|of| of["in"] == "header").cloned();
    operation["parameters"] = tokens.iter().map(|name| token(name)).chain(headers).collect();
    operation
}

fn token(name: &str) -> Value {
    let (of, pattern) = match name {
        "rest" => ("The rest of the subject", "^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$"),
        _ => ("A token of the subject", "^[A-Za-z0-9_-]+$"),
    };
    json!({
        "name": name, "in": "path", "description": of, "required": true,
        "schema": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": pattern}
    })
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
    fn each_source_has_a_path_that_says_how_it_is_verified() {
        let routes =
            "version: 1\nsources: [ { name: payments, provider: stripe, secrets: [ { env: A } ] } ]\n";
        let routes = RouteSet::load([("a.yaml".to_owned(), routes.to_owned())]).unwrap();
        let general =
            json!({"parameters": [{"in": "path", "name": "source"}, {"in": "header", "name": "Prefer"}]});
        let mut document = json!({"paths": {"/webhooks/{source}": {"post": general}}});
        add(&routes, &mut document);
        let own = &document["paths"]["/webhooks/payments"]["post"];
        assert!(own["description"].as_str().unwrap().contains("stripe"), "{own}");
        assert_eq!(own["parameters"], json!([{"in": "header", "name": "Prefer"}]));
    }

    #[test]
    fn each_declared_event_has_a_path_with_its_schema() {
        let routes = RouteSet::load([("a.yaml".to_owned(), ROUTES.to_owned())]).unwrap();
        let general = json!({"parameters": [{"in": "path", "name": "event"}, {"in": "header", "name": "Prefer"}], "responses": {"202": {}}});
        let mut document =
            json!({"paths": {"/events/{event}": {"post": general}}, "components": {"schemas": {}}});
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
        let content = &paid["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(content["$ref"], "#/components/schemas/DeclaredEvent0");
        let schema = &document["components"]["schemas"]["DeclaredEvent0"];
        assert_eq!(schema["required"], json!(["order_id"]));
        assert_eq!(schema["properties"]["order_id"]["$ref"], "#/components/schemas/DeclaredEvent0/$defs/id");
        assert_eq!(paid["parameters"], json!([{"in": "header", "name": "Prefer"}]));
        assert_eq!(paths["/events/stock.{rest}"]["post"]["parameters"][0]["name"], "rest");
    }
}
