//! What is wrong with an expression.

use std::ops::Range;

/// Why a text is no expression, or not one that may run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BadExpression {
    /// Where in the text, in bytes.
    pub(crate) offset: usize,
    /// How long the part is that is meant, in bytes; 0 where a single place is meant.
    pub(crate) length: usize,
    pub(crate) kind: Flaw,
    pub(crate) message: String,
    /// What would be right.
    pub(crate) help: Option<String>,
}

/// In what way an expression is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// It is no CEL, or too large.
    Syntax,
    /// It fails whenever it is evaluated.
    Wrong,
    /// It fails on some events that satisfy the schema.
    Unproven,
    /// It is a comparison that no event satisfies.
    NeverTrue,
    /// It may do too much work.
    Costly,
}

impl BadExpression {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, length: 0, kind: Flaw::Syntax, message: message.into(), help: None }
    }

    pub(super) fn at(span: Range<usize>, kind: Flaw, message: impl Into<String>) -> Self {
        let length = span.end.saturating_sub(span.start);
        Self { offset: span.start, length, kind, message: message.into(), help: None }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
