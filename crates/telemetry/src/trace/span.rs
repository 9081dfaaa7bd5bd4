use std::{borrow::Cow, fmt};

use futures::future::Either;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId, Value,
    context::FutureExt,
    trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceState, Tracer},
};
use opentelemetry_sdk::trace as sdk;
use signalbox_domain::TraceContext;

use super::tracer;

/// A span, which ends when it is dropped. While nothing is traced it is nothing but the context of its parent.
pub struct Span {
    // Most are not recorded, and a recorded one is large.
    recording: Option<Box<sdk::Span>>,
    parent: TraceContext,
}

impl Span {
    /// The work for a request that came in.
    pub fn server(parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::start(SpanKind::Server, parent, name)
    }

    /// A request to another service, from its beginning to the answer.
    pub fn client(parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::start(SpanKind::Client, parent, name)
    }

    /// A request that belongs to what this task works for ([`Span::around`]); nothing, if that is not traced. For
    /// calls that are also made for nobody, such as probes.
    pub fn call(name: impl FnOnce() -> Cow<'static, str>) -> Self {
        let parent = current();
        match parent.traceparent() {
            Some(_) => Self::client(&parent, name),
            None => Self { recording: None, parent },
        }
    }

    /// The sending of a message.
    pub fn producer(parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::start(SpanKind::Producer, parent, name)
    }

    /// The work for a message.
    pub fn consumer(parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::start(SpanKind::Consumer, parent, name)
    }

    /// Work inside the process.
    pub fn internal(parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::start(SpanKind::Internal, parent, name)
    }

    /// No span, of no trace.
    pub fn none() -> Self {
        Self { recording: None, parent: TraceContext::default() }
    }

    fn start(kind: SpanKind, parent: &TraceContext, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        let recording = tracer().map(|tracer| {
            let builder = SpanBuilder::from_name(name()).with_kind(kind);
            Box::new(tracer.build_with_context(builder, &context_of(parent)))
        });
        Self { recording, parent: parent.clone() }
    }

    /// Whether anybody will see it; what is costly to tell it need not be told otherwise.
    pub fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|span| span.is_recording())
    }

    /// Tells it an attribute, if it is recorded.
    pub fn set<V: Into<Value>>(&mut self, name: &'static str, value: impl FnOnce() -> V) {
        if let Some(span) = self.recording.as_mut().filter(|span| span.is_recording()) {
            span.set_attribute(KeyValue::new(name, value()));
        }
    }

    /// Marks it as failed.
    pub fn fail(&mut self, why: impl FnOnce() -> String) {
        if let Some(span) = self.recording.as_mut().filter(|span| span.is_recording()) {
            span.set_status(Status::error(why()));
        }
    }

    /// Links it to a span of another trace, or to another branch of its own.
    pub fn link(&mut self, other: &TraceContext) {
        if let (Some(span), Some(other)) = (&mut self.recording, span_context(other)) {
            span.add_link(other, Vec::new());
        }
    }

    /// Lets `work` know, wherever it is polled, that it works for this span.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.recording {
            Some(span) => {
                let context = Context::new().with_remote_span_context(span.span_context().clone());
                Either::Left(work.with_context(context))
            }
            None => Either::Right(work),
        }
    }

    /// What whoever works for it is to carry on.
    pub fn context(&self) -> TraceContext {
        self.recording.as_ref().map_or_else(|| self.parent.clone(), |span| trace_context(span.span_context()))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Span").field(&self.context()).finish()
    }
}

/// The context that OpenTelemetry's own instrumentation has attached to this task or thread.
pub fn current() -> TraceContext {
    trace_context(Context::current().span().span_context())
}

fn context_of(trace: &TraceContext) -> Context {
    match span_context(trace) {
        Some(parent) => Context::new().with_remote_span_context(parent),
        None => Context::new(),
    }
}

pub(super) fn span_context(trace: &TraceContext) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(trace.trace_id()?).ok()?;
    let span_id = SpanId::from_hex(trace.span_id()?).ok()?;
    let flags = if trace.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let state = trace.tracestate().and_then(|text| text.parse::<TraceState>().ok()).unwrap_or_default();
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}

fn trace_context(span: &SpanContext) -> TraceContext {
    if !span.is_valid() {
        return TraceContext::default();
    }
    let (trace_id, span_id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    TraceContext::from_headers(
        Some(&format!("00-{trace_id}-{span_id}-{flags:02x}")),
        Some(&span.trace_state().header()).filter(|state| !state.is_empty()).map(String::as_str),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn contexts_survive_the_way_through_opentelemetry() {
        for parent in [PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"] {
            let trace = TraceContext::from_headers(Some(parent), Some("a=b,c=d"));
            assert_eq!(trace_context(&span_context(&trace).unwrap()), trace);
        }
        assert_eq!(span_context(&TraceContext::default()), None);
        assert_eq!(trace_context(&SpanContext::empty_context()), TraceContext::default());
    }

    #[test]
    fn without_a_collector_a_span_passes_its_parent_on() {
        let parent = TraceContext::from_headers(Some(PARENT), Some("a=b"));
        let mut span = Span::client(&parent, || unreachable!("a name that nobody sees"));
        span.set("a", || -> String { unreachable!("an attribute that nobody sees") });
        assert!(!span.is_recording());
        assert_eq!(span.context(), parent);
    }
}
