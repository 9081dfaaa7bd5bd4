//! W3C Trace Context as it is carried from hop to hop.

use signalbox_proto::v1;

/// The two headers of W3C Trace Context. Empty when the sender traces nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: Box<str>,
    tracestate: Box<str>,
}

impl TraceContext {
    /// From the headers' values. A `traceparent` that is malformed (W3C Trace Context, 3.2.2) starts no trace:
    /// both headers are then ignored, as the recommendation asks (3.2.3).
    pub fn from_headers(traceparent: Option<&str>, tracestate: Option<&str>) -> Self {
        match traceparent.filter(|text| well_formed(text)) {
            Some(parent) => Self {
                traceparent: parent.into(),
                tracestate: tracestate
                    .filter(|t| t.len() <= 512 && !t.chars().any(char::is_control))
                    .unwrap_or_default()
                    .into(),
            },
            None => Self::default(),
        }
    }

    /// `traceparent`, where there is one.
    pub fn traceparent(&self) -> Option<&str> {
        (!self.traceparent.is_empty()).then_some(&*self.traceparent)
    }

    /// `tracestate`, where there is one.
    pub fn tracestate(&self) -> Option<&str> {
        (!self.tracestate.is_empty()).then_some(&*self.tracestate)
    }

    /// The trace id, 32 hexadecimal digits, where there is one.
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.get(3..35)
    }

    /// The id of the span that caused what carries this, 16 hexadecimal digits.
    pub fn span_id(&self) -> Option<&str> {
        self.traceparent.get(36..52)
    }

    /// Whether the trace is recorded (W3C Trace Context, 3.2.2.5.1).
    pub fn is_sampled(&self) -> bool {
        let flags = self.traceparent.get(53..55).and_then(|flags| u8::from_str_radix(flags, 16).ok());
        flags.is_some_and(|flags| flags & 1 == 1)
    }

    /// For a message.
    pub fn to_wire(&self) -> Option<v1::TraceContext> {
        self.traceparent().map(|parent| v1::TraceContext {
            traceparent: parent.to_owned(),
            tracestate: self.tracestate.to_string(),
        })
    }

    /// From a message.
    pub fn from_wire(wire: Option<&v1::TraceContext>) -> Self {
        wire.map(|w| Self::from_headers(Some(&w.traceparent), Some(&w.tracestate))).unwrap_or_default()
    }
}

fn well_formed(text: &str) -> bool {
    let lower_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let mut parts = text.split('-');
    let (Some(version), Some(trace), Some(span), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    lower_hex(version, 2)
        && version != "ff"
        && lower_hex(trace, 32)
        && !zero(trace)
        && lower_hex(span, 16)
        && !zero(span)
        && lower_hex(flags, 2)
        && (version != "00" || parts.next().is_none())
        && text.len() <= 512
        && text.is_ascii()
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_parents_start_no_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::from_headers(Some(good), Some("a=b"));
        assert_eq!(trace.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!((trace.span_id(), trace.is_sampled()), (Some("00f067aa0ba902b7"), true));
        assert_eq!(TraceContext::from_wire(trace.to_wire().as_ref()), trace);
        for bad in
            ["", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "é-", &good.to_uppercase()]
        {
            assert_eq!(TraceContext::from_headers(Some(bad), Some("a=b")), TraceContext::default(), "{bad}");
            assert!(!TraceContext::from_headers(Some(bad), None).is_sampled());
        }
    }
}
