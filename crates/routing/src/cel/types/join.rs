//! Types that hold either of two.

use std::{collections::BTreeMap, sync::Arc};

use super::{Field, List, MOST_TEXTS, Maybe, Object, Text, Type};

/// How many kinds of maps a union tells apart.
const MOST_OBJECTS: usize = 8;

impl Type {
    /// The type of all values of all `types`.
    pub(crate) fn union(types: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Vec::new();
        for one in types {
            match one {
                Self::Union(parts) => parts.into_iter().for_each(|part| add(&mut joined, part)),
                one => add(&mut joined, one),
            }
        }
        if joined.contains(&Self::Dyn) {
            return Self::Dyn;
        }
        match joined.pop() {
            Some(one) if joined.is_empty() => one,
            last => {
                joined.extend(last);
                Self::Union(joined)
            }
        }
    }

    /// The type of all values of both.
    pub(crate) fn join(self, other: Self) -> Self {
        Self::union([self, other])
    }
}

/// Adds a type that is no union, as part of another where that loses nothing of importance.
fn add(joined: &mut Vec<Type>, new: Type) {
    if new.is_impossible() || joined.contains(&new) {
        return;
    }
    let objects = joined.iter().filter(|one| matches!(one, Type::Object(_))).count();
    for old in joined.iter_mut() {
        if let Some(both) = merged(old, &new, objects >= MOST_OBJECTS) {
            *old = both;
            return;
        }
    }
    joined.push(new);
}

/// One type for both, if they are of one kind.
fn merged(old: &Type, new: &Type, any_objects: bool) -> Option<Type> {
    Some(match (old, new) {
        (Type::Bool(a), Type::Bool(b)) => Type::Bool(if a == b { *a } else { None }),
        (Type::Number(a), Type::Number(b)) => Type::Number(a.join(b)),
        (Type::String(a), Type::String(b)) => Type::String(a.join(b)),
        (Type::List(a), Type::List(b)) => Type::List(List {
            item: join_shared(&a.item, &b.item),
            min_items: a.min_items.min(b.min_items),
            max_items: a.max_items.max(b.max_items),
        }),
        (Type::Map(ak, av), Type::Map(bk, bv)) => Type::Map(join_shared(ak, bk), join_shared(av, bv)),
        (Type::Optional(a), Type::Optional(b)) => {
            Type::Optional(Maybe { value: join_shared(&a.value, &b.value), sure: a.sure && b.sure })
        }
        // Maps that a field tells apart (`kind: "card"`, `kind: "cash"`) stay apart.
        (Type::Object(a), Type::Object(b)) if any_objects || !a.is_told_from(b) => Type::Object(a.join(b)),
        _ => return None,
    })
}

fn join_shared(a: &Arc<Type>, b: &Arc<Type>) -> Arc<Type> {
    if Arc::ptr_eq(a, b) { Arc::clone(a) } else { Arc::new((**a).clone().join((**b).clone())) }
}

impl Text {
    fn join(&self, other: &Self) -> Self {
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(a), Some(b)) => Some(a | b).filter(|texts| texts.len() <= MOST_TEXTS),
            _ => None,
        };
        Self {
            min_len: self.min_len.min(other.min_len),
            max_len: self.max_len.max(other.max_len),
            one_of,
            max_bytes: self.most_bytes().max(other.most_bytes()),
            tidy: self.tidy && other.tidy,
            subject: self.subject && other.subject,
        }
    }
}

impl Object {
    /// Whether some field that both have is never the same.
    fn is_told_from(&self, other: &Self) -> bool {
        self.fields.iter().filter(|(_, field)| field.required).any(|(name, field)| {
            let other = other.fields.get(name).filter(|field| field.required);
            other.is_some_and(|other| other.of.meet(&field.of).is_never())
        })
    }

    fn join(&self, other: &Self) -> Self {
        let names = self.fields.keys().chain(other.fields.keys());
        let fields: BTreeMap<Arc<str>, Field> = names
            .map(|name| {
                let sides = [self, other].map(|side| side.fields.get(name));
                let of = match sides {
                    [Some(a), Some(b)] => join_shared(&a.of, &b.of),
                    _ => {
                        let of = [self, other].into_iter().filter_map(|side| side.field(name));
                        Arc::new(Type::union(of.map(|(of, _)| of.clone())))
                    }
                };
                let required = sides.iter().all(|side| side.is_some_and(|field| field.required));
                (Arc::clone(name), Field { of, required })
            })
            .collect();
        let rest = match (&self.rest, &other.rest) {
            (Some(a), Some(b)) => Some(join_shared(a, b)),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        Self { fields, rest }
    }
}
