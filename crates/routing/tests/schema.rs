//! The JSON Schema of a route file says what the reader does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use serde_json::Value;
use signalbox_routing::{RouteSet, file_schema};

const EVERYTHING: &str = include_str!("everything.yaml");

fn json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::meta::validate(&file_schema()).unwrap();
    jsonschema::validator_for(&file_schema()).unwrap()
}

fn loads(yaml: &str) -> bool {
    RouteSet::load([("f.yaml".to_owned(), yaml.to_owned())]).is_ok()
}

#[test]
fn what_is_shipped_is_valid() {
    let validator = validator();
    for yaml in
        [EVERYTHING, include_str!("../../../routes/lab.yaml"), include_str!("../../../routes/github.yaml")]
    {
        RouteSet::load([("f.yaml".to_owned(), yaml.to_owned())]).unwrap();
        validator.validate(&json(yaml)).unwrap();
    }
}

/// Takes each field away, gives each an unknown neighbour, and each value a wrong type: what the schema refuses is refused
/// by the reader too.
#[test]
fn what_the_schema_refuses_is_refused() {
    let validator = validator();
    let whole = json(EVERYTHING);
    let (mut changed, mut refused) = (0, 0);
    for pointer in pointers(&whole, String::new()) {
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
    assert!(changed > 300 && refused > 200, "{changed} changes, {refused} refused");
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
