use serde_json::json;

use super::*;
use crate::cel::types::{Text, UNLIMITED};

fn of(schema: &Value) -> Type {
    Type::of_schema(schema).unwrap()
}

/// Each schema with values that satisfy it and the type has to admit, and some that the type is expected to tell apart.
#[test]
fn types_admit_what_satisfies_the_schema() {
    for (schema, satisfy, apart) in [
        (json!(true), vec![json!(null), json!({"a": 1})], vec![]),
        (json!({"type": "integer"}), vec![json!(1), json!(1.0)], vec![json!(1.5), json!("1")]),
        (json!({"minimum": 3}), vec![json!(3), json!("text")], vec![json!(2)]),
        (json!({"type": "integer", "exclusiveMaximum": 3}), vec![json!(2)], vec![json!(3)]),
        (json!({"type": ["string", "null"]}), vec![json!(null), json!("")], vec![json!(1)]),
        (
            json!({"enum": ["a", 1, null]}),
            vec![json!("a"), json!(1), json!(null)],
            vec![json!("b"), json!(2)],
        ),
        (json!({"type": "string", "minLength": 2}), vec![json!("äö")], vec![json!("ä")]),
        (
            json!({"type": "string", "pattern": "^[a-z]{3}$"}),
            vec![json!("abc")],
            vec![json!("ab"), json!(" ab")],
        ),
        (json!({"type": "string", "pattern": "[a-z]"}), vec![json!(" 1a\n")], vec![]),
        (
            json!({"type": "array", "items": {"type": "null"}, "maxItems": 1}),
            vec![json!([null])],
            vec![json!([1])],
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "null"}}),
            vec![json!(["a", null])],
            vec![json!([1])],
        ),
        (
            json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {"a": true}}),
            vec![json!({"a": 1})],
            vec![json!({}), json!({"a": 1, "b": 2})],
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}, "properties": {"n": {"type": "null"}}}),
            vec![json!({"n": null, "x": "y"})],
            vec![json!({"x": 1})],
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "boolean"}]}),
            vec![json!("a"), json!(true)],
            vec![json!(1)],
        ),
        (
            json!({"allOf": [{"required": ["a"]}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}),
            vec![json!({"a": 1})],
            vec![json!({"a": "b"}), json!({})],
        ),
        (
            json!({"$ref": "#/$defs/id", "$defs": {"id": {"type": "string"}}}),
            vec![json!("a")],
            vec![json!(1)],
        ),
        (
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}}),
            vec![json!({"next": {"next": {}}})],
            vec![json!(1)],
        ),
        (json!({"not": {"type": "string"}}), vec![json!(1)], vec![]),
        (json!({"if": {"type": "string"}, "then": {"minLength": 3}}), vec![json!("abc"), json!(1)], vec![]),
    ] {
        let of = of(&schema);
        satisfy.iter().for_each(|value| assert!(of.admits(value), "{schema} {value} {of:?}"));
        apart.iter().for_each(|value| assert!(!of.admits(value), "{schema} {value} {of:?}"));
    }
}

#[test]
fn patterns_tell_lengths_and_characters() {
    let text = |pattern: &str| match of(&json!({"type": "string", "pattern": pattern})) {
        Type::String(text) => text,
        other => panic!("{other:?}"),
    };
    let id = text("^[a-z0-9-]{1,40}$");
    assert_eq!((id.min_len, id.max_len, id.most_bytes(), id.tidy, id.subject), (1, 40, 40, true, true));
    let words = text("^[a-z ]+$");
    assert_eq!((words.min_len, words.max_len, words.tidy), (1, UNLIMITED, false));
    let dotted = text("^v[0-9.]+$");
    assert!(dotted.tidy && !dotted.subject);
    for vague in ["[a-z]+", "^a", "a$", "^\\S+$", "^[^ ]+$|x", "^(?=a).*$"] {
        assert_eq!(text(vague), Text::ANY, "{vague}");
    }
}

#[test]
fn what_is_no_schema_has_a_place() {
    let why = |schema: Value| Type::of_schema(&schema).unwrap_err().to_string();
    assert_eq!(why(json!(7)), "the schema: a schema is a map or a boolean");
    assert_eq!(why(json!({"properties": {"a/b": 7}})), "/properties/a~1b: a schema is a map or a boolean");
    assert_eq!(why(json!({"$ref": "#/$defs/x"})), "/$ref: `#/$defs/x` leads nowhere");
    assert_eq!(
        why(json!({"items": {"type": "text"}})),
        "/items/type: `type` is one of `null`, `boolean`, `number`, `integer`, `string`, `array`, `object`, or a list of them"
    );
}

#[test]
fn references_that_multiply_end() {
    let mut defs = Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        defs.insert(
            format!("d{n}"),
            json!({"type": "object", "properties": {"a": next, "b": next, "c": next}}),
        );
    }
    defs.insert("d40".into(), json!({"type": "string"}));
    let of = of(&json!({"$ref": "#/$defs/d0", "$defs": defs}));
    assert!(matches!(of, Type::Object(_)));
}
