//! The parts of an expression that people ask about, found in its text: clauses of a guard, names that are read, and
//! choices between two ways.

mod choices;

use std::ops::Range;

pub(crate) use choices::{Choice, ChoiceKind, choices};

use crate::cel::scan::Code;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// A text or a comment.
    Literal,
    Symbol(u8),
}

impl Token {
    fn is(&self, symbol: u8) -> bool {
        self.kind == Kind::Symbol(symbol)
    }

    fn opens(&self) -> bool {
        matches!(self.kind, Kind::Symbol(b'(' | b'[' | b'{'))
    }

    fn closes(&self) -> bool {
        matches!(self.kind, Kind::Symbol(b')' | b']' | b'}'))
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut end = 0;
    for (at, byte) in Code::of(text) {
        if at > end {
            tokens.push(Token { kind: Kind::Literal, range: end..at });
        }
        end = at + 1;
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        match tokens.last_mut() {
            _ if byte.is_ascii_whitespace() => {}
            Some(last) if word && last.kind == Kind::Word && last.range.end == at => last.range.end = end,
            _ if word => tokens.push(Token { kind: Kind::Word, range: at..end }),
            _ => tokens.push(Token { kind: Kind::Symbol(byte), range: at..end }),
        }
    }
    if text.len() > end {
        tokens.push(Token { kind: Kind::Literal, range: end..text.len() });
    }
    tokens
}

/// A run of tokens of a text.
#[derive(Clone, Copy)]
struct Part<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

impl<'t> Part<'t> {
    fn text(self) -> &'t str {
        let (Some(first), Some(last)) = (self.tokens.first(), self.tokens.last()) else { return "" };
        self.text.get(first.range.start..last.range.end).unwrap_or_default()
    }

    fn slice(self, range: Range<usize>) -> Self {
        Self { tokens: self.tokens.get(range).unwrap_or_default(), ..self }
    }

    /// The tokens outside all brackets, with their places.
    fn outside(self) -> impl Iterator<Item = (usize, &'t Token)> {
        let mut depth = 0_usize;
        self.tokens.iter().enumerate().filter(move |(_, token)| {
            depth -= usize::from(token.closes() && depth > 0);
            let outside = depth == 0;
            depth += usize::from(token.opens());
            outside
        })
    }

    /// Where the condition of `c ? a : b` ends, if this is one. `.?`, `[?` and `{?` are of optional values.
    fn question(self) -> Option<usize> {
        let is_choice = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
            before.is_some_and(|before| !before.is(b'.') && !before.opens() && !before.is(b','))
        };
        self.outside().find(|(at, token)| token.is(b'?') && is_choice(*at)).map(|(at, _)| at)
    }

    /// The colon that belongs to the question before these tokens.
    fn colon(self) -> Option<usize> {
        let mut questions = 0_usize;
        self.outside().find_map(|(at, token)| {
            let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
            match token.kind {
                Kind::Symbol(b'?') if !before.is_some_and(|before| before.is(b'.')) => questions += 1,
                Kind::Symbol(b':') if questions == 0 => return Some(at),
                Kind::Symbol(b':') => questions -= 1,
                _ => {}
            }
            None
        })
    }

    /// The parts between commas, or between operators of two equal characters (`&&`).
    fn split(self, symbol: u8, double: bool) -> Vec<Self> {
        let next = |at: usize| self.tokens.get(at + 1).is_some_and(|token| token.is(symbol));
        let (mut parts, mut from) = (Vec::new(), 0);
        for (at, token) in self.outside() {
            if token.is(symbol) && at >= from && (!double || next(at)) {
                parts.push(self.slice(from..at));
                from = at + 1 + usize::from(double);
            }
        }
        parts.push(self.slice(from..self.tokens.len()));
        parts
    }

    /// The place of the bracket that closes the one at `open`.
    fn close(self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        self.tokens.iter().enumerate().skip(open).find_map(|(at, token)| {
            depth += usize::from(token.opens());
            depth = depth.checked_sub(usize::from(token.closes()))?;
            (depth == 0).then_some(at)
        })
    }

    /// Without brackets around all of it.
    fn bare(self) -> Self {
        let whole = self.tokens.first().is_some_and(|token| token.is(b'('))
            && self.close(0) == self.tokens.len().checked_sub(1);
        if whole { self.slice(1..self.tokens.len() - 1).bare() } else { self }
    }

    /// Where the value begins that `.` at `dot` takes something of.
    fn receiver(self, dot: usize) -> usize {
        let mut start = dot;
        while let Some(before) = start.checked_sub(1).and_then(|at| Some((at, self.tokens.get(at)?))) {
            start = match before {
                (at, token) if token.closes() => {
                    let open = (0..at)
                        .rev()
                        .find(|open| self.close(*open) == Some(at))
                        .filter(|open| self.tokens.get(*open).is_some_and(Token::opens));
                    let Some(open) = open else { return start };
                    let called = open.checked_sub(1).and_then(|at| self.tokens.get(at));
                    match called.map(|token| token.kind) {
                        Some(Kind::Word) => open - 1,
                        Some(Kind::Symbol(b')' | b']')) => {
                            start = open;
                            continue;
                        }
                        _ => open,
                    }
                }
                (at, _) => at,
            };
            match start.checked_sub(1).and_then(|at| Some((at, self.tokens.get(at)?))) {
                Some((at, token)) if token.is(b'.') => start = at,
                Some((at, token)) if token.is(b'?') && at > 0 && self.tokens[at - 1].is(b'.') => {
                    start = at - 1;
                }
                _ => return start,
            }
        }
        start
    }
}

/// The parts of a guard that must all be true.
pub(crate) fn clauses(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    conjuncts(Part { text, tokens: &tokens }, &mut |part| {
        // The text lives longer than its tokens.
        let range = part.tokens.first().zip(part.tokens.last());
        found.extend(range.and_then(|(first, last)| text.get(first.range.start..last.range.end)));
    });
    found
}

fn conjuncts(part: Part<'_>, found: &mut impl FnMut(Part<'_>)) {
    let part = part.bare();
    if part.question().is_some() || part.split(b'|', true).len() > 1 {
        return found(part);
    }
    match part.split(b'&', true).as_slice() {
        [one] => found(*one),
        several => several.iter().for_each(|part| conjuncts(*part, found)),
    }
}

/// What an expression reads of the event: `event.data.order.id`.
pub(crate) fn names(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let part = Part { text, tokens: &tokens };
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let field =
            at.checked_sub(1).is_some_and(|before| tokens[before].is(b'.') || tokens[before].is(b'?'));
        if token.kind == Kind::Word && text.get(token.range.clone()) == Some("event") && !field {
            let range = tokens.get(at..name_end(part, at)).unwrap_or_default();
            let name: String = range.iter().filter_map(|token| text.get(token.range.clone())).collect();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// Where a name with its fields ends, which begins at `at`. What is called is a function, no field.
fn name_end(part: Part<'_>, mut at: usize) -> usize {
    let kind = |at: usize| part.tokens.get(at).map(|token| token.kind);
    at += 1;
    loop {
        let optional = usize::from(kind(at + 1) == Some(Kind::Symbol(b'?')));
        let (word, after) = (at + 1 + optional, at + 2 + optional);
        match (kind(at), kind(word), kind(after)) {
            (Some(Kind::Symbol(b'.')), Some(Kind::Word), next) if next != Some(Kind::Symbol(b'(')) => {
                at = after
            }
            (Some(Kind::Symbol(b'[')), Some(Kind::Word | Kind::Literal), Some(Kind::Symbol(b']'))) => {
                at = after + 1;
            }
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_what_must_all_be_true() {
        assert_eq!(clauses(" a && b.c == \"x && y\" && (d || e) "), ["a", "b.c == \"x && y\"", "d || e"]);
        assert_eq!(clauses("((a && b) && c)"), ["a", "b", "c"]);
        assert_eq!(clauses("a && b || c"), ["a && b || c"]);
        assert_eq!(clauses("a && b ? c : d"), ["a && b ? c : d"]);
        assert_eq!(
            clauses("a.?b.orValue(true) && c[?0].hasValue()"),
            ["a.?b.orValue(true)", "c[?0].hasValue()"]
        );
        assert_eq!(clauses("(a) && (b)"), ["a", "b"]);
        assert_eq!(clauses(""), Vec::<&str>::new());
    }

    #[test]
    fn names_are_read_with_their_fields() {
        let all = r#"event.data.?a.b.orValue(1) + size(event.tokens[3]) > event . data["x y"].z && x.event && event.data.a.exists(i, i > event.data.n)"#;
        assert_eq!(
            names(all),
            ["event.data.?a.b", "event.tokens[3]", "event.data[\"x y\"].z", "event.data.a", "event.data.n"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_apart(text in "([a-z.?:()\\[\\]{},&|\"' ]|&&|[|][|]|event|[.]orValue[(]){0,40}") {
            let _ = (clauses(&text), names(&text), choices(&text));
        }
    }
}
