//! What is known of an event before it comes.

use std::{collections::BTreeMap, sync::Arc};

use signalbox_domain::{EventId, Source};

use super::types::{Field, List, Object, Text, Type, UNLIMITED};

/// A subject has at most so many tokens: 512 bytes, and a dot between each two.
const MOST_TOKENS: u64 = 256;

/// What is known of the events that an expression will see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// The variable `event`. Empty if no event can come here.
    pub(super) event: Type,
    /// The data satisfy a declared schema, so whatever may fail is a fault; otherwise what must fail.
    pub(crate) strict: bool,
}

/// What is known of their subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subjects {
    least_tokens: u64,
    most_tokens: u64,
    /// The only ones, where they are known.
    only: Option<Vec<String>>,
}

impl Default for Subjects {
    fn default() -> Self {
        Self { least_tokens: 2, most_tokens: MOST_TOKENS, only: None }
    }
}

impl Subjects {
    /// Those that match a subject filter.
    pub(crate) fn of(filter: &str) -> Self {
        let count = filter.split('.').count() as u64;
        let exact = filter.split('.').all(|token| !matches!(token, "*" | ">"));
        Self {
            least_tokens: count,
            most_tokens: if filter.ends_with('>') { MOST_TOKENS } else { count },
            only: exact.then(|| vec![filter.to_owned()]),
        }
    }

    /// Those of both; of one if that is not easily said.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            least_tokens: self.least_tokens.max(other.least_tokens),
            most_tokens: self.most_tokens.min(other.most_tokens),
            only: self.only.or(other.only),
        }
    }

    /// Those of either.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            least_tokens: self.least_tokens.min(other.least_tokens),
            most_tokens: self.most_tokens.max(other.most_tokens),
            only: self.only.zip(other.only).map(|(a, b)| [a, b].concat()),
        }
    }

    fn subject(&self) -> Type {
        Type::String(match &self.only {
            Some(only) => Text::only(only.iter().map(String::as_str)),
            None => Text::plain(8, 512),
        })
    }

    fn tokens(&self) -> Type {
        let token = match &self.only {
            Some(only) => Text::only(only.iter().flat_map(|subject| subject.split('.'))),
            None => Text::plain(1, 505),
        };
        Type::List(List {
            item: Arc::new(Type::String(token)),
            min_items: self.least_tokens,
            max_items: self.most_tokens,
        })
    }
}

impl Known {
    /// Nothing: data of any shape.
    pub(crate) fn nothing() -> Self {
        Self::of(Type::Dyn, &Subjects::default(), false)
    }

    /// Events with such data on such subjects.
    pub(crate) fn of(data: Type, subjects: &Subjects, strict: bool) -> Self {
        let tidy = |most: usize| Type::String(Text::tidy(1, most as u64));
        let fields = [
            ("id", tidy(EventId::LIMIT)),
            ("source", tidy(Source::LIMIT)),
            ("type", Type::String(Text { max_len: UNLIMITED, ..Text::ANY })),
            ("subject", subjects.subject()),
            ("tokens", subjects.tokens()),
            ("time", Type::Timestamp),
            ("data", data),
            ("extensions", Type::map(Type::TEXT)),
        ];
        let field = |(name, of)| (Arc::from(name), Field { of: Arc::new(of), required: true });
        let fields: BTreeMap<_, _> = fields.into_iter().map(field).collect();
        Self { event: Type::union([Type::Object(Object { fields, rest: None })]), strict }
    }

    /// Whether an event can come here at all.
    pub(crate) fn is_possible(&self) -> bool {
        !self.event.is_never()
    }

    /// Whether the data of an event may be so.
    #[cfg(test)]
    pub(crate) fn admits_data(&self, data: &serde_json::Value) -> bool {
        self.event.alternatives().iter().any(|one| match one {
            Type::Object(event) => event.field("data").is_some_and(|(of, _)| of.admits(data)),
            _ => false,
        })
    }
}
