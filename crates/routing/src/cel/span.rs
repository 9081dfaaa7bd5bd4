//! From a node of the syntax tree to its part of the text.

use std::ops::Range;

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr, SourceInfo},
};

use super::scan::Code;
use crate::fault::shortened;

/// An expression's text and the places of its nodes.
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    pub(super) info: SourceInfo,
}

impl Source<'_> {
    /// Where the node's own sign is: its operator, its bracket, its first character.
    fn sign(&self, expr: &IdedExpr) -> Option<Range<usize>> {
        let (start, last) = self.info.offset_for(expr.id)?;
        let (start, last) = (usize::try_from(start).ok()?, usize::try_from(last).ok()?);
        (start <= last && last < self.text.len()).then_some(start..last + 1)
    }

    /// The whole text of a node.
    pub(super) fn span(&self, expr: &IdedExpr) -> Range<usize> {
        let own = self.sign(expr).unwrap_or(0..0);
        let after_name = |at: usize| at + self.name_at(at);
        match &expr.expr {
            // Of a macro, only the bracket has a place.
            Expr::Select(select) if select.test => self.call(self.before_name(own.start), &own),
            Expr::Select(select) => {
                let start = self.span(&select.operand).start.min(own.start);
                start..after_name(own.end)
            }
            Expr::Call(call) => {
                let parts = call.target.iter().map(|target| &**target).chain(&call.args);
                let spans: Vec<_> =
                    parts.map(|part| self.span(part)).filter(|span| !span.is_empty()).collect();
                let start = spans.iter().map(|span| span.start).chain([own.start]).min().unwrap_or(own.start);
                match self.text.as_bytes().get(own.start) {
                    Some(b'(') => self.call(start.min(self.before_name(own.start)), &own),
                    Some(b'[') => start..self.closing(own.start),
                    Some(b'.') => start..after_name(own.end),
                    _ => start..spans.iter().map(|span| span.end).chain([own.end]).max().unwrap_or(own.end),
                }
            }
            Expr::Comprehension(inner) => {
                let parts = [self.span(&inner.iter_range), self.span(&inner.accu_init)];
                let start = parts.iter().filter(|part| !part.is_empty()).map(|part| part.start).min();
                self.call(start.unwrap_or(own.start).min(own.start), &own)
            }
            Expr::List(_) | Expr::Map(_) => own.start..self.closing(own.start),
            _ => own,
        }
    }

    /// From `start` to the bracket that closes the one at `open`.
    fn call(&self, start: usize, open: &Range<usize>) -> Range<usize> {
        start..self.closing(open.start)
    }

    /// Behind the bracket that closes the one at `open`.
    fn closing(&self, open: usize) -> usize {
        let Some(rest) = self.text.get(open..) else { return open };
        let mut depth = 0_usize;
        for (at, byte) in Code::of(rest) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' if depth <= 1 => return open + at + 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
        self.text.len()
    }

    /// The length of the name that starts at `at`, after spaces and a `?`.
    fn name_at(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '?');
        let name = match trimmed.strip_prefix('`') {
            Some(escaped) => escaped.find('`').map_or(trimmed.len(), |end| end + 2),
            None => trimmed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(trimmed.len()),
        };
        rest.len() - trimmed.len() + name
    }

    /// Where the name that ends before `at` starts.
    fn before_name(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default().trim_end();
        before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |dot| {
            dot + before.get(dot..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        })
    }

    /// The text of a node, shortened, for messages.
    pub(super) fn quote(&self, expr: &IdedExpr) -> String {
        let text = self.text.get(self.span(expr)).unwrap_or_default().trim();
        shortened(text, 60)
    }
}

/// The parts of an expression.
pub(super) fn parts(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => Some([&entry.key, &entry.value]),
                EntryExpr::StructField(_) => None,
            });
            entries.flatten().collect()
        }
        Expr::Comprehension(inner) => {
            vec![&inner.iter_range, &inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result]
        }
        _ => Vec::new(),
    }
}
