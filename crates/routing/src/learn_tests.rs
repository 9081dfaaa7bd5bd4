#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn learned(values: &[Value]) -> Value {
    let mut samples = Samples::default();
    values.iter().for_each(|value| samples.add(value));
    samples.schema()
}

#[test]
fn what_is_always_there_is_required() {
    let schema = learned(&[json!({ "id": 1, "note": "x" }), json!({ "id": 2.5 })]);
    let expected = json!({
        "type": "object",
        "required": ["id"],
        "properties": { "id": { "type": "number" }, "note": { "type": "string", "minLength": 1 } },
    });
    assert_eq!(schema, expected);
}

#[test]
fn a_text_of_few_values_is_one_of_them_if_they_come_often() {
    let of = |count: usize| {
        learned(&["paid", "refused"].repeat(count).iter().map(|&s| s.into()).collect::<Vec<_>>())
    };
    assert_eq!(of(1), json!({ "type": "string", "minLength": 1 }));
    assert_eq!(of(5), json!({ "enum": ["paid", "refused"] }));
}

#[test]
fn a_text_that_may_be_missing_or_empty_says_so() {
    let mut values = ["paid", "refused"].repeat(10).into_iter().map(Value::from).collect::<Vec<_>>();
    values.push(Value::Null);
    assert_eq!(learned(&values), json!({ "type": ["null", "string"], "minLength": 1 }));
    assert_eq!(learned(&[json!("a"), json!("")]), json!({ "type": "string" }));
}

#[test]
fn lists_are_learned_from_all_their_items() {
    let schema = learned(&[json!([]), json!([1, 2.0]), json!([null])]);
    assert_eq!(schema, json!({ "type": "array", "items": { "type": ["null", "integer"] } }));
    assert_eq!(learned(&[json!([])]), json!({ "type": "array" }));
}

#[test]
fn an_object_whose_keys_are_data_is_a_map() {
    let values: Vec<_> = (0..200).map(|n| json!({ format!("user-{n}"): n })).collect();
    assert_eq!(learned(&values), json!({ "type": "object", "additionalProperties": { "type": "integer" } }));
}

#[test]
fn of_nothing_anything_is_learned() {
    assert_eq!(learned(&[]), json!({}));
}

#[test]
fn depth_is_bounded() {
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": [inner] }));
    let text = learned(std::slice::from_ref(&deep)).to_string();
    assert!(text.len() < 2000, "{text}");
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_sample_satisfies_the_schema(values in prop::collection::vec(json_values(), 1..40)) {
        let validator = jsonschema::validator_for(&learned(&values)).unwrap();
        for value in &values {
            prop_assert!(validator.is_valid(value), "{value}");
        }
    }

    #[test]
    fn the_order_of_samples_is_of_no_consequence(values in prop::collection::vec(json_values(), 1..20)) {
        let backwards: Vec<_> = values.iter().rev().cloned().collect();
        prop_assert_eq!(learned(&values), learned(&backwards));
    }
}
