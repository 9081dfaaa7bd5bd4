//! What is known of a value before there is one.
//!
//! A type is a set of values, and always at least as large as the truth: what cannot be said exactly is widened.

mod join;
mod meet;
mod number;
mod words;

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

pub(crate) use number::{Number, Order};
use serde_json::Value;
pub(crate) use words::items;

/// A length that has no limit.
pub(crate) const UNLIMITED: u64 = u64::MAX;
/// How many texts a type lists before it only knows their lengths.
const MOST_TEXTS: usize = 64;

/// A set of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Nothing is known.
    Dyn,
    Null,
    /// A boolean, and which, where that is known.
    Bool(Option<bool>),
    /// An `int`, `uint` or `double`: JSON does not tell them apart.
    Number(Number),
    String(Text),
    Bytes,
    Timestamp,
    Duration,
    /// A type as a value: `int`, `type(x)`.
    Kind,
    List(List),
    /// A map with texts for keys.
    Object(Object),
    /// A map with other keys: of keys to values.
    Map(Arc<Type>, Arc<Type>),
    Optional(Maybe),
    /// One of several; none of them is a union, [`Type::Dyn`] or part of another. Without any, there is no value.
    Union(Vec<Type>),
}

/// Texts; lengths are in characters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) min_len: u64,
    pub(crate) max_len: u64,
    /// The only ones, where they are known.
    pub(crate) one_of: Option<BTreeSet<Arc<str>>>,
    /// The largest number of bytes, where that says more than the length.
    pub(crate) max_bytes: u64,
    /// No control characters, and no white space at the ends: what ids ask for.
    pub(crate) tidy: bool,
    /// Can be a part of a subject: neither white space, control characters, `*` nor `>`, no dot at the ends, and no two
    /// dots together.
    pub(crate) subject: bool,
}

/// Lists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List {
    pub(crate) item: Arc<Type>,
    pub(crate) min_items: u64,
    pub(crate) max_items: u64,
}

/// Maps with texts for keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) fields: BTreeMap<Arc<str>, Field>,
    /// The values of all other keys; without it there are none.
    pub(crate) rest: Option<Arc<Type>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// Empty if the field is known to be absent.
    pub(crate) of: Arc<Type>,
    pub(crate) required: bool,
}

/// Optional values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Maybe {
    pub(crate) value: Arc<Type>,
    /// There certainly is a value.
    pub(crate) sure: bool,
}

impl Text {
    pub(crate) const ANY: Self = Self {
        min_len: 0,
        max_len: UNLIMITED,
        one_of: None,
        max_bytes: UNLIMITED,
        tidy: false,
        subject: false,
    };

    /// Tidy texts of these lengths, the greatest also in bytes.
    pub(crate) fn tidy(min_len: u64, max_len: u64) -> Self {
        Self { min_len, max_len, max_bytes: max_len, tidy: true, ..Self::ANY }
    }

    /// The same that can be a part of a subject.
    pub(crate) fn plain(min_len: u64, max_len: u64) -> Self {
        Self { subject: true, ..Self::tidy(min_len, max_len) }
    }

    /// The largest number of bytes.
    pub(crate) fn most_bytes(&self) -> u64 {
        match &self.one_of {
            Some(texts) => texts.iter().map(|text| text.len() as u64).max().unwrap_or(0),
            None => self.max_bytes.min(self.max_len.saturating_mul(4)),
        }
    }

    /// These texts and no others.
    pub(crate) fn only<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let one_of: BTreeSet<Arc<str>> = texts.into_iter().map(Arc::from).collect();
        let lengths = || one_of.iter().map(|text| length(text));
        let (min_len, max_len) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        let max_bytes = one_of.iter().map(|text| text.len() as u64).max().unwrap_or(0);
        let tidy = one_of.iter().all(|text| is_tidy(text));
        let subject = one_of.iter().all(|text| is_part_of_subject(text));
        let one_of = (one_of.len() <= MOST_TEXTS).then_some(one_of);
        Self { min_len, max_len, one_of, max_bytes, tidy, subject }
    }

    /// The text, if there is only one.
    pub(crate) fn constant(&self) -> Option<&str> {
        match &self.one_of {
            Some(texts) if texts.len() == 1 => texts.first().map(|text| &**text),
            _ => None,
        }
    }

    fn is_empty_set(&self) -> bool {
        self.min_len > self.max_len || self.one_of.as_ref().is_some_and(BTreeSet::is_empty)
    }
}

/// A size as a double.
#[allow(clippy::cast_precision_loss, reason = "sizes are far below what doubles count")]
pub(crate) fn to_double(size: u64) -> f64 {
    if size == UNLIMITED { f64::INFINITY } else { size as f64 }
}

pub(crate) fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(UNLIMITED)
}

pub(crate) fn is_tidy(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

pub(crate) fn is_part_of_subject(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
    text.is_empty() || !(text.chars().any(odd) || text.split('.').any(str::is_empty))
}

impl Object {
    /// A map with any fields.
    pub(crate) fn open() -> Self {
        Self { fields: BTreeMap::new(), rest: Some(Arc::new(Type::Dyn)) }
    }

    /// The type of a field, and whether it is certainly there. `None` if it certainly is not.
    pub(crate) fn field(&self, name: &str) -> Option<(&Type, bool)> {
        match self.fields.get(name) {
            Some(field) if field.of.is_never() => None,
            Some(field) => Some((&*field.of, field.required)),
            None => self.rest.as_ref().map(|rest| (&**rest, false)),
        }
    }

    /// Every value that a key can have.
    pub(crate) fn values(&self) -> Type {
        let fields = self.fields.values().map(|field| (*field.of).clone());
        Type::union(fields.chain(self.rest.iter().map(|rest| (**rest).clone())))
    }

    /// Every key.
    pub(crate) fn keys(&self) -> Type {
        if self.rest.is_some() {
            return Type::TEXT;
        }
        let names = self.fields.iter().filter(|(_, field)| !field.of.is_never()).map(|(name, _)| &**name);
        Type::union([Type::String(Text::only(names))])
    }

    /// The least number of fields.
    pub(crate) fn min_fields(&self) -> u64 {
        self.fields.values().filter(|field| field.required).count() as u64
    }

    /// The largest number of fields.
    pub(crate) fn max_fields(&self) -> u64 {
        match self.rest {
            Some(_) => UNLIMITED,
            None => self.fields.values().filter(|field| !field.of.is_never()).count() as u64,
        }
    }
}

impl Type {
    pub(crate) const NEVER: Self = Self::Union(Vec::new());
    pub(crate) const BOOL: Self = Self::Bool(None);
    pub(crate) const NUMBER: Self = Self::Number(Number::ANY);
    pub(crate) const TEXT: Self = Self::String(Text::ANY);

    /// Lists of `item`.
    pub(crate) fn list(item: Self) -> Self {
        Self::List(List { item: Arc::new(item), min_items: 0, max_items: UNLIMITED })
    }

    /// Lists of `item` with so many items.
    pub(crate) fn list_of(item: Self, min_items: u64, max_items: u64) -> Self {
        Self::List(List { item: Arc::new(item), min_items, max_items })
    }

    /// A map of texts to `value`.
    pub(crate) fn map(value: Self) -> Self {
        Self::Object(Object { fields: BTreeMap::new(), rest: Some(Arc::new(value)) })
    }

    /// An optional value.
    pub(crate) fn optional(value: Self) -> Self {
        Self::Optional(Maybe { value: Arc::new(value), sure: false })
    }

    /// One text.
    pub(crate) fn text(text: &str) -> Self {
        Self::String(Text::only([text]))
    }

    /// Whether there is no such value.
    pub(crate) fn is_never(&self) -> bool {
        matches!(self, Self::Union(types) if types.is_empty())
    }

    /// The types of a union, or the one type.
    pub(crate) fn alternatives(&self) -> &[Self] {
        match self {
            Self::Union(types) => types,
            one => std::slice::from_ref(one),
        }
    }

    /// The value, if it is a boolean and known.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => *value,
            _ => None,
        }
    }

    /// The type of one JSON value.
    pub(crate) fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(Some(*flag)),
            Value::Number(number) => Self::Number(Number::of_json(number)),
            Value::String(text) => Self::text(text),
            Value::Array(items) => {
                let count = items.len() as u64;
                Self::list_of(Self::union(items.iter().map(Self::of_value)), count, count)
            }
            Value::Object(entries) => {
                let field = |value| Field { of: Arc::new(Self::of_value(value)), required: true };
                let fields = entries.iter().map(|(name, value)| (Arc::from(name.as_str()), field(value)));
                Self::Object(Object { fields: fields.collect(), rest: None })
            }
        }
    }

    /// What is left of the type in JSON: bytes, times and spans of time are texts there, and no optional value is
    /// null. `None` if some of it has no place in JSON.
    pub(crate) fn in_json(&self) -> Option<Self> {
        Some(match self {
            Self::Kind => return None,
            Self::Bytes => Self::TEXT,
            Self::Timestamp => Self::String(Text::plain(20, 40)),
            Self::Duration => Self::String(Text::plain(2, 40)),
            Self::Optional(maybe) => {
                let value = maybe.value.in_json()?;
                if maybe.sure { value } else { Self::union([value, Self::Null]) }
            }
            Self::List(list) => Self::List(List { item: Arc::new(list.item.in_json()?), ..list.clone() }),
            Self::Map(_, value) => Self::map(value.in_json()?),
            Self::Object(object) => {
                let field = |(name, field): (&Arc<str>, &Field)| {
                    let of = Arc::new(field.of.in_json()?);
                    Some((Arc::clone(name), Field { of, required: field.required }))
                };
                let fields = object.fields.iter().map(field).collect::<Option<_>>()?;
                let rest = match &object.rest {
                    Some(rest) => Some(Arc::new(rest.in_json()?)),
                    None => None,
                };
                Self::Object(Object { fields, rest })
            }
            Self::Union(types) => Self::union(types.iter().map(Self::in_json).collect::<Option<Vec<_>>>()?),
            same @ (Self::Dyn | Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_)) => {
                same.clone()
            }
        })
    }

    /// Whether a JSON value is one of these.
    #[cfg(test)]
    pub(crate) fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Dyn, _) | (Self::Null, Value::Null) => true,
            (Self::Bool(known), Value::Bool(flag)) => known.is_none_or(|known| known == *flag),
            (Self::Number(known), Value::Number(number)) => known.admits(number),
            (Self::String(known), Value::String(text)) => {
                let listed = known.one_of.as_ref().is_none_or(|texts| texts.contains(text.as_str()));
                let fits = (known.min_len..=known.max_len).contains(&length(text));
                let fits = fits && text.len() as u64 <= known.max_bytes;
                listed
                    && fits
                    && (!known.tidy || is_tidy(text))
                    && (!known.subject || is_part_of_subject(text))
            }
            (Self::List(list), Value::Array(items)) => {
                let count = items.len() as u64;
                (list.min_items..=list.max_items).contains(&count)
                    && items.iter().all(|item| list.item.admits(item))
            }
            (Self::Object(object), Value::Object(entries)) => {
                let known = |(name, value): (&String, &Value)| {
                    object.field(name).is_some_and(|(of, _)| of.admits(value))
                };
                let there =
                    |(name, field): (&Arc<str>, &Field)| !field.required || entries.contains_key(&**name);
                entries.iter().all(known) && object.fields.iter().all(there)
            }
            (Self::Union(types), value) => types.iter().any(|one| one.admits(value)),
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "types_tests.rs"]
mod tests;
