//! What is known of the events that a route will get, before there is one.

use super::events::DeclaredEvent;
use crate::{
    cel::known::{Known, Subjects},
    cel::types::Type,
    subject::{SubjectFilter, covers, overlap},
};

/// One for each declared event that may come, and one for all others if there are any.
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
        let mut known: Vec<_> = events.iter().filter_map(declared).collect();
        // Events of which nothing is declared may come, too.
        let is_declared = |filter: &SubjectFilter| {
            events.iter().flat_map(|event| &event.filters).any(|own| covers(own.as_str(), filter.as_str()))
        };
        let undeclared = filters.iter().filter(|filter| !is_declared(filter));
        if let Some(subjects) = undeclared.map(|filter| Subjects::of(filter.as_str())).reduce(Subjects::or) {
            known.push(Known::of(Type::Dyn, &subjects, false));
        }
        Self(known)
    }
}
