use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cel::promise_tests::{Dice, schema, validator, value};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// What is of both types is of what they have in common; what is of one is of their union.
    #[test]
    fn meet_and_join_lose_no_value(seed in any::<u64>()) {
        let dice = &mut Dice::new(seed);
        let schemas = [schema(dice, 2), schema(dice, 2)];
        let [a, b] = schemas.each_ref().map(|schema| Type::of_schema(schema).unwrap());
        let (both, either) = (a.meet(&b), a.clone().join(b.clone()));
        for at in 0..20 {
            let data = value(dice, &schemas[at % 2], 2);
            if !validator(&schemas[at % 2]).is_valid(&data) {
                continue;
            }
            prop_assert!(either.admits(&data), "seed {seed}: {data} {schemas:?}");
            if a.admits(&data) && b.admits(&data) {
                prop_assert!(both.admits(&data), "seed {seed}: {data} {schemas:?} {both:?}");
            }
        }
    }
}

#[test]
fn types_are_named() {
    let name = |of: &Type| of.to_string();
    assert_eq!(name(&Type::union([Type::Null, Type::TEXT])), "null or a text");
    assert_eq!(name(&Type::of_value(&json!([]))), "an empty list");
    assert_eq!(
        name(&Type::union([Type::text("a"), Type::text("b"), Type::BOOL])),
        r#""a" or "b" or a boolean"#
    );
    assert_eq!(name(&Type::Number(Number::exactly(3.0))), "3");
    assert_eq!(name(&Type::NEVER), "nothing");
}

#[test]
fn one_of_several_objects_is_told_by_a_field() {
    let of = |kind: &str, more: &str| Type::of_value(&json!({"kind": kind, more: 1}));
    let either = of("card", "number").join(of("cash", "coins"));
    assert_eq!(either.alternatives().len(), 2);
    let card = either.meet(
        &Type::of_schema(&json!({"required": ["kind"], "properties": {"kind": {"const": "card"}}})).unwrap(),
    );
    assert!(
        matches!(&card, Type::Object(object) if object.field("number").is_some_and(|(_, sure)| sure)),
        "{card:?}"
    );
}
