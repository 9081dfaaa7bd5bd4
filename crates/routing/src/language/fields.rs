//! The fields of the language. They are read by these tables, and the JSON Schema for editors is written from them.

use std::time::Duration;

use crate::yaml::Node;

/// A map of the language.
pub(crate) struct Section {
    /// What it is called in faults.
    pub(crate) what: &'static str,
    /// What it is, for editors.
    pub(crate) doc: &'static str,
    /// What may be in it.
    pub(crate) fields: &'static [Field],
}

/// An entry of a [`Section`].
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
    pub(crate) doc: &'static str,
}

/// What a field may hold.
pub(crate) enum Shape {
    /// A text that is the same for every event.
    Name,
    /// A text with expressions in it.
    Text,
    /// One expression that is a boolean.
    Guard,
    /// Any value, with expressions in it.
    Value,
    /// A list of such values.
    Values,
    /// A map of such values.
    ValueMap,
    /// A text that is the same for every event, or a map that says more.
    TextOr(&'static Section),
    /// A field of a calendar: a number, or a text in cron's language.
    CronField,
    /// One such value, or a list of them.
    OneOrMore(&'static Shape),
    /// Texts that are the same for every event.
    Names,
    /// A span of time, `1m30s`, or an expression that is one.
    Duration,
    /// A span of time that is the same for every event, and no longer than this.
    Span(Duration),
    /// A span of time of up to a day, or a map that says more.
    SpanOr(&'static Section),
    Boolean,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// A number above 0.
    Positive,
    OneOf(&'static [&'static str]),
    /// One of the words, or a map.
    WordOr(&'static [&'static str], &'static Section),
    /// One subject filter, or a list of them.
    Filters,
    /// A JSON Schema, or the name of a file with one.
    Schema,
    /// Whatever: others read it.
    Anything,
    Section(&'static Section),
    Sections(&'static Section),
    /// Values of some fields of an action.
    Expected(&'static Section),
}

/// Whether it must be there, what it holds and what it is for.
pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: true, doc }
}

/// The same for one that may be missing.
pub(crate) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: false, doc }
}

/// Where a field belongs that is known, but stands where it means nothing.
pub(crate) fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "if_missing" => Some(
            "it stands in `signal`, `update`, `query`, `cancel` or `terminate`: no other action needs a run that is open",
        ),
        "deadline" => Some("it stands in a route, beside the action, or in `defaults`"),
        _ => None,
    }
}

/// The entries of a map that was read by its [`Section`].
pub(crate) struct Entries<'n> {
    pub(crate) node: &'n Node,
    pub(crate) section: &'static Section,
    pub(crate) found: Vec<Option<&'n Node>>,
}

impl<'n> Entries<'n> {
    /// The value of a field of the section, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        let index = self.section.fields.iter().position(|field| field.name == name);
        debug_assert!(index.is_some(), "{} has no field {name}", self.section.what);
        self.found.get(index?).copied().flatten()
    }

    /// What the field may hold.
    pub(crate) fn shape(&self, name: &str) -> Option<&'static Shape> {
        self.section.fields.iter().find(|field| field.name == name).map(|field| &field.shape)
    }
}
