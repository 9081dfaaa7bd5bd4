//! Subject filters of NATS, and an index that finds the filters which match a subject.

use std::{collections::HashMap, fmt, str::FromStr};

use signalbox_domain::EventSubject;

/// A NATS subject filter under `events.`: `*` stands for one token, `>` at the end for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectFilter(Box<str>);

/// Why a text is no filter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says itself")]
pub enum BadFilter {
    #[error("a subject filter starts with `events.`")]
    Prefix,
    #[error("a subject filter has at most 512 bytes")]
    TooLong,
    #[error("a subject filter has no empty token")]
    EmptyToken,
    #[error("a token of a subject filter has no spaces or control characters")]
    Space,
    #[error("`>` stands for the rest of the subject, so it is the last token")]
    RestNotLast,
    #[error("`{0}` stands for a whole token and cannot be part of one")]
    PartialWildcard(char),
}

impl SubjectFilter {
    /// As NATS writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an event on `subject` is meant.
    pub fn matches(&self, subject: &EventSubject) -> bool {
        covers(self.as_str(), subject.as_str())
    }

    fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for SubjectFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SubjectFilter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        let rest = text.strip_prefix("events.").ok_or(BadFilter::Prefix)?;
        if text.len() > 512 {
            return Err(BadFilter::TooLong);
        }
        let tokens: Vec<_> = rest.split('.').collect();
        for (index, token) in tokens.iter().enumerate() {
            check(token, index + 1 == tokens.len())?;
        }
        Ok(Self(text.into()))
    }
}

fn check(token: &str, last: bool) -> Result<(), BadFilter> {
    match token {
        "" => Err(BadFilter::EmptyToken),
        "*" => Ok(()),
        ">" if last => Ok(()),
        ">" => Err(BadFilter::RestNotLast),
        _ if token.chars().any(|c| c.is_whitespace() || c.is_control()) => Err(BadFilter::Space),
        _ => token
            .chars()
            .find(|c| matches!(c, '*' | '>'))
            .map_or(Ok(()), |c| Err(BadFilter::PartialWildcard(c))),
    }
}

/// Whether some subject matches both filters.
pub(crate) fn overlap(left: &str, right: &str) -> bool {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// Whether every subject that matches `inner` matches `outer`.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    differs(outer, inner).is_none()
}

/// The first token, from 0, at which `outer` does not cover `inner`, if there is one.
pub(crate) fn differs(outer: &str, inner: &str) -> Option<usize> {
    let (mut outer, mut inner) = (outer.split('.'), inner.split('.'));
    for token in 0.. {
        match (outer.next(), inner.next()) {
            (None, None) | (Some(">"), Some(_)) => break,
            (Some(a), Some(b)) if a == b || (a == "*" && b != ">") => {}
            _ => return Some(token),
        }
    }
    None
}

/// Finds what was filed under filters that match a subject: a trie over tokens, so the cost follows the
/// subject's length and the matches, not the number of filters.
#[derive(Debug, Default)]
pub(crate) struct SubjectIndex {
    exact: HashMap<Box<str>, SubjectIndex>,
    any: Option<Box<SubjectIndex>>,
    here: Vec<usize>,
    rest: Vec<usize>,
}

impl SubjectIndex {
    /// Files the number of each under all of its filters.
    pub(crate) fn of<'f>(filters: impl Iterator<Item = &'f Vec<SubjectFilter>>) -> Self {
        let mut index = Self::default();
        for (item, filters) in filters.enumerate() {
            filters.iter().for_each(|filter| index.insert(filter, item));
        }
        index
    }

    /// Files `item` under `filter`.
    fn insert(&mut self, filter: &SubjectFilter, item: usize) {
        let mut node = self;
        for token in filter.tokens() {
            node = match token {
                ">" => {
                    node.rest.push(item);
                    return;
                }
                "*" => node.any.get_or_insert_default(),
                exact => node.exact.entry(exact.into()).or_default(),
            };
        }
        node.here.push(item);
    }

    /// What matches `subject`, ascending.
    pub(crate) fn matching(&self, subject: &EventSubject) -> Vec<usize> {
        let mut found = Vec::new();
        let mut level = vec![self];
        for token in subject.as_str().split('.') {
            let mut next = Vec::new();
            for node in level {
                found.extend(&node.rest);
                next.extend(node.exact.get(token));
                next.extend(node.any.as_deref());
            }
            level = next;
        }
        level.iter().for_each(|node| found.extend(&node.here));
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(filter: &str, subject: &str) -> bool {
        let mut index = SubjectIndex::default();
        index.insert(&filter.parse().unwrap(), 0);
        !index.matching(&subject.parse().unwrap()).is_empty()
    }

    /// The rule of NATS, token by token.
    fn matches_by_rule(filter: &[&str], subject: &[&str]) -> bool {
        match (filter, subject) {
            ([], []) => true,
            ([">"], [_, ..]) => true,
            (["*", filter @ ..], [_, subject @ ..]) => matches_by_rule(filter, subject),
            ([f, filter @ ..], [s, subject @ ..]) => f == s && matches_by_rule(filter, subject),
            _ => false,
        }
    }

    #[test]
    fn wildcards_are_those_of_nats() {
        assert!(matches("events.shop.*", "events.shop.paid"));
        assert!(!matches("events.shop.*", "events.shop.paid.card"));
        assert!(!matches("events.shop.*", "events.shop"));
        assert!(matches("events.shop.>", "events.shop.paid.card"));
        assert!(!matches("events.shop.>", "events.shop"));
        assert!(matches("events.*.paid", "events.shop.paid"));
        assert!(matches("events.>", "events.a"));
    }

    #[test]
    fn filters_differ_where_one_has_subjects_that_the_other_has_not() {
        for (outer, inner, token) in [
            ("events.a.b", "events.a.b", None),
            ("events.>", "events.a.>", None),
            ("events.>", "events.*", None),
            ("events.*.b", "events.a.b", None),
            ("events.*.b", "events.*.b", None),
            ("events.a.>", "events.a", Some(2)),
            ("events.a", "events.a.b", Some(2)),
            ("events.a.b", "events.a", Some(2)),
            ("events.a.b", "events.c.b", Some(1)),
            ("events.a", "events.*", Some(1)),
            ("events.*", "events.>", Some(1)),
            ("events.a", "events.>", Some(1)),
        ] {
            assert_eq!(differs(outer, inner), token, "{outer} {inner}");
            assert_eq!(covers(outer, inner), token.is_none(), "{outer} {inner}");
        }
    }

    #[test]
    fn filters_that_could_never_match_are_refused() {
        let why = |text: &str| text.parse::<SubjectFilter>().unwrap_err();
        assert_eq!(why("commands.1"), BadFilter::Prefix);
        assert_eq!(why("events."), BadFilter::EmptyToken);
        assert_eq!(why("events.a..b"), BadFilter::EmptyToken);
        assert_eq!(why("events.>.b"), BadFilter::RestNotLast);
        assert_eq!(why("events.a*"), BadFilter::PartialWildcard('*'));
        assert_eq!(why("events.a b"), BadFilter::Space);
        assert_eq!(why(&format!("events.{}", "x".repeat(600))), BadFilter::TooLong);
    }

    proptest! {
        #[test]
        fn the_index_follows_the_rule(
            filter in "events(\\.(a|b|\\*)){0,3}(\\.(a|\\*|>))",
            subject in "events(\\.(a|b|c)){1,5}",
        ) {
            let split = |text: &'static str| text.split('.').collect::<Vec<_>>();
            let by_rule = matches_by_rule(&split(filter.clone().leak()), &split(subject.clone().leak()));
            prop_assert_eq!(matches(&filter, &subject), by_rule);
        }
    }
}
