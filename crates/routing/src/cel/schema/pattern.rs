//! What a `pattern` says of texts, if it describes the whole text.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::cel::types::UNLIMITED;

/// The longest pattern that is looked at, in bytes.
const MOST_BYTES: usize = 1024;

/// Control characters and white space.
const UNTIDY: [(char, char); 9] = [
    ('\0', ' '),
    ('\u{7f}', '\u{a0}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{2000}', '\u{200a}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202f}', '\u{202f}'),
    ('\u{205f}', '\u{205f}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{feff}', '\u{feff}'),
];

pub(super) struct Pattern {
    pub(super) min_len: u64,
    pub(super) max_len: u64,
    /// All of its characters are ASCII.
    pub(super) ascii: bool,
    pub(super) tidy: bool,
    /// It can be a part of a subject.
    pub(super) subject: bool,
}

/// Reads a pattern that begins with `^` and ends with `$`. JSON Schema's are those of JavaScript, whose classes are
/// part of the ones here, but for negated ones; a pattern with those is not looked at.
pub(super) fn read(pattern: &str) -> Option<Pattern> {
    let unlike = ["\\D", "\\W", "\\S", "\\B", "\\P", "\\p", "\\b", "(?", "[[", "&&", "--", "~~"];
    let negated_space = pattern.contains("[^") && pattern.contains("\\s");
    if pattern.len() > MOST_BYTES || negated_space || unlike.iter().any(|part| pattern.contains(part)) {
        return None;
    }
    let hir = regex_syntax::parse(pattern).ok()?;
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, inner @ .., last] = parts.as_slice() else { return None };
    if !(is_look(first, Look::Start) && is_look(last, Look::End)) {
        return None;
    }
    let (min_len, max_len) = lengths_of(inner)?;
    let without = |odd: &[(char, char)]| inner.iter().all(|part| has_none_of(part, odd));
    let tidy = without(&UNTIDY);
    Some(Pattern {
        min_len,
        max_len,
        ascii: without(&[('\u{80}', char::MAX)]),
        tidy,
        subject: tidy && without(&[('*', '*'), ('>', '>'), ('.', '.')]),
    })
}

fn is_look(hir: &Hir, wanted: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(look) if *look == wanted)
}

/// The least and greatest number of characters.
fn lengths(hir: &Hir) -> Option<(u64, u64)> {
    match hir.kind() {
        HirKind::Empty => Some((0, 0)),
        HirKind::Literal(literal) => {
            let length = crate::cel::types::length(std::str::from_utf8(&literal.0).ok()?);
            Some((length, length))
        }
        HirKind::Class(_) => Some((1, 1)),
        HirKind::Look(_) => None,
        HirKind::Capture(capture) => lengths(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (least, most) = lengths(&repetition.sub)?;
            let greatest = match repetition.max {
                Some(max) => most.saturating_mul(max.into()),
                None if most == 0 => 0,
                None => UNLIMITED,
            };
            Some((least.saturating_mul(repetition.min.into()), greatest))
        }
        HirKind::Concat(parts) => lengths_of(parts),
        HirKind::Alternation(parts) => {
            let all = parts.iter().map(lengths).collect::<Option<Vec<_>>>()?;
            Some((all.iter().map(|(min, _)| *min).min()?, all.iter().map(|(_, max)| *max).max()?))
        }
    }
}

/// The same of parts that follow one another.
fn lengths_of(parts: &[Hir]) -> Option<(u64, u64)> {
    parts.iter().try_fold((0_u64, 0_u64), |(min, max), part| {
        let (least, most) = lengths(part)?;
        Some((min.saturating_add(least), max.saturating_add(most)))
    })
}

/// Whether none of its characters is in one of these ranges.
fn has_none_of(hir: &Hir, odd: &[(char, char)]) -> bool {
    let outside = |first: char, last: char| odd.iter().all(|(from, to)| last < *from || first > *to);
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().all(|c| outside(c, c)))
        }
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().all(|range| outside(range.start(), range.end()))
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) => false,
        HirKind::Capture(capture) => has_none_of(&capture.sub, odd),
        HirKind::Repetition(repetition) => has_none_of(&repetition.sub, odd),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().all(|part| has_none_of(part, odd))
        }
    }
}
