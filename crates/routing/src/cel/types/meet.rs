//! Types that hold what two have in common.

use std::{collections::BTreeMap, sync::Arc};

use super::{Field, List, Maybe, Object, Text, Type};

impl Type {
    /// The type of the values that are of both types, or somewhat more.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Dyn, one) | (one, Self::Dyn) => one.clone(),
            (Self::Union(types), one) | (one, Self::Union(types)) => {
                Self::union(types.iter().map(|part| part.meet(one)))
            }
            _ => match self.meet_alike(other) {
                Some(both) if !both.is_impossible() => both,
                _ => Self::NEVER,
            },
        }
    }

    fn meet_alike(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Self::Bool(match (a, b) {
                (Some(a), Some(b)) if a != b => return None,
                _ => a.or(*b),
            }),
            (Self::Number(a), Self::Number(b)) => Self::Number(a.meet(b)),
            (Self::String(a), Self::String(b)) => Self::String(a.meet(b)),
            (Self::List(a), Self::List(b)) => Self::List(List {
                item: meet_shared(&a.item, &b.item),
                min_items: a.min_items.max(b.min_items),
                max_items: a.max_items.min(b.max_items),
            }),
            (Self::Object(a), Self::Object(b)) => Self::Object(a.meet(b)?),
            // A map with other keys may have none at all.
            (Self::Object(_), Self::Map(..)) => self.clone(),
            (Self::Map(..), Self::Object(_)) => other.clone(),
            (Self::Map(ak, av), Self::Map(bk, bv)) => Self::Map(meet_shared(ak, bk), meet_shared(av, bv)),
            (Self::Optional(a), Self::Optional(b)) => {
                Self::Optional(Maybe { value: meet_shared(&a.value, &b.value), sure: a.sure || b.sure })
            }
            (a, b) if a == b => a.clone(),
            _ => return None,
        })
    }

    /// Whether there is no value of this type, which is no union.
    pub(super) fn is_impossible(&self) -> bool {
        match self {
            Self::Number(number) => number.is_empty(),
            Self::String(text) => text.is_empty_set(),
            Self::List(list) => {
                list.min_items > list.max_items || (list.min_items > 0 && list.item.is_never())
            }
            Self::Object(object) => object.fields.values().any(|field| field.required && field.of.is_never()),
            Self::Optional(maybe) => maybe.sure && maybe.value.is_never(),
            other => other.is_never(),
        }
    }
}

fn meet_shared(a: &Arc<Type>, b: &Arc<Type>) -> Arc<Type> {
    if Arc::ptr_eq(a, b) { Arc::clone(a) } else { Arc::new(a.meet(b)) }
}

impl Text {
    fn meet(&self, other: &Self) -> Self {
        let (min_len, max_len) = (self.min_len.max(other.min_len), self.max_len.min(other.max_len));
        let both = Self {
            min_len,
            max_len,
            one_of: None,
            max_bytes: self.max_bytes.min(other.max_bytes),
            tidy: self.tidy || other.tidy,
            subject: self.subject || other.subject,
        };
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(a), Some(b)) => a & b,
            (Some(a), None) | (None, Some(a)) => a.clone(),
            (None, None) => return both,
        };
        both.among(one_of.iter())
    }

    /// Those of `texts` that are of this type.
    fn among<'t>(&self, texts: impl Iterator<Item = &'t Arc<str>>) -> Self {
        let fits = |text: &&Arc<str>| {
            (self.min_len..=self.max_len).contains(&super::length(text))
                && (!self.tidy || super::is_tidy(text))
                && (!self.subject || super::is_part_of_subject(text))
        };
        let texts: Vec<_> = texts.filter(fits).collect();
        if texts.is_empty() {
            return Self { min_len: 1, max_len: 0, ..self.clone() };
        }
        Self::only(texts.into_iter().map(|text| &**text))
    }

    /// All but one text.
    pub(crate) fn without(&self, text: &str) -> Self {
        match &self.one_of {
            Some(texts) => {
                let all = Self { one_of: None, ..self.clone() };
                all.among(texts.iter().filter(|one| &***one != text))
            }
            None if text.is_empty() => Self { min_len: self.min_len.max(1), ..self.clone() },
            None => self.clone(),
        }
    }
}

impl Object {
    fn meet(&self, other: &Self) -> Option<Self> {
        let mut fields = BTreeMap::new();
        for name in self.fields.keys().chain(other.fields.keys()) {
            let sides = [self.fields.get(name), other.fields.get(name)];
            let of = match sides {
                [Some(a), Some(b)] => meet_shared(&a.of, &b.of),
                _ => match (self.field(name), other.field(name)) {
                    (Some((a, _)), Some((b, _))) => Arc::new(a.meet(b)),
                    _ => Arc::new(Type::NEVER),
                },
            };
            let required = sides.iter().flatten().any(|field| field.required);
            if required && of.is_never() {
                return None;
            }
            fields.insert(Arc::clone(name), Field { of, required });
        }
        let rest = match (&self.rest, &other.rest) {
            (Some(a), Some(b)) => Some(meet_shared(a, b)).filter(|rest| !rest.is_never()),
            _ => None,
        };
        Some(Self { fields, rest })
    }
}
