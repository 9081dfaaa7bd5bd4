//! The JSON Schemas of route files and of files of tests say what the reader does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use serde_json::Value;
use signalbox_routing::{RouteSet, Suite, route_file_schema, test_file_schema};

const EVERYTHING: &str = include_str!("everything.yaml");

fn json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::draft202012::meta::validate(schema).unwrap();
    jsonschema::validator_for(schema).unwrap()
}

fn loads(yaml: &str) -> bool {
    RouteSet::load([("f.yaml".to_owned(), yaml.to_owned())]).is_ok()
}

/// As tests of a folder that has nothing else.
fn loads_as_tests(yaml: &str) -> bool {
    let routes = ("f.yaml".to_owned(), "version: 1".to_owned());
    Suite::load([routes, ("f.test.yaml".to_owned(), yaml.to_owned())]).is_ok()
}

/// What is in the file that has everything, as a file of tests alone.
fn tests_alone() -> Value {
    let mut whole = json(EVERYTHING);
    whole.as_object_mut().unwrap().retain(|name, _| ["version", "tests"].contains(&name.as_str()));
    whole
}

#[test]
fn what_is_shipped_is_valid() {
    let validator = validator(&route_file_schema());
    for yaml in
        [EVERYTHING, include_str!("../../../routes/lab.yaml"), include_str!("../../../routes/github.yaml")]
    {
        RouteSet::load([("f.yaml".to_owned(), yaml.to_owned())]).unwrap();
        validator.validate(&json(yaml)).unwrap();
    }
}

#[test]
fn what_the_schema_refuses_is_refused() {
    let (changed, refused) = spoil(&json(EVERYTHING), &route_file_schema(), loads);
    assert!(changed > 300 && refused > 200, "{changed} changes, {refused} refused");
}

#[test]
fn so_it_is_with_tests_in_a_file_of_their_own() {
    let tests = tests_alone();
    assert!(loads_as_tests(&tests.to_string()));
    validator(&test_file_schema()).validate(&tests).unwrap();
    assert!(!validator(&test_file_schema()).is_valid(&json(EVERYTHING)), "routes are elsewhere");
    let (changed, refused) = spoil(&tests, &test_file_schema(), loads_as_tests);
    assert!(changed > 100 && refused > 60, "{changed} changes, {refused} refused");
}

/// Takes each field away, gives each an unknown neighbour, and each value a wrong type: what the schema refuses is refused
/// by the reader too. Tells how much was changed, and how much of that refused.
fn spoil(whole: &Value, schema: &Value, loads: fn(&str) -> bool) -> (usize, usize) {
    let validator = validator(schema);
    let (mut changed, mut refused) = (0, 0);
    for pointer in pointers(whole, String::new()) {
        for change in [Change::Remove, Change::Rename, Change::Number, Change::Text, Change::List] {
            let mut spoiled = whole.clone();
            if !change.apply(&mut spoiled, &pointer) {
                continue;
            }
            changed += 1;
            if !validator.is_valid(&spoiled) {
                refused += 1;
                assert!(!loads(&spoiled.to_string()), "{pointer} {change:?}");
            }
        }
    }
    (changed, refused)
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Remove,
    Rename,
    Number,
    Text,
    List,
}

impl Change {
    fn apply(self, whole: &mut Value, pointer: &str) -> bool {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let Some(Value::Object(parent)) = whole.pointer_mut(parent) else { return false };
        let Some(value) = parent.get_mut(name) else { return false };
        match self {
            Self::Number => *value = (-7.5).into(),
            Self::Text => *value = "some ~ text".into(),
            Self::List => *value = Value::Array(vec![Value::Null]),
            Self::Remove => drop(parent.remove(name)),
            Self::Rename => {
                let value = parent.remove(name).unwrap();
                parent.insert(format!("{name}x"), value);
            }
        }
        true
    }
}

/// Of every entry of every map, but for those of schemas and values.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let free = ["schema", "args", "memo", "search_attributes", "data", "extensions"];
    let mut found = Vec::new();
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let here = format!("{at}/{name}");
                if !free.contains(&name.as_str()) {
                    found.extend(pointers(value, here.clone()));
                }
                found.push(here);
            }
        }
        Value::Array(items) => {
            found.extend(items.iter().enumerate().flat_map(|(n, item)| pointers(item, format!("{at}/{n}"))));
        }
        _ => {}
    }
    found
}
