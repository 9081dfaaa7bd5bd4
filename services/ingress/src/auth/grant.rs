//! What one caller is allowed to do.

use std::{collections::BTreeSet, fmt, str::FromStr};

use signalbox_domain::EventSubject;
use signalbox_routing::SubjectFilter;

use super::Action;

/// Actions, and what they are limited to. A limit that is empty limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub actions: BTreeSet<Action>,
    /// To workflows of these types alone.
    pub workflow_types: Vec<Pattern>,
    /// With events of these sources alone.
    pub sources: Vec<Pattern>,
    /// With events on these subjects alone.
    pub subjects: Vec<SubjectFilter>,
}

/// A name, or how names begin, with `*` for any rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

/// A text that no [`Pattern`] is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It is empty or too long.
    #[error("a pattern has 1 to 512 bytes")]
    Length,
    /// Only its end may be open.
    #[error("`*` stands for the rest of a name, so it is the last character")]
    StarNotLast,
}

impl Grant {
    /// Whether it gives this action, whatever to.
    pub fn gives(&self, action: Action) -> bool {
        self.actions.contains(&action) || self.actions.contains(&Action::Admin)
    }

    /// Whether it reaches workflows of this type.
    pub fn reaches_type(&self, workflow_type: &str) -> bool {
        limits(&self.workflow_types, |pattern| pattern.matches(workflow_type))
    }

    /// Whether it reaches an event of this source on this subject.
    pub fn reaches_event(&self, source: &str, subject: &EventSubject) -> bool {
        limits(&self.sources, |pattern| pattern.matches(source))
            && limits(&self.subjects, |filter| filter.matches(subject))
    }
}

fn limits<T>(limit: &[T], matches: impl Fn(&T) -> bool) -> bool {
    limit.is_empty() || limit.iter().any(matches)
}

impl Pattern {
    /// Whether `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *self.0 == *name,
        }
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        match text.find('*') {
            _ if text.is_empty() || text.len() > 512 => Err(BadPattern::Length),
            Some(at) if at + 1 != text.len() => Err(BadPattern::StarNotLast),
            _ => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_open_at_its_end_alone() {
        let matches = |pattern: &str, name| pattern.parse::<Pattern>().unwrap().matches(name);
        assert!(matches("Order", "Order") && matches("Order*", "OrderPaid") && matches("*", "any"));
        assert!(
            !matches("Order", "OrderPaid") && !matches("Order*", "order") && !matches("Order*", "AnOrder")
        );
        assert_eq!("".parse::<Pattern>(), Err(BadPattern::Length));
        assert_eq!("*Order".parse::<Pattern>(), Err(BadPattern::StarNotLast));
        assert_eq!("**".parse::<Pattern>(), Err(BadPattern::StarNotLast));
    }

    #[test]
    fn limits_hold_together() {
        let grant = Grant {
            actions: [Action::Publish].into(),
            workflow_types: vec!["Order*".parse().unwrap()],
            sources: vec!["/shop/*".parse().unwrap()],
            subjects: vec!["events.shop.>".parse().unwrap()],
        };
        assert!(grant.gives(Action::Publish) && !grant.gives(Action::Start));
        assert!(grant.reaches_type("OrderPaid") && !grant.reaches_type("Refund"));
        let reaches = |source, subject: &str| grant.reaches_event(source, &subject.parse().unwrap());
        assert!(reaches("/shop/eu", "events.shop.paid"));
        assert!(!reaches("/shop/eu", "events.hr.paid") && !reaches("/hr", "events.shop.paid"));
    }

    #[test]
    fn an_administrator_may_do_all_and_without_limits_to_all() {
        let grant = Grant { actions: [Action::Admin].into(), ..Grant::default() };
        assert!(Action::ALL.into_iter().all(|action| grant.gives(action)));
        assert!(grant.reaches_type("Any") && grant.reaches_event("/any", &"events.any".parse().unwrap()));
        assert!(!Action::ALL.into_iter().any(|action| Grant::default().gives(action)));
    }
}
