//! The promise: what the strict check accepts has a value, of the type that was found, for every event that satisfies the
//! schema. Schemas, events and expressions are made from a number.

use jsonschema::{PatternOptions, Validator};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use signalbox_domain::{Event, RawMessage, read_event};

use super::{
    expression::Parsed,
    fault::Flaw,
    known::{Known, Subjects},
    scope::Scope,
    types::Type,
};

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'p, T: ?Sized>(&mut self, from: &[&'p T]) -> &'p T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

const NAMES: [&str; 6] = ["a", "b", "c", "kind", "n", "deep"];
const TEXTS: [&str; 8] = ["", "x", "paid", "refused", " pad ", "größe", "7", "1h"];

pub(crate) fn schema(dice: &mut Dice, depth: u32) -> Value {
    let deepest = if depth == 0 { 7 } else { 13 };
    match dice.below(deepest) {
        0 => {
            let mut of = json!({"type": "integer"});
            bounds(dice, &mut of);
            of
        }
        1 => {
            let mut of = json!({"type": "number"});
            bounds(dice, &mut of);
            of
        }
        2 => text_schema(dice),
        3 => json!({"type": "boolean"}),
        4 => json!({"type": ["null", dice.pick(&["string", "integer", "boolean"])]}),
        5 => json!({"enum": (0..=dice.below(3)).map(|_| constant(dice)).collect::<Vec<_>>()}),
        6 => json!({"const": constant(dice)}),
        7 | 8 => {
            let mut of = json!({"type": "array", "items": schema(dice, depth - 1)});
            let least = dice.below(3);
            if dice.chance(50) {
                of["minItems"] = least.into();
            }
            if dice.chance(50) {
                of["maxItems"] = (least + dice.below(4)).into();
            }
            of
        }
        9 if dice.chance(30) => json!({"anyOf": [schema(dice, depth - 1), schema(dice, depth - 1)]}),
        9 if dice.chance(30) => {
            json!({"allOf": [object_schema(dice, depth), object_schema(dice, depth - 1)]})
        }
        10 if dice.chance(30) => json!({}),
        _ => object_schema(dice, depth),
    }
}

pub(crate) fn object_schema(dice: &mut Dice, depth: u32) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..=dice.below(4) {
        let name = dice.pick(&NAMES);
        properties.insert(name.into(), schema(dice, depth.saturating_sub(1)));
        if dice.chance(70) {
            required.push(Value::from(name));
        }
    }
    required.sort_by_key(ToString::to_string);
    required.dedup();
    let mut of = json!({"type": "object", "properties": properties, "required": required});
    match dice.below(4) {
        0 => of["additionalProperties"] = false.into(),
        1 => of["additionalProperties"] = schema(dice, 0),
        _ => {}
    }
    of
}

fn text_schema(dice: &mut Dice) -> Value {
    let mut of = json!({"type": "string"});
    let least = dice.below(3);
    if dice.chance(40) {
        of["minLength"] = least.into();
    }
    if dice.chance(40) {
        of["maxLength"] = (least + dice.below(40)).into();
    }
    if dice.chance(20) {
        of["pattern"] = dice.pick(&["^[a-z0-9-]+$", "^[a-z]{2,5}$", "x", "^.*$"]).into();
    }
    of
}

fn bounds(dice: &mut Dice, of: &mut Value) {
    let least = i64::try_from(dice.below(5)).unwrap() - 2;
    if dice.chance(40) {
        of[dice.pick(&["minimum", "exclusiveMinimum"])] = least.into();
    }
    if dice.chance(40) {
        let most = least + i64::try_from(dice.below(9)).unwrap();
        of[dice.pick(&["maximum", "exclusiveMaximum"])] = json!(most as f64 + 0.5);
    }
}

fn constant(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => json!(null),
        1 => json!(dice.chance(50)),
        2 => json!(dice.below(4)),
        3 => json!(1.5),
        _ => json!(dice.pick(&TEXTS)),
    }
}

/// A value that probably satisfies the schema.
pub(crate) fn value(dice: &mut Dice, schema: &Value, depth: u32) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[usize::try_from(dice.below(values.len() as u64)).unwrap()].clone();
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let of = &any[usize::try_from(dice.below(any.len() as u64)).unwrap()];
        return value(dice, of, depth);
    }
    if let Some(all) = schema["allOf"].as_array() {
        let mut both = Map::new();
        for of in all {
            both.extend(value(dice, of, depth).as_object().cloned().unwrap_or_default());
        }
        return both.into();
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            kinds[usize::try_from(dice.below(kinds.len() as u64)).unwrap()].as_str().unwrap().to_owned()
        }
        _ => return anything(dice, depth),
    };
    match kind.as_str() {
        "null" => Value::Null,
        "boolean" => dice.chance(50).into(),
        "integer" => number(dice, schema, true),
        "number" => number(dice, schema, false),
        "string" => text(dice, schema).into(),
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let most = schema["maxItems"].as_u64().unwrap_or(least + 3);
            let count = least + dice.below(most - least + 1);
            (0..count).map(|_| value(dice, &schema["items"], depth.saturating_sub(1))).collect()
        }
        _ => {
            let mut object = Map::new();
            let required = schema["required"].as_array().unwrap();
            for (name, of) in schema["properties"].as_object().unwrap() {
                if required.contains(&name.as_str().into()) || dice.chance(50) {
                    object.insert(name.clone(), value(dice, of, depth.saturating_sub(1)));
                }
            }
            if schema["additionalProperties"] != json!(false) && dice.chance(50) {
                let name = dice.pick(&["more", "a", "n", "größe"]);
                let of = &schema["additionalProperties"];
                if !object.contains_key(name) {
                    object.insert(name.into(), value(dice, of, depth.saturating_sub(1)));
                }
            }
            object.into()
        }
    }
}

fn anything(dice: &mut Dice, depth: u32) -> Value {
    if depth > 0 && dice.chance(40) {
        let of = schema(dice, depth.min(2));
        return value(dice, &of, depth - 1);
    }
    constant(dice)
}

fn number(dice: &mut Dice, schema: &Value, whole: bool) -> Value {
    let bound = |names: [&str; 2]| names.iter().find_map(|name| schema[*name].as_f64());
    let least = bound(["minimum", "exclusiveMinimum"]);
    let most = bound(["maximum", "exclusiveMaximum"]);
    if least.is_none() && most.is_none() && dice.chance(30) {
        return match dice.below(5) {
            0 => json!(i64::MIN),
            1 => json!(u64::MAX),
            2 => json!(9_007_199_254_740_993_i64),
            3 if !whole => json!(1e308),
            4 if !whole => json!(-1e-308),
            _ => json!(1e18),
        };
    }
    let least = least.unwrap_or_else(|| most.unwrap_or(3.0) - 5.0);
    let most = most.unwrap_or(least + 5.0);
    let share = dice.below(101) as f64 / 100.0;
    let value = least + (most - least) * share;
    match whole || dice.chance(30) {
        true if dice.chance(80) => json!(value.ceil() as i64),
        true => json!(value.floor()),
        false => json!(value),
    }
}

fn text(dice: &mut Dice, schema: &Value) -> String {
    match schema["pattern"].as_str() {
        Some("^[a-z]{2,5}$") => return dice.pick(&["ab", "abcde"]).to_owned(),
        Some("^[a-z0-9-]+$") => return dice.pick(&["a", "a-7", "0123456789-0123456789"]).to_owned(),
        Some("x") => return dice.pick(&["x", "axb", "xx\n"]).to_owned(),
        _ => {}
    }
    let least = schema["minLength"].as_u64().unwrap_or(0);
    let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    let known = dice.pick(&TEXTS);
    let length = known.chars().count() as u64;
    if (least..=most).contains(&length) && dice.chance(70) {
        return known.to_owned();
    }
    let count = least + dice.below(most.min(least + 6) - least + 1);
    (0..count).map(|_| *dice.pick(&[&'a', &'ß', &' ', &'*', &'.', &'\u{7}', &'9'])).collect()
}

/// Expressions over a schema: of no certain type, but often of the one that is wanted.
pub(crate) struct Grammar<'s> {
    /// Paths of the event, and the schemas of what is there.
    paths: Vec<(String, &'s Value)>,
    variables: Vec<(String, Option<&'s Value>)>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Bool,
    Number,
    Text,
    List,
    Any,
}

impl<'s> Grammar<'s> {
    pub(crate) fn of(schema: &'s Value) -> Self {
        let mut paths = Vec::new();
        walk("event.data", schema, &mut paths);
        Self { paths, variables: Vec::new() }
    }

    fn fits(of: &Value, kind: Kind) -> bool {
        let is = |name: &str| of["type"].as_str() == Some(name);
        match kind {
            Kind::Bool => is("boolean"),
            Kind::Number => is("integer") || is("number"),
            Kind::Text => is("string") || of["enum"][0].is_string() || of["const"].is_string(),
            Kind::List => is("array"),
            Kind::Any => true,
        }
    }

    fn path(&self, dice: &mut Dice, kind: Kind) -> Option<String> {
        let fitting: Vec<&str> = self
            .paths
            .iter()
            .filter(|(_, of)| Self::fits(of, kind))
            .map(|(path, _)| path.as_str())
            .chain(
                self.variables
                    .iter()
                    .filter(|(_, of)| of.is_some_and(|of| Self::fits(of, kind)))
                    .map(|(v, _)| v.as_str()),
            )
            .collect();
        if fitting.is_empty() { None } else { Some(dice.pick(&fitting).to_owned()) }
    }

    pub(crate) fn of_kind(&mut self, dice: &mut Dice, kind: Kind, depth: u32) -> String {
        if dice.chance(3) {
            return self.of_kind(dice, Kind::Any, depth);
        }
        if depth == 0 || dice.chance(25) {
            if let Some(path) = self.path(dice, kind).filter(|_| dice.chance(80)) {
                return path;
            }
            return self.simple(dice, kind);
        }
        let d = depth - 1;
        if dice.chance(10) {
            let (condition, yes, no) =
                (self.of_kind(dice, Kind::Bool, d), self.of_kind(dice, kind, d), self.of_kind(dice, kind, d));
            return format!("({condition} ? {yes} : {no})");
        }
        if dice.chance(12) {
            return self.optional(dice, kind, d);
        }
        match kind {
            Kind::Bool => self.condition(dice, d),
            Kind::Number => match dice.below(10) {
                0 => format!("size({})", {
                    let k = *dice.pick(&[&Kind::List, &Kind::Text]);
                    self.of_kind(dice, k, d)
                }),
                1 => format!("-({})", self.of_kind(dice, kind, d)),
                2 => format!("{}.sum()", self.of_kind(dice, Kind::List, d)),
                3 => format!("int({})", self.of_kind(dice, kind, d)),
                4 => format!("tryInt({}).orValue(3)", self.of_kind(dice, Kind::Text, d)),
                5 => format!("{}.max().orValue(1)", self.of_kind(dice, Kind::List, d)),
                _ => {
                    let sign = dice.pick(&["+", "-", "*", "/", "%"]);
                    format!("({} {sign} {})", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d))
                }
            },
            Kind::Text => match dice.below(12) {
                0 => format!("string({})", self.of_kind(dice, Kind::Any, d)),
                1 => format!("id({})", self.of_kind(dice, kind, d)),
                2 => format!("token({})", self.of_kind(dice, kind, d)),
                3 => format!(
                    "{}.{}()",
                    self.of_kind(dice, kind, d),
                    dice.pick(&["lowerAscii", "upperAscii", "trim"])
                ),
                4 => format!(
                    "{}.substring({})",
                    self.of_kind(dice, kind, d),
                    self.of_kind(dice, Kind::Number, d)
                ),
                5 => format!("{}.join('-')", self.of_kind(dice, Kind::List, d)),
                6 => format!("json.text({})", self.of_kind(dice, Kind::Any, d)),
                7 => format!("{}.replace({}, 'y')", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d)),
                8 => format!("({}).padLeft({}, '0')", self.of_kind(dice, Kind::Number, d), dice.below(9)),
                _ => format!("({} + {})", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d)),
            },
            Kind::List => match dice.below(10) {
                0 => format!(
                    "{}.{}()",
                    self.of_kind(dice, kind, d),
                    dice.pick(&["sort", "distinct", "reverse", "flatten"])
                ),
                1 => format!("{}.slice(1, {})", self.of_kind(dice, kind, d), dice.below(4)),
                2 => format!("({} + {})", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d)),
                3 => format!("{}.split('a')", self.of_kind(dice, Kind::Text, d)),
                4 => format!("{}.keys()", self.of_kind(dice, Kind::Any, d)),
                5 => self.macro_over(dice, "map", Kind::Any, d),
                6 => self.macro_over(dice, "filter", Kind::Bool, d),
                _ => {
                    let item = *dice.pick(&[&Kind::Number, &Kind::Text, &Kind::Any]);
                    let items: Vec<_> = (0..dice.below(3)).map(|_| self.of_kind(dice, item, d)).collect();
                    format!("[{}]", items.join(", "))
                }
            },
            Kind::Any => match dice.below(9) {
                0 => format!(
                    "{{'a': {}, 'n': {}}}",
                    self.of_kind(dice, Kind::Any, d),
                    self.of_kind(dice, Kind::Number, d)
                ),
                1 => format!("{}[{}]", self.of_kind(dice, Kind::List, d), dice.below(3)),
                2 => format!("{}.{}", self.of_kind(dice, Kind::Any, d), dice.pick(&NAMES)),
                3 => format!("{}.?{}", self.of_kind(dice, Kind::Any, d), dice.pick(&NAMES)),
                4 => format!("{}[?{}]", self.of_kind(dice, Kind::List, d), dice.below(3)),
                5 => format!(
                    "{}.first().optMap(v, {})",
                    self.of_kind(dice, Kind::List, d),
                    self.simple(dice, Kind::Any)
                ),
                _ => {
                    let kind = *dice.pick(&[&Kind::Bool, &Kind::Number, &Kind::Text, &Kind::List]);
                    self.of_kind(dice, kind, d)
                }
            },
        }
    }

    fn condition(&mut self, dice: &mut Dice, d: u32) -> String {
        match dice.below(14) {
            0 | 1 => {
                format!("({} && {})", self.of_kind(dice, Kind::Bool, d), self.of_kind(dice, Kind::Bool, d))
            }
            2 => format!("({} || {})", self.of_kind(dice, Kind::Bool, d), self.of_kind(dice, Kind::Bool, d)),
            3 => format!("!({})", self.of_kind(dice, Kind::Bool, d)),
            4 | 5 => {
                let path = self.path(dice, Kind::Any).unwrap_or_default();
                format!("has({path}.{})", dice.pick(&NAMES))
            }
            6 => format!("{} != null", self.path(dice, Kind::Any).unwrap_or_default()),
            7 => {
                let sign = dice.pick(&["<", "<=", ">", ">="]);
                let kind = *dice.pick(&[&Kind::Number, &Kind::Number, &Kind::Text]);
                format!("{} {sign} {}", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d))
            }
            8 => {
                let sign = dice.pick(&["==", "!="]);
                let kind = *dice.pick(&[&Kind::Number, &Kind::Text, &Kind::Any, &Kind::List]);
                format!("{} {sign} {}", self.of_kind(dice, kind, d), self.of_kind(dice, kind, d))
            }
            9 => format!("{} in {}", self.of_kind(dice, Kind::Any, d), self.of_kind(dice, Kind::List, d)),
            10 => format!("{}.matches('^[a-z]+$')", self.of_kind(dice, Kind::Text, d)),
            11 => format!("size({}) > {}", self.of_kind(dice, Kind::List, d), dice.below(3)),
            12 => format!(
                "{}.?{}.hasValue()",
                self.path(dice, Kind::Any).unwrap_or_default(),
                dice.pick(&NAMES)
            ),
            _ => {
                let name = dice.pick(&["all", "exists", "exists_one"]);
                self.macro_over(dice, name, Kind::Bool, d)
            }
        }
    }

    fn macro_over(&mut self, dice: &mut Dice, name: &str, kind: Kind, d: u32) -> String {
        let lists: Vec<_> = self.paths.iter().filter(|(_, of)| Self::fits(of, Kind::List)).cloned().collect();
        let (range, item) = match lists.get(usize::try_from(dice.below(lists.len() as u64 + 1)).unwrap()) {
            Some((path, of)) => (path.clone(), of.get("items")),
            None => (self.of_kind(dice, Kind::List, d), None),
        };
        let variable = format!("v{}", self.variables.len());
        self.variables.push((variable.clone(), item));
        let body = self.of_kind(dice, kind, d);
        self.variables.pop();
        format!("{range}.{name}({variable}, {body})")
    }

    fn optional(&mut self, dice: &mut Dice, kind: Kind, d: u32) -> String {
        let path = self.path(dice, Kind::Any).unwrap_or_default();
        let name = dice.pick(&NAMES);
        let other = self.of_kind(dice, kind, d);
        match dice.below(3) {
            0 => format!("{path}.?{name}.orValue({other})"),
            1 => format!("default({path}.?{name}, {other})"),
            _ => format!("(has({path}.{name}) ? {path}.{name} : {other})"),
        }
    }

    fn simple(&self, dice: &mut Dice, kind: Kind) -> String {
        match kind {
            Kind::Bool => dice.pick(&["true", "false"]).to_owned(),
            Kind::Number => dice
                .pick(&["0", "1", "-1", "2.5", "7u", "9223372036854775807", "size(event.tokens)"])
                .to_owned(),
            Kind::Text => match dice.below(4) {
                0 => dice.pick(&["event.id", "event.type", "event.subject", "event.tokens[1]"]).to_owned(),
                _ => format!("'{}'", dice.pick(&TEXTS)),
            },
            Kind::List => dice.pick(&["[]", "event.tokens", "[1, 2]", "['a']"]).to_owned(),
            Kind::Any => dice
                .pick(&["null", "event.time", "event", "event.extensions", "duration('1s')", "b'x'"])
                .to_owned(),
        }
    }
}

fn walk<'s>(path: &str, of: &'s Value, paths: &mut Vec<(String, &'s Value)>) {
    paths.push((path.to_owned(), of));
    for (name, below) in of["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), below, paths);
    }
    for part in of["allOf"].as_array().into_iter().flatten() {
        walk(path, part, paths);
    }
}

pub(crate) fn event(data: &Value) -> Event {
    read_event(&RawMessage {
        subject: "events.shop.order.paid",
        headers: vec![],
        body: data.to_string().into(),
        stream_sequence: 7,
        stored_at: chrono::DateTime::UNIX_EPOCH,
    })
    .unwrap()
}

pub(crate) fn validator(schema: &Value) -> Validator {
    jsonschema::options().with_pattern_options(PatternOptions::regex()).build(schema).unwrap()
}

/// What was tried, and what of it was accepted.
#[derive(Default, Debug)]
struct Tally {
    tried: usize,
    accepted: usize,
}

fn keep_the_promise(seed: u64, tally: &mut Tally) {
    let dice = &mut Dice::new(seed);
    let schema = object_schema(dice, 3);
    let validator = validator(&schema);
    let values: Vec<_> =
        (0..12).map(|_| value(dice, &schema, 3)).filter(|value| validator.is_valid(value)).collect();
    let events: Vec<_> = values.iter().map(event).collect();
    let of = Type::of_schema(&schema).unwrap();
    for value in &values {
        assert!(of.admits(value), "seed {seed}: {value} is no {of:?}: {schema}");
    }
    let known = Known::of(of, &Subjects::of("events.shop.*.*"), true);
    let mut grammar = Grammar::of(&schema);
    for _ in 0..8 {
        let kind =
            *dice.pick(&[&Kind::Bool, &Kind::Bool, &Kind::Number, &Kind::Text, &Kind::List, &Kind::Any]);
        let guard = grammar.of_kind(dice, kind, 3);
        let Some((runs, after)) = promised(seed, &schema, &known, &guard, &values, &events, tally) else {
            continue;
        };
        // What the guard has established holds for what comes after it.
        if kind == Kind::Bool && after.is_possible() {
            let passed: Vec<_> = runs.iter().map(|value| *value == json!(true)).collect();
            let keep = |at: &usize| passed[*at];
            let values: Vec<_> = (0..values.len()).filter(keep).map(|at| values[at].clone()).collect();
            let events: Vec<_> = (0..events.len()).filter(keep).map(|at| events[at].clone()).collect();
            for _ in 0..3 {
                let then = grammar.of_kind(dice, Kind::Any, 2);
                let schema = json!({"guard": guard, "schema": schema});
                promised(seed, &schema, &after, &then, &values, &events, tally);
            }
        }
    }
}

fn promised(
    seed: u64,
    schema: &Value,
    known: &Known,
    text: &str,
    values: &[Value],
    events: &[Event],
    tally: &mut Tally,
) -> Option<(Vec<Value>, Known)> {
    tally.tried += 1;
    let parsed = Parsed::of(text).ok()?;
    let found = parsed.check(known);
    if found.faults.iter().any(|fault| fault.kind != Flaw::NeverTrue) {
        return None;
    }
    tally.accepted += 1;
    let expression = parsed.expression();
    let mut made = Vec::new();
    for (data, event) in values.iter().zip(events) {
        let result = expression.evaluate(&Scope::new(event, event.time));
        let told = || format!("seed {seed}\n  expression {text}\n  data {data}\n  schema {schema}");
        let result = result.unwrap_or_else(|why| panic!("{why}\n  {}", told())).into_owned();
        assert!(found.kind.admits(&result), "{result} is no {:?}\n  {}", found.kind, told());
        if result == json!(true) {
            assert!(found.if_true.admits_data(data), "{:?}\n  {}", found.if_true, told());
        }
        made.push(result);
    }
    Some((made, found.if_true))
}

proptest! {
    #[test]
    fn what_is_accepted_has_a_value_of_its_type(seed in any::<u64>()) {
        keep_the_promise(seed, &mut Tally::default());
    }
}

#[test]
fn much_is_accepted() {
    let mut tally = Tally::default();
    (0..200).for_each(|seed| keep_the_promise(seed, &mut tally));
    assert!(tally.accepted * 10 > tally.tried * 3, "{tally:?}");
}
