//! Types as messages name them.

use std::fmt;

use super::{List, Maybe, Text, Type, UNLIMITED};

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("anything"),
            Self::Null => f.write_str("null"),
            Self::Bool(Some(value)) => write!(f, "{value}"),
            Self::Bool(None) => f.write_str("a boolean"),
            Self::Number(number) if number.min == number.max => write!(f, "{}", number.min),
            Self::Number(_) => f.write_str("a number"),
            Self::String(text) => text.fmt(f),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("a timestamp"),
            Self::Duration => f.write_str("a duration"),
            Self::Kind => f.write_str("a type"),
            Self::List(List { max_items: 0, .. }) => f.write_str("an empty list"),
            Self::List(_) => f.write_str("a list"),
            Self::Object(_) | Self::Map(..) => f.write_str("a map"),
            Self::Optional(Maybe { value, .. }) if value.is_never() => f.write_str("no value"),
            Self::Optional(_) => f.write_str("an optional value"),
            Self::Union(types) => match types.split_last() {
                Some((last, [])) => last.fmt(f),
                Some((last, others)) => {
                    for (index, one) in others.iter().enumerate() {
                        write!(f, "{}{one}", if index > 0 { ", " } else { "" })?;
                    }
                    write!(f, " or {last}")
                }
                None => f.write_str("nothing"),
            },
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.one_of {
            Some(texts) if texts.len() <= 6 => {
                let last = texts.len().saturating_sub(1);
                for (index, text) in texts.iter().enumerate() {
                    let short: String = text.chars().take(40).collect();
                    let before = match index {
                        0 => "",
                        index if index == last => " or ",
                        _ => ", ",
                    };
                    write!(f, "{before}{short:?}")?;
                }
                Ok(())
            }
            _ => f.write_str("a text"),
        }
    }
}

/// `1 item`, `3 items`.
pub(crate) fn items(count: u64) -> String {
    match count {
        1 => "1 item".to_owned(),
        UNLIMITED => "any number of items".to_owned(),
        count => format!("{count} items"),
    }
}
