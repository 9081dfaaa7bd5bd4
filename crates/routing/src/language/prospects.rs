//! What is known of the events that a route will get, before there is one.

use super::events::DeclaredEvent;
use crate::{
    cel::known::{Known, Subjects},
    cel::types::Type,
    subject::{SubjectFilter, overlap},
};

/// One for each declared event that may come, or one for any event if none is declared.
#[derive(Clone, Debug)]
pub(crate) struct Prospects(pub(crate) Vec<Known>);

impl Prospects {
    /// Any event at all.
    pub(crate) fn nothing() -> Self {
        Self(vec![Known::nothing()])
    }

    /// What matches one of `filters`.
    pub(crate) fn of(filters: &[SubjectFilter], events: &[DeclaredEvent]) -> Self {
        let declared = |event: &DeclaredEvent| {
            let pairs = filters.iter().flat_map(|filter| event.filters.iter().map(move |own| (filter, own)));
            let subjects = pairs
                .filter(|(filter, own)| overlap(filter.as_str(), own.as_str()))
                .map(|(filter, own)| Subjects::of(filter.as_str()).and(Subjects::of(own.as_str())));
            Some(Known::of(event.data.clone(), &subjects.reduce(Subjects::or)?, true))
        };
        let known: Vec<_> = events.iter().filter_map(declared).collect();
        if known.is_empty() { Self::undeclared(filters) } else { Self(known) }
    }

    /// The same without regard to what is declared.
    pub(crate) fn undeclared(filters: &[SubjectFilter]) -> Self {
        let subjects = filters.iter().map(|filter| Subjects::of(filter.as_str())).reduce(Subjects::or);
        Self(vec![Known::of(Type::Dyn, &subjects.unwrap_or_default(), false)])
    }
}
