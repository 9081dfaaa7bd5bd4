//! JSON that is only looked at.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Any JSON, as strictly read as into a [`serde_json::Value`], but not kept: texts are UTF-8, numbers are in range, and
/// nothing is nested too deep. `serde`'s `IgnoredAny` looks at none of that.
#[derive(Debug)]
pub(crate) struct Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Json)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What two readers say of a text: nothing, or why not.
    fn said(text: &[u8]) -> [Option<String>; 2] {
        let of = |error: serde_json::Error| error.to_string();
        [
            serde_json::from_slice::<Json>(text).err().map(of),
            serde_json::from_slice::<Value>(text).err().map(of),
        ]
    }

    #[test]
    fn it_is_as_strict_as_a_value() {
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for text in [
            r#"{"a":[1,-2,2.5e3,null,true,"\u00fc",{}]}"#.as_bytes(),
            b"\"\xff\"",
            b"1e999",
            b"{\"a\":1,}",
            b"[1] 2",
            br#""\ud800""#,
            b"{1:2}",
            b"",
            deep.as_bytes(),
        ] {
            let [ours, values] = said(text);
            assert_eq!(ours, values, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn it_says_what_a_value_says(text in "[\\[\\]{}\",:0-9eE.+\\-a-z\\\\u ]{0,24}") {
            let [ours, values] = said(text.as_bytes());
            prop_assert_eq!(ours, values);
        }
    }
}
