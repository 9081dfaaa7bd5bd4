//! What a schedule is, in the document: the language of route files tells it.

use serde_json::{Map, Value, json};
use signalbox_routing::{DeclaredSchedule, route_file_schema};

use super::references::moved;

/// What begins the names of its schemas.
const PREFIX: &str = "schedule.";

/// Puts the schemas of bodies in their places.
pub fn add(document: &mut Value) {
    let Value::Object(definitions) = route_file_schema()["$defs"].take() else { return };
    let Some(mut entry) = definitions.get("schedule-entry").cloned() else { return };
    // What only calls have.
    let after = json!({ "type": "string", "description": "Once, so long from now, `10m`; instead of `at`." });
    entry["properties"]["after"] = after;
    entry["properties"]["id"]["maxLength"] = 200.into();
    let mut schemas = Map::new();
    take(&entry, &definitions, &mut schemas);
    let mut unnamed = entry.clone();
    unnamed["required"] = json!([]);
    let mut times = unnamed.clone();
    if let Some(properties) = times["properties"].as_object_mut() {
        let of_time = |name: &str| name == "after" || DeclaredSchedule::names_of_times().any(|of| of == name);
        properties.retain(|name, _| of_time(name));
    }
    for (path, method, schema) in [
        ("/schedules", "post", entry),
        ("/schedules/{schedule_id}", "put", unnamed),
        ("/schedules/preview", "post", times),
    ] {
        let body = &mut document["paths"][path][method]["requestBody"]["content"]["application/json"];
        body["schema"] = in_document(schema);
    }
    if let Some(components) = document["components"]["schemas"].as_object_mut() {
        components.extend(
            schemas.into_iter().map(|(name, schema)| (format!("{PREFIX}{name}"), in_document(schema))),
        );
    }
}

/// Takes the definitions that a schema needs.
fn take(schema: &Value, definitions: &Map<String, Value>, taken: &mut Map<String, Value>) {
    match schema {
        Value::Object(fields) => {
            let name =
                fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
            if let Some((name, of)) = name.and_then(|name| Some((name, definitions.get(name)?)))
                && !taken.contains_key(name)
            {
                taken.insert(name.to_owned(), of.clone());
                take(of, definitions, taken);
            }
            fields.values().for_each(|field| take(field, definitions, taken));
        }
        Value::Array(items) => items.iter().for_each(|item| take(item, definitions, taken)),
        _ => {}
    }
}

/// The schema, with references that hold in the document.
fn in_document(schema: Value) -> Value {
    moved(schema, &|to| Some(format!("#/components/schemas/{PREFIX}{}", to.strip_prefix("#/$defs/")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_the_language_says() {
        let mut document = json!({ "components": { "schemas": {} }, "paths": {} });
        add(&mut document);
        let body = |path: &str, method: &str| {
            document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"].clone()
        };
        let post = body("/schedules", "post");
        assert_eq!(post["required"], json!(["id"]));
        assert_eq!(post["properties"]["start"]["$ref"], "#/components/schemas/schedule.start-of-a-schedule");
        assert!(document["components"]["schemas"]["schedule.retry"].is_object());
        let times = body("/schedules/preview", "post");
        assert!(times["properties"]["after"].is_object() && times["properties"]["emit"].is_null());
        assert!(!document.to_string().contains("$defs"));
        assert!(DeclaredSchedule::names_of_times().all(|name| post["properties"][name].is_object()));
    }
}
