//! An expression of any bytes is refused, or gets through an event.

#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use signalbox_domain::{RawMessage, read_event};
use signalbox_routing::RouteSet;

fuzz_target!(|text: &str| {
    let route = |schema: bool| {
        let event = json!({"on": "events.a.*", "schema": {
            "type": "object", "required": ["a"], "properties": {
                "a": {"type": "array", "items": {"type": "integer"}}, "b": {"type": ["string", "null"]}
            },
        }});
        json!({
            "version": 1,
            "events": if schema { json!([event]) } else { json!([]) },
            "routes": [{"name": "a", "on": "events.a.b", "signal": {
                "workflow_id": "w", "singleton": true, "name": "s", "args": [format!("${{ {text} }}")],
            }}],
        })
    };
    for declared in [false, true] {
        let Ok(set) = RouteSet::load([("a.yaml".to_owned(), route(declared).to_string())]) else { continue };
        let message = RawMessage {
            subject: "events.a.b",
            headers: vec![],
            body: br#"{"a": [1, 2, 3], "b": null, "c": {"d": 1.5}}"#.to_vec().into(),
            stream_sequence: 7,
            stored_at: DateTime::UNIX_EPOCH,
        };
        let Ok(event) = read_event(&message) else { continue };
        let plan = set.plan(&event, DateTime::UNIX_EPOCH);
        assert!(!declared || plan.errors.is_empty(), "{:?}", plan.errors);
    }
});
