//! The promise for whole route files: what lint accepts never fails on an event that satisfies its declared schema.

use chrono::DateTime;
use proptest::prelude::{any as arbitrary, proptest};
use serde_json::{Value, json};

use super::*;
use crate::cel::promise_tests::{Dice, Grammar, Kind, event, object_schema, validator, value};

/// A text with an expression in it, often made fit.
fn text(dice: &mut Dice, grammar: &mut Grammar<'_>, fit: &str) -> Value {
    let kind = *dice.pick(&[&Kind::Text, &Kind::Text, &Kind::Number, &Kind::Any]);
    let inner = grammar.of_kind(dice, kind, 1);
    let inner = if dice.chance(60) { format!("{fit}({inner})") } else { inner };
    match dice.below(4) {
        0 => format!("${{ {inner} }}"),
        1 => format!("order ${{ {inner} }}"),
        2 => format!("${{ {inner} }}-${{ event.tokens[2] }} "),
        _ => format!("order-${{ {inner} }}"),
    }
    .into()
}

fn any(dice: &mut Dice, grammar: &mut Grammar<'_>) -> Value {
    format!("${{ {} }}", grammar.of_kind(dice, Kind::Any, 2)).into()
}

fn name(dice: &mut Dice, grammar: &mut Grammar<'_>) -> Value {
    if dice.chance(70) { "a-name".into() } else { text(dice, grammar, "id") }
}

fn span(dice: &mut Dice, grammar: &mut Grammar<'_>) -> Value {
    match dice.below(3) {
        0 => "5m".into(),
        1 => format!("${{ {} }}", grammar.of_kind(dice, Kind::Number, 1)).into(),
        _ => format!(
            "${{ duration('1s') + default({}, duration('1h')) }}",
            grammar.of_kind(dice, Kind::Any, 1)
        )
        .into(),
    }
}

fn action(dice: &mut Dice, grammar: &mut Grammar<'_>) -> Value {
    let id = text(dice, grammar, "id");
    match dice.below(8) {
        0 | 1 => json!({"start": {
            "workflow": name(dice, grammar), "workflow_id": id, "args": [any(dice, grammar)],
            "start_delay": span(dice, grammar), "memo": {"a": any(dice, grammar)},
            "priority": {"fairness_key": text(dice, grammar, "id")}, "singleton": true,
        }}),
        2 => json!({"signal": {
            "workflow_id": id, "name": name(dice, grammar), "args": [[any(dice, grammar)]], "singleton": true,
        }}),
        3 => json!({"signal_with_start": {
            "workflow": "W", "workflow_id": id, "task_queue": name(dice, grammar), "singleton": true,
            "signal": {"name": "s", "args": [text(dice, grammar, "string")]},
        }}),
        4 => {
            json!({"cancel": {"workflow_id": id, "reason": text(dice, grammar, "json.text"), "singleton": true}})
        }
        5 => json!({"signal_all": {
            "query": format!("A = ${{ {} }}", grammar.of_kind(dice, Kind::Text, 1)), "name": "n",
        }}),
        6 => json!({"schedule": {
            "schedule_id": id, "operation": "create", "cron": "0 9 * * *", "workflow": name(dice, grammar),
            "args": [any(dice, grammar)], "singleton": true,
        }}),
        _ => {
            let token = grammar.of_kind(dice, Kind::Text, 1);
            let token = if dice.chance(60) { format!("token({token})") } else { token };
            json!({"publish": {
                "subject": format!("events.copy.${{ {token} }}"), "type": text(dice, grammar, "string"),
                "source": text(dice, grammar, "id"), "data": {"a": any(dice, grammar)},
                "extensions": {"a": text(dice, grammar, "string"), "b": any(dice, grammar)},
            }})
        }
    }
}

/// Whether the file was accepted.
fn keep_the_promise(seed: u64) -> bool {
    let dice = &mut Dice::new(seed);
    let schema = object_schema(dice, 3);
    let mut grammar = Grammar::of(&schema);
    let mut route = json!({"name": "a", "on": "events.shop.>"});
    if dice.chance(50) {
        route["when"] = format!("${{ {} }}", grammar.of_kind(dice, Kind::Bool, 2)).into();
    }
    route["do"] = json!([action(dice, &mut grammar)]);
    let mut file = json!({
        "version": 1,
        "events": [{"on": "events.shop.order.*", "schema": schema}],
        "routes": [route],
    });
    if dice.chance(30) {
        file["defaults"] = json!({"task_queue": text(dice, &mut grammar, "id")});
    }
    let Ok(set) = RouteSet::load([("r.yaml".to_owned(), file.to_string())]) else { return false };
    let validator = validator(&schema);
    for _ in 0..10 {
        let data = value(dice, &schema, 3);
        if validator.is_valid(&data) {
            let plan = set.plan(&event(&data), DateTime::UNIX_EPOCH);
            assert_eq!(plan.mismatch, None, "seed {seed}: {data}\n{file}");
            assert_eq!(plan.errors, [], "seed {seed}: {data}\n{file}");
        }
    }
    true
}

proptest! {
    #[test]
    fn what_lint_accepts_never_fails(seed in arbitrary::<u64>()) {
        keep_the_promise(seed);
    }
}

#[test]
fn many_files_are_accepted() {
    let accepted = (0..400).filter(|seed| keep_the_promise(*seed)).count();
    assert!(accepted > 40, "{accepted} of 400");
}
