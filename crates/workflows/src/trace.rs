//! The trace that a message belongs to.

use serde::{Deserialize, Serialize};
use signalbox_domain::TraceContext;
use temporalio_protos::temporal::api::common::v1::Payload;

/// The header in which Temporal's OpenTelemetry interceptors hand a trace on, in every SDK.
pub const TRACE_HEADER: &str = "_tracer-data";

/// The trace in a header of that name; none if there is no such header, or one that is malformed.
pub fn trace_of(header: Option<&Payload>) -> TraceContext {
    #[derive(Deserialize)]
    struct Carrier {
        traceparent: String,
        tracestate: Option<String>,
    }
    let carrier: Option<Carrier> = header.and_then(|payload| serde_json::from_slice(&payload.data).ok());
    carrier
        .map(|it| TraceContext::from_headers(Some(&it.traceparent), it.tracestate.as_deref()))
        .unwrap_or_default()
}

/// A `traceparent` as a workflow keeps it: empty, or as long as version 00 makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Traceparent(String);

impl Traceparent {
    /// What later versions may add is left away.
    const LENGTH: usize = 55;

    /// Of a header that came with a message.
    pub(crate) fn of(header: Option<&Payload>) -> Self {
        Self::from(trace_of(header))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<TraceContext> for Traceparent {
    fn from(trace: TraceContext) -> Self {
        Self(trace.traceparent().and_then(|text| text.get(..Self::LENGTH)).unwrap_or_default().to_owned())
    }
}

impl From<String> for Traceparent {
    fn from(text: String) -> Self {
        Self::from(TraceContext::from_headers(Some(&text), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::json_payload;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_header_of_any_sdk_is_read() {
        let python = json_payload(format!(r#"{{"traceparent":"{PARENT}"}}"#));
        let with_state = json_payload(format!(r#"{{"traceparent":"{PARENT}","tracestate":"a=b","x":"y"}}"#));
        assert_eq!(trace_of(Some(&python)).traceparent(), Some(PARENT));
        assert_eq!(trace_of(Some(&with_state)).tracestate(), Some("a=b"));
    }

    #[test]
    fn odd_headers_are_of_no_trace() {
        for odd in ["", "{", "null", "[]", r#"{"traceparent":7}"#, r#"{"traceparent":"x"}"#] {
            assert_eq!(trace_of(Some(&json_payload(odd.to_owned()))), TraceContext::default(), "{odd}");
        }
        assert_eq!(trace_of(None), TraceContext::default());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let later = format!("01{}-{}", &PARENT[2..], "x".repeat(400));
        assert_eq!(Traceparent::from(later).as_str(), format!("01{}", &PARENT[2..]));
        assert!(Traceparent::from("x".repeat(1000)).is_empty());
    }
}
