//! Schemas learned from samples: what many values of JSON have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value, json};

/// An object with more fields than this that may be missing is a map, whose keys are data.
const MOST_FIELDS: usize = 100;
/// Below this depth nothing is learned.
const DEEPEST: usize = 16;
/// A text that had only so many values, each often, is one of them.
const MOST_WORDS: usize = 8;
/// How often a word comes on average before it counts as one.
const OFTEN: u64 = 5;
/// A longer text is no word.
const LONGEST_WORD: usize = 32;

/// What was learned from values of JSON. Its memory is bounded by the shape of the values, not by their number.
#[derive(Debug, Default)]
pub struct Samples {
    seen: u64,
    null: bool,
    boolean: bool,
    integer: bool,
    number: bool,
    text: Option<Texts>,
    list: Option<Box<Samples>>,
    object: Option<Fields>,
}

#[derive(Debug)]
struct Texts {
    seen: u64,
    shortest: usize,
    /// Without it, there are too many, or they are too long.
    words: Option<BTreeSet<Box<str>>>,
}

#[derive(Debug)]
enum Fields {
    Named {
        seen: u64,
        fields: BTreeMap<Box<str>, Samples>,
    },
    /// What the values of a map have in common.
    Map(Box<Samples>),
}

impl Samples {
    /// Learns from one value.
    pub fn add(&mut self, value: &Value) {
        self.add_at(value, 0);
    }

    /// How many values it was learned from.
    pub fn count(&self) -> u64 {
        self.seen
    }

    fn add_at(&mut self, value: &Value, depth: usize) {
        self.seen += 1;
        match value {
            Value::Null => self.null = true,
            Value::Bool(_) => self.boolean = true,
            Value::Number(number) if is_whole(number) => self.integer = true,
            Value::Number(_) => self.number = true,
            Value::String(text) => self.text.get_or_insert_default().add(text),
            Value::Array(items) => {
                let list = self.list.get_or_insert_default();
                if depth < DEEPEST {
                    items.iter().for_each(|item| list.add_at(item, depth + 1));
                }
            }
            Value::Object(fields) => self.object.get_or_insert_default().add(fields, depth),
        }
    }

    fn merge(&mut self, other: Self) {
        self.seen += other.seen;
        self.null |= other.null;
        self.boolean |= other.boolean;
        self.integer |= other.integer;
        self.number |= other.number;
        merge(&mut self.text, other.text, Texts::merge);
        merge(&mut self.list, other.list, |one, other| one.merge(*other));
        merge(&mut self.object, other.object, Fields::merge);
    }

    /// The schema (JSON Schema 2020-12) that all values satisfy; of none, the schema of any value. What is known from
    /// a few values alone, such as the words of a text, is left out.
    pub fn schema(&self) -> Value {
        let (mut types, mut about) = (Vec::new(), Map::new());
        let mut note = |name: &'static str| types.push(name);
        if self.null {
            note("null");
        }
        if self.boolean {
            note("boolean");
        }
        match (self.number, self.integer) {
            (true, _) => note("number"),
            (false, true) => note("integer"),
            (false, false) => {}
        }
        if let Some(text) = &self.text {
            note("string");
            // An `enum` speaks of all types at once.
            about.append(&mut text.schema(self.seen));
        }
        if let Some(list) = &self.list {
            note("array");
            if list.seen > 0 {
                about.insert("items".to_owned(), list.schema());
            }
        }
        if let Some(object) = &self.object {
            note("object");
            about.append(&mut object.schema());
        }
        let mut schema = Map::new();
        match types.as_slice() {
            [] => {}
            _ if about.contains_key("enum") => {}
            [one] => drop(schema.insert("type".to_owned(), (*one).into())),
            several => drop(schema.insert("type".to_owned(), several.into())),
        }
        schema.append(&mut about);
        schema.into()
    }
}

fn merge<T>(one: &mut Option<T>, other: Option<T>, both: impl FnOnce(&mut T, T)) {
    match (one.as_mut(), other) {
        (Some(one), Some(other)) => both(one, other),
        (None, Some(other)) => *one = Some(other),
        (_, None) => {}
    }
}

/// JSON Schema Core 2020-12, section 6.3: 1.0 is an integer, too.
fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

impl Default for Texts {
    fn default() -> Self {
        Self { seen: 0, shortest: usize::MAX, words: Some(BTreeSet::new()) }
    }
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.seen += 1;
        self.shortest = self.shortest.min(text.chars().count());
        let Some(words) = &mut self.words else { return };
        if !words.contains(text) {
            words.insert(text.into());
        }
        if words.len() > MOST_WORDS || text.len() > LONGEST_WORD {
            self.words = None;
        }
    }

    fn merge(&mut self, other: Self) {
        self.seen += other.seen;
        self.shortest = self.shortest.min(other.shortest);
        let both = self
            .words
            .take()
            .zip(other.words)
            .map(|(words, others)| words.into_iter().chain(others).collect());
        self.words = both.filter(|words: &BTreeSet<_>| words.len() <= MOST_WORDS);
    }

    fn schema(&self, all: u64) -> Map<String, Value> {
        let often = |words: &&BTreeSet<_>| self.seen == all && self.seen >= OFTEN * words.len() as u64;
        let (name, value) = match self.words.as_ref().filter(often) {
            Some(words) if words.len() > 1 => ("enum", json!(words)),
            _ if self.shortest > 0 => ("minLength", 1.into()),
            _ => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::Named { seen: 0, fields: BTreeMap::new() }
    }
}

impl Fields {
    fn add(&mut self, object: &Map<String, Value>, depth: usize) {
        if depth == DEEPEST {
            *self = Self::Map(Box::default());
            return;
        }
        match self {
            Self::Map(values) => object.values().for_each(|value| values.add_at(value, depth + 1)),
            Self::Named { seen, fields } => {
                *seen += 1;
                for (name, value) in object {
                    match fields.get_mut(name.as_str()) {
                        Some(samples) => samples.add_at(value, depth + 1),
                        None => fields.entry(name.as_str().into()).or_default().add_at(value, depth + 1),
                    }
                }
                self.settle();
            }
        }
    }

    /// Becomes a map if it has too many fields that may be missing.
    fn settle(&mut self) {
        let Self::Named { seen, fields } = self else { return };
        if fields.values().filter(|samples| samples.seen < *seen).count() > MOST_FIELDS {
            *self = Self::Map(values(std::mem::take(fields)));
        }
    }

    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Named { seen, fields }, Self::Named { seen: others, fields: other }) => {
                *seen += others;
                for (name, samples) in other {
                    fields.entry(name).or_default().merge(samples);
                }
                self.settle();
            }
            (Self::Named { fields, .. }, Self::Map(mut all)) => {
                all.merge(*values(std::mem::take(fields)));
                *self = Self::Map(all);
            }
            (Self::Map(all), Self::Named { fields, .. }) => all.merge(*values(fields)),
            (Self::Map(all), Self::Map(other)) => all.merge(*other),
        }
    }

    fn schema(&self) -> Map<String, Value> {
        let (seen, fields) = match self {
            Self::Map(values) => {
                return Map::from_iter([("additionalProperties".to_owned(), values.schema())]);
            }
            Self::Named { seen, fields } => (seen, fields),
        };
        let always = fields.iter().filter(|(_, samples)| samples.seen == *seen);
        let required: Vec<_> = always.map(|(name, _)| name).collect();
        let properties: Map<_, _> =
            fields.iter().map(|(name, samples)| (name.to_string(), samples.schema())).collect();
        let mut schema = Map::new();
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !properties.is_empty() {
            schema.insert("properties".to_owned(), properties.into());
        }
        schema
    }
}

/// What the values of all fields have in common.
fn values(fields: BTreeMap<Box<str>, Samples>) -> Box<Samples> {
    let mut all = Box::<Samples>::default();
    fields.into_values().for_each(|samples| all.merge(samples));
    all
}

#[cfg(test)]
#[path = "learn_tests.rs"]
mod tests;
