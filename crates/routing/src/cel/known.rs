//! What is known of an event before it comes.

use std::{collections::BTreeMap, sync::Arc};

use super::types::{Field, Object, Text, Type, UNLIMITED};

/// What is known of the events that an expression will see.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// The variable `event`. Empty if no event can come here.
    pub(super) event: Type,
    /// The data satisfy a declared schema, so whatever may fail is a fault; otherwise what must fail.
    pub(super) strict: bool,
}

impl Known {
    /// Nothing: data of any shape.
    pub(crate) fn nothing() -> Self {
        Self::of(Type::Dyn, 2, false)
    }

    /// Events with such data, on subjects of at least so many tokens.
    pub(crate) fn of(data: Type, tokens_at_least: u64, strict: bool) -> Self {
        let text = |min, max| Type::String(Text { max_len: max, min_len: min, ..Text::ANY });
        let tidy = |min, max| Type::String(Text { max_bytes: max, ..Text::tidy(min, max) });
        let subject = |min, max| Type::String(Text { max_bytes: max, subject: true, ..Text::tidy(min, max) });
        let extensions = Type::map(Type::TEXT);
        let fields = [
            ("id", tidy(1, 512)),
            ("source", tidy(1, 1024)),
            ("type", text(0, UNLIMITED)),
            ("subject", subject(8, 512)),
            ("tokens", Type::list_of(subject(1, 505), tokens_at_least, 256)),
            ("time", Type::Timestamp),
            ("data", data),
            ("extensions", extensions),
        ];
        let field = |(name, of)| (Arc::from(name), Field { of: Arc::new(of), required: true });
        let fields: BTreeMap<_, _> = fields.into_iter().map(field).collect();
        Self { event: Type::union([Type::Object(Object { fields, rest: None })]), strict }
    }

    /// Whether an event can come here at all.
    pub(crate) fn is_possible(&self) -> bool {
        !self.event.is_never()
    }

    /// What is known where `self` and `other` both hold.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self { event: self.event.meet(&other.event), strict: self.strict }
    }
}
