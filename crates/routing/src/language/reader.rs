//! Reads the parts of a route file and notes every fault on the way.

use std::time::Duration;

use super::{
    fields::{Entries, Field, Section, Shape, elsewhere},
    prospects::Prospects,
    template::Template,
};
use crate::{
    fault::{Fault, Position, Severity, Span, did_you_mean},
    rules,
    yaml::{Key, Kind, Node},
};

/// The longest name of a workflow type, task queue or signal, in bytes.
pub(crate) const MAX_NAME: usize = 255;

/// Reads one file. Its methods return `None` after noting a fault, so that one run finds all of them.
pub(crate) struct Reader<'f> {
    pub(crate) file: &'f str,
    source: &'f str,
    /// The events for which expressions are checked.
    pub(crate) prospects: Prospects,
    faults: Vec<Fault>,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(file: &'f str, source: &'f str) -> Self {
        Self { file, source, prospects: Prospects::nothing(), faults: Vec::new() }
    }

    /// All faults, each once: several kinds of events may find the same.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort();
        self.faults.dedup();
        self.faults
    }

    pub(crate) fn fault(&mut self, span: Span, rule: &'static str, message: impl Into<String>) {
        self.fault_with_help(span, rule, message, None);
    }

    pub(crate) fn fault_with_help(
        &mut self,
        span: Span,
        rule: &'static str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let (file, message) = (self.file.to_owned(), message.into());
        self.faults.push(Fault { file, span, severity: Severity::Error, rule, message, help });
    }

    /// The place of a value.
    pub(crate) fn span(&self, node: &Node) -> Span {
        let length = match &node.kind {
            Kind::Text(text) => node.at.length(self.source, text),
            Kind::Number(number) => number.to_string().len(),
            _ => 1,
        };
        Span { at: node.at.position, length }
    }

    pub(super) fn refuse(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} is {wanted}, not {}", node.kind.name());
        self.fault(self.span(node), rules::VALUE, message);
    }

    /// The place of a byte of the text that a value is.
    pub(super) fn inside(&self, node: &Node, text: &str, offset: usize) -> Position {
        node.at.inside(self.source, text, offset)
    }

    /// The entries of a map. Unknown ones and missing ones are faults.
    pub(crate) fn section<'n>(&mut self, node: &'n Node, section: &'static Section) -> Option<Entries<'n>> {
        let Kind::Map(entries) = &node.kind else {
            self.refuse(node, section.what, "a map");
            return None;
        };
        let mut found = vec![None; section.fields.len()];
        for (key, value) in entries {
            match section.fields.iter().position(|field| field.name == key.name) {
                Some(index) => found[index] = Some(value),
                None => self.unknown_field(key, section.fields.iter()),
            }
        }
        for (field, value) in section.fields.iter().zip(&found) {
            if field.required && value.is_none() {
                let span = Span { at: node.at.position, length: 1 };
                self.fault(span, rules::MISSING_FIELD, format!("missing field `{}`", field.name));
            }
        }
        Some(Entries { node, section, found })
    }

    pub(super) fn unknown_field(&mut self, key: &Key, known: impl Iterator<Item = &'static Field> + Clone) {
        let names = known.map(|field| field.name);
        let help = elsewhere(&key.name)
            .map(str::to_owned)
            .or_else(|| did_you_mean(&key.name, names.clone()))
            .unwrap_or_else(|| format!("known are `{}`", names.collect::<Vec<_>>().join("`, `")));
        let message = format!("unknown field `{}`", key.name);
        self.fault_with_help(key.span(), rules::UNKNOWN_FIELD, message, Some(help));
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) => Some(items),
            _ => {
                self.refuse(node, &format!("`{name}`"), "a list");
                None
            }
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        match &node.kind {
            Kind::Text(text) => Some(text),
            _ => {
                self.refuse(node, &format!("`{name}`"), "a text");
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, node: &Node, name: &str) -> Option<bool> {
        match &node.kind {
            Kind::Bool(flag) => Some(*flag),
            _ => {
                self.refuse(node, &format!("`{name}`"), "`true` or `false`");
                None
            }
        }
    }

    /// A whole number within the bounds of its [`Shape`].
    pub(crate) fn count(&mut self, entries: &Entries<'_>, name: &str) -> Option<Option<u64>> {
        let Some(node) = entries.get(name) else { return Some(None) };
        let Shape::Count(least, most) = entries.shape(name)? else { return None };
        let number = match &node.kind {
            Kind::Number(number) => number.as_u64().filter(|number| (least..=most).contains(&number)),
            _ => None,
        };
        if number.is_none() {
            let message = format!("`{name}` is a whole number from {least} to {most}");
            self.fault(self.span(node), rules::VALUE, message);
        }
        number.map(Some)
    }

    /// That of the language, of which there is one.
    pub(super) fn version(&mut self, entries: &Entries<'_>) {
        let Some(version) = entries.get("version") else { return };
        if !matches!(&version.kind, Kind::Number(number) if number.as_u64() == Some(1)) {
            self.fault(self.span(version), rules::VERSION, "`version` is 1; no other is known");
        }
    }

    pub(crate) fn positive(&mut self, node: &Node, name: &str) -> Option<f64> {
        let number = match &node.kind {
            Kind::Number(number) => number.as_f64().filter(|number| *number > 0.0),
            _ => None,
        };
        if number.is_none() {
            self.fault(self.span(node), rules::VALUE, format!("`{name}` is a number above 0"));
        }
        number
    }

    /// A span of time within the bound of its [`Shape`], the same for every event.
    pub(crate) fn span_of_time(&mut self, entries: &Entries<'_>, name: &str) -> Option<Option<Duration>> {
        let Some(node) = entries.get(name) else { return Some(None) };
        let Shape::Span(longest) = entries.shape(name)? else { return None };
        let span = match &node.kind {
            Kind::Text(text) => humantime::parse_duration(text).ok(),
            _ => None,
        };
        let fits = span.filter(|span| !span.is_zero() && span <= longest);
        if fits.is_none() {
            let longest = humantime::format_duration(*longest);
            let message = format!(
                "`{name}` is a span of time with its units, such as `90s` or `1h 30m`, of at most {longest}, and the \
                 same for every event"
            );
            self.fault(self.span(node), rules::VALUE, message);
        }
        fits.map(Some)
    }

    /// One of the words of its [`Shape`].
    pub(crate) fn word(&mut self, entries: &Entries<'_>, name: &str) -> Option<Option<&'static str>> {
        let Some(node) = entries.get(name) else { return Some(None) };
        let Shape::OneOf(words) = entries.shape(name)? else { return None };
        let text = self.text(node, name)?;
        let found = words.iter().find(|word| **word == text);
        if found.is_none() {
            let message = format!("`{name}` is one of `{}`", words.join("`, `"));
            let help = did_you_mean(text, words.iter().copied());
            self.fault_with_help(self.span(node), rules::VALUE, message, help);
        }
        found.map(|word| Some(*word))
    }

    /// Reads a field that must be there; that it is missing was noted before.
    pub(crate) fn required<T>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        read: impl FnOnce(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        entries.get(name).and_then(|node| read(self, node, name))
    }

    /// Reads a field that may be missing: `None` is a fault, `Some(None)` that it is not there.
    pub(crate) fn optional<T>(
        &mut self,
        entries: &Entries<'_>,
        name: &str,
        read: impl FnOnce(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        match entries.get(name) {
            Some(node) => read(self, node, name).map(Some),
            None => Some(None),
        }
    }

    /// A list of values with expressions in them; none where it is missing.
    pub(crate) fn args(&mut self, entries: &Entries<'_>, name: &str) -> Option<Vec<Template>> {
        let Some(node) = entries.get(name) else { return Some(Vec::new()) };
        let items = self.list(node, name)?;
        self.templates(items)
    }

    /// A name that is the same for every event.
    pub(crate) fn name(&mut self, node: &Node, name: &str) -> Option<String> {
        let text = self.text(node, name)?;
        let problem = if text.trim().is_empty() {
            "is empty"
        } else if text.len() > MAX_NAME {
            "is longer than 255 bytes"
        } else if text.chars().any(char::is_control) {
            "has control characters"
        } else if text.contains("${") {
            "is the same for every event; `${ … }` has no place in it"
        } else {
            return Some(text.to_owned());
        };
        self.fault(self.span(node), rules::VALUE, format!("`{name}` {problem}"));
        None
    }

    /// A list of such names.
    pub(crate) fn names(&mut self, node: &Node, name: &str) -> Option<Vec<String>> {
        all(self.list(node, name)?.iter().map(|item| self.name(item, name)))
    }
}

/// All items, if every one of them could be read. They are all asked for, also after one that could not: its faults are
/// wanted, too.
pub(super) fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let items: Vec<_> = items.collect();
    items.into_iter().collect()
}
