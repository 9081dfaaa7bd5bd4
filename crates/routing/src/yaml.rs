//! YAML with the place of every value.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value};
use serde_saphyr::{Location, Spanned};

use crate::fault::{Position, Span};

/// The largest route file that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// A YAML value and where it is.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The value as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => (*flag).into(),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => text.as_str().into(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.name.clone(), value.to_json()));
                Value::Object(entries.collect())
            }
        }
    }

    /// The value of an entry, if this is a map and has it.
    pub(crate) fn entry(&self, name: &str) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Where the name of an entry stands, if this is a map and has it.
    pub(crate) fn key(&self, name: &str) -> Option<Position> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.at)
    }

    /// The items, if this is a list.
    pub(crate) fn items(&self) -> &[Self] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// The text, if this is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }
}

impl Kind {
    /// For messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// The name of an entry of a map and where it is.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Position,
    pub(crate) name: String,
}

impl Key {
    /// Its place.
    pub(crate) fn span(&self) -> Span {
        Span { at: self.at, length: self.name.chars().count().max(1) }
    }
}

/// Where a value starts, for people and for finding it again in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) position: Position,
    byte: Option<usize>,
}

impl Place {
    fn new(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        Self {
            position: Position { line: number(location.line()), column: number(location.column()) },
            byte: location.span().byte_offset().and_then(|offset| usize::try_from(offset).ok()),
        }
    }

    /// Where that is in the text, in bytes.
    pub(crate) fn byte(self) -> Option<usize> {
        self.byte
    }

    /// The place of the byte `offset` of the scalar `value`, which is here in `source`. Folded and block scalars are
    /// followed line by line; of one with escapes there is only the start.
    pub(crate) fn inside(self, source: &str, value: &str, offset: usize) -> Position {
        let found = self.byte.and_then(|start| source.get(start..)).and_then(|rest| {
            let end = find(rest, value, offset)?;
            Some(self.position.after(rest.get(..end)?))
        });
        found.unwrap_or(self.position)
    }

    /// How many characters the scalar `value`, which is here in `source`, takes of its line.
    pub(crate) fn length(self, source: &str, value: &str) -> usize {
        let shown = self.byte.and_then(|start| source.get(start..)).and_then(|rest| {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            let inner = rest.get(quote.map_or(0, char::len_utf8)..)?;
            let line = value.lines().next().unwrap_or_default();
            inner.starts_with(line).then(|| line.chars().count() + if quote.is_some() { 2 } else { 0 })
        });
        shown.unwrap_or(1).max(1)
    }
}

/// The byte in `source`, which begins with the scalar `value`, that shows its byte `offset`: characters other than
/// white space are the same in both and in the same order, whatever the indentation.
fn find(source: &str, value: &str, offset: usize) -> Option<usize> {
    let mut at = match source.chars().next()? {
        '"' | '\'' => 1,
        '|' | '>' => source.find('\n')?,
        _ => 0,
    };
    let mut seen = 0;
    for character in value.chars() {
        if !character.is_whitespace() {
            at += source.get(at..)?.find(|c: char| !c.is_whitespace())?;
            source.get(at..)?.starts_with(character).then_some(())?;
        }
        if seen >= offset {
            return Some(at);
        }
        seen += character.len_utf8();
        if character.is_whitespace() {
            at += source.get(at..)?.chars().next().filter(|c| c.is_whitespace()).map_or(0, char::len_utf8);
        } else {
            at += character.len_utf8();
        }
    }
    Some(at)
}

/// Reads the one document of a file.
///
/// # Errors
/// The first thing that is not YAML, and its place.
pub(crate) fn parse(text: &str) -> Result<Node, (Position, String)> {
    if text.len() > LIMIT {
        return Err((
            Position::START,
            format!("the file has {} bytes; at most {LIMIT} are read", text.len()),
        ));
    }
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or(Position::START, |location| Place::new(location).position);
        (at, message(&error))
    })
}

/// The error without its place, which the fault says.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    format!("not the YAML of a route file: {}", text.trim())
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self { at: Place::new(spanned.referenced), kind: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { at: Place::new(spanned.referenced).position, name: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean, a list or a map")
    }

    fn visit_unit<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Kind, E> {
        Number::from_f64(value)
            .map(Kind::Number)
            .ok_or_else(|| E::custom(format!("{value} is not a JSON number")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Kind::Map(entries))
    }
}
