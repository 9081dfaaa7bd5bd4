//! JSON text to payloads and back.

use std::collections::HashMap;

use serde_json::{Value, json};
use signalbox_domain::{JsonText, TraceContext};
use temporalio_common::protos::temporal::api::common::v1::{
    Header, Memo, Payload, Payloads, SearchAttributes,
};

/// The header that Temporal's OpenTelemetry interceptors read, in every SDK.
const TRACER_HEADER: &str = "_tracer-data";

pub(crate) fn json_payload(text: impl Into<Vec<u8>>) -> Payload {
    Payload {
        metadata: HashMap::from([("encoding".to_owned(), b"json/plain".to_vec())]),
        data: text.into(),
        ..Default::default()
    }
}

pub(crate) fn payload(text: &JsonText) -> Payload {
    json_payload(text.bytes().to_vec())
}

pub(crate) fn arguments(args: &[JsonText]) -> Option<Payloads> {
    let payloads = args.iter().map(payload).collect();
    (!args.is_empty()).then_some(Payloads { payloads })
}

pub(crate) fn trace_header(trace: &TraceContext) -> Option<Header> {
    let parent = trace.traceparent()?;
    let mut carrier = json!({ "traceparent": parent });
    if let (Some(state), Some(fields)) = (trace.tracestate(), carrier.as_object_mut()) {
        fields.insert("tracestate".to_owned(), state.into());
    }
    Some(Header { fields: HashMap::from([(TRACER_HEADER.to_owned(), json_payload(carrier.to_string()))]) })
}

pub(crate) fn keyword(name: &str, value: &str) -> SearchAttributes {
    let mut payload = json_payload(Value::from(value).to_string());
    payload.metadata.insert("type".to_owned(), b"Keyword".to_vec());
    SearchAttributes { indexed_fields: HashMap::from([(name.to_owned(), payload)]) }
}

pub(crate) fn memo(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Memo {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), json_payload(value.to_string())));
    Memo { fields: fields.collect() }
}

/// What a payload says, as JSON. What is not JSON is shown by its encoding and its bytes in base64, so that a
/// result of any SDK and any converter can be answered.
pub(crate) fn to_json(payload: &Payload) -> Value {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoding = payload.metadata.get("encoding").map(|e| String::from_utf8_lossy(e)).unwrap_or_default();
    let parsed = match encoding.as_ref() {
        "binary/null" => Some(Value::Null),
        "json/plain" | "json/protobuf" => serde_json::from_slice(&payload.data).ok(),
        _ => None,
    };
    parsed.unwrap_or_else(|| json!({ "encoding": encoding, "data_base64": STANDARD.encode(&payload.data) }))
}

/// One payload is its value, none is null, several are a list.
pub(crate) fn all_to_json(payloads: &[Payload]) -> Value {
    match payloads {
        [] => Value::Null,
        [one] => to_json(one),
        several => several.iter().map(to_json).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_any_encoding_can_be_shown() {
        assert_eq!(all_to_json(&[]), Value::Null);
        assert_eq!(
            all_to_json(&[json_payload("{\"a\":9007199254740993}")]),
            json!({"a": 9007199254740993u64})
        );
        let broken = json!({"encoding": "json/plain", "data_base64": "ew=="});
        assert_eq!(all_to_json(&[json_payload("{"), json_payload("1")]), json!([broken, 1]));
        let mut null = json_payload("");
        null.metadata.insert("encoding".into(), b"binary/null".to_vec());
        assert_eq!(to_json(&null), Value::Null);
    }

    #[test]
    fn no_trace_makes_no_header() {
        assert_eq!(trace_header(&TraceContext::default()), None);
    }
}
