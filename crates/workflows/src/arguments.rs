//! Reads the arguments of signals and inputs, whatever their shape.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::ApplicationFailure;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_workflow::WorkflowTermination;

/// Type of the application failure of a run whose input cannot be understood.
pub const INVALID_INPUT: &str = "InvalidInput";

/// Longest text that a workflow takes, in bytes of its JSON form.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Why arguments were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not exactly one payload.
    #[error("takes one argument, not {0}")]
    Count(usize),
    /// An encoding other than JSON, text or null.
    #[error("cannot read arguments of encoding {0:?}")]
    Encoding(String),
    /// Bytes that are not what their encoding says.
    #[error("argument is not valid {0}")]
    Malformed(&'static str),
    /// JSON of the wrong shape.
    #[error("{0}")]
    Shape(String),
    /// Longer than [`MAX_TEXT_BYTES`].
    #[error("text of {0} bytes is longer than {MAX_TEXT_BYTES}")]
    TooLong(usize),
}

impl From<Unreadable> for WorkflowTermination {
    fn from(why: Unreadable) -> Self {
        ApplicationFailure::builder(why)
            .type_name(INVALID_INPUT.to_owned())
            .non_retryable(true)
            .build()
            .into()
    }
}

/// The one argument as a text: a string as it is, other JSON as its compact JSON text.
pub(crate) fn text(arguments: &RawValue) -> Result<String, Unreadable> {
    let json = json(arguments)?;
    let text = serde_json::from_str(&json).unwrap_or_else(|_| compact(&json));
    bounded(text)
}

/// The one argument as a `T` if it is an object, or as the task of a `T` if it is a string.
pub(crate) fn task_or_object<T: DeserializeOwned + From<String>>(
    arguments: &RawValue,
) -> Result<T, Unreadable> {
    let json = json(arguments)?;
    match serde_json::from_str::<String>(&json) {
        Ok(task) => Ok(T::from(bounded(task)?)),
        Err(_) => shaped(&json),
    }
}

/// The one argument as a `T`.
pub(crate) fn object<T: DeserializeOwned>(arguments: &RawValue) -> Result<T, Unreadable> {
    shaped(&json(arguments)?)
}

/// The text, unless it is too long.
pub(crate) fn bounded(text: String) -> Result<String, Unreadable> {
    match json_bytes(&text) {
        bytes if bytes > MAX_TEXT_BYTES => Err(Unreadable::TooLong(bytes)),
        _ => Ok(text),
    }
}

/// Length of the text as a JSON string: control characters take six bytes each.
pub(crate) fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

/// A payload of JSON text.
pub(crate) fn json_payload(json: String) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: json.into_bytes(),
        ..Payload::default()
    }
}

/// The one argument as valid JSON text.
pub(crate) fn json(arguments: &RawValue) -> Result<Cow<'_, str>, Unreadable> {
    let [payload] = arguments.payloads.as_slice() else {
        return Err(Unreadable::Count(arguments.payloads.len()));
    };
    match payload.metadata.get("encoding").map(Vec::as_slice).unwrap_or_default() {
        b"json/plain" | b"json/protobuf" => Ok(valid_json(utf8(&payload.data)?)?.into()),
        b"binary/plain" => serde_json::to_string(utf8(&payload.data)?)
            .map(Cow::from)
            .map_err(|_| Unreadable::Malformed("text")),
        b"binary/null" => Ok("null".into()),
        other => Err(Unreadable::Encoding(String::from_utf8_lossy(other).chars().take(64).collect())),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable::Malformed("UTF-8"))
}

fn valid_json(text: &str) -> Result<&str, Unreadable> {
    let checked: Result<&serde_json::value::RawValue, _> = serde_json::from_str(text);
    checked.map(|json| json.get()).map_err(|_| Unreadable::Malformed("JSON"))
}

fn shaped<T: DeserializeOwned>(json: &str) -> Result<T, Unreadable> {
    serde_json::from_str(json).map_err(|why| Unreadable::Shape(why.to_string().chars().take(512).collect()))
}

/// Valid JSON without the space between its tokens: numbers and the order of keys stay as they are, which going
/// through a `serde_json::Value` would not promise.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|&c| {
        if in_string {
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            true
        } else {
            in_string = c == '"';
            !c.is_ascii_whitespace()
        }
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(encoding: &str, data: impl Into<Vec<u8>>) -> Payload {
        Payload {
            metadata: [("encoding".to_owned(), encoding.into())].into(),
            data: data.into(),
            ..Payload::default()
        }
    }

    fn read(encoding: &str, data: impl Into<Vec<u8>>) -> Result<String, Unreadable> {
        text(&RawValue::new(vec![payload(encoding, data)]))
    }

    #[test]
    fn json_is_taken_as_a_string_or_as_compact_text() {
        for (json, expected) in [
            (r#""hi""#, "hi"),
            (r#""""#, ""),
            (r#"{ "b" : 1, "a" : "x \" y" }"#, r#"{"b":1,"a":"x \" y"}"#),
            ("[ 1 ,\n2.50 ]", "[1,2.50]"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1e999", "1e999"),
            ("null", "null"),
            ("true", "true"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            assert_eq!(read("json/plain", json).as_deref(), Ok(expected), "{json}");
            assert_eq!(read("json/protobuf", json).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn other_encodings_are_read_or_refused() {
        assert_eq!(read("binary/plain", "plain \"text\"").as_deref(), Ok("plain \"text\""));
        assert_eq!(read("binary/null", "").as_deref(), Ok("null"));
        assert_eq!(read("binary/plain", [0xff]), Err(Unreadable::Malformed("UTF-8")));
        assert_eq!(read("json/plain", "{"), Err(Unreadable::Malformed("JSON")));
        assert_eq!(read("json/plain", ""), Err(Unreadable::Malformed("JSON")));
        assert_eq!(read("json/plain", [b'"', 0xff, b'"']), Err(Unreadable::Malformed("UTF-8")));
        assert_eq!(read("binary/protobuf", "x"), Err(Unreadable::Encoding("binary/protobuf".to_owned())));
        assert_eq!(text(&RawValue::new(vec![Payload::default()])), Err(Unreadable::Encoding(String::new())));
    }

    #[test]
    fn only_one_argument_is_taken() {
        let one = payload("json/plain", "1");
        assert_eq!(text(&RawValue::new(vec![])), Err(Unreadable::Count(0)));
        assert_eq!(text(&RawValue::new(vec![one.clone(), one])), Err(Unreadable::Count(2)));
    }

    #[test]
    fn the_length_counts_as_json() {
        assert!(read("binary/plain", "a".repeat(MAX_TEXT_BYTES - 2)).is_ok());
        assert_eq!(
            read("binary/plain", "a".repeat(MAX_TEXT_BYTES)),
            Err(Unreadable::TooLong(MAX_TEXT_BYTES + 2))
        );
        let control = "\u{1}".repeat(MAX_TEXT_BYTES / 2);
        assert!(matches!(read("binary/plain", control), Err(Unreadable::TooLong(_))));
    }

    #[test]
    fn nesting_does_not_exhaust_the_stack() {
        let deep = "[".repeat(20_000) + &"]".repeat(20_000);
        assert_eq!(read("json/plain", deep.clone()).as_deref(), Ok(deep.as_str()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(encoding in "json/plain|json/protobuf|binary/plain|x", data: Vec<u8>) {
            read(&encoding, data).ok();
        }

        #[test]
        fn compact_text_has_the_same_value(key: String, number: i64) {
            let json = serde_json::json!({ key: [number, -1], "z": null });
            let pretty = serde_json::to_string_pretty(&json).unwrap();
            prop_assert_eq!(compact(&pretty), json.to_string());
        }
    }
}
