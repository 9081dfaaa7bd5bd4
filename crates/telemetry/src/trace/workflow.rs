use opentelemetry::{
    Context, KeyValue, Value,
    trace::{Link, Span, SpanBuilder, SpanContext, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace as sdk;
use signalbox_domain::TraceContext;

use super::{span::span_context, tracer};

/// The tracer for spans that workflow code makes.
///
/// A workflow may run for weeks, on one worker after another, and a span is sent only by the process that began it,
/// when it ends. A span that other spans hang on would be missing for as long as the workflow runs, and for good if
/// its worker dies. So what a workflow does is recorded as a moment: the span ends as soon as it has begun. What
/// begins and ends inside one process keeps its duration.
#[derive(Clone, Debug)]
pub struct WorkflowTracer(sdk::SdkTracer);

impl WorkflowTracer {
    /// The tracer, if this process is traced.
    pub fn of_process() -> Option<Self> {
        tracer().cloned().map(Self)
    }
}

impl Tracer for WorkflowTracer {
    type Span = sdk::Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> sdk::Span {
        if is_stray(&builder.name, parent) {
            return self.0.build_with_context(builder, &parent.with_telemetry_suppressed());
        }
        let moment = is_moment(&builder.name);
        let builder = SpanDetails::of_thread().told_to(builder);
        let mut span = self.0.build_with_context(builder, parent);
        if moment {
            span.end();
        }
        span
    }
}

/// By the names that Temporal's SDKs give to their spans.
fn is_moment(name: &str) -> bool {
    !["RunActivity:", "HandleQuery:", "ValidateUpdate:"].iter().any(|lasting| name.starts_with(lasting))
}

/// A query that came without a trace is no part of its workflow's, which whoever asks again and again would fill. Other
/// SDKs leave it out too.
fn is_stray(name: &str, parent: &Context) -> bool {
    name.starts_with("HandleQuery:") && !parent.span().span_context().is_remote()
}

/// What a span of Temporal's interceptors is to tell beside what these know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanDetails {
    attributes: Vec<KeyValue>,
    links: Vec<SpanContext>,
}

impl SpanDetails {
    /// An attribute.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(name, value));
        self
    }

    /// Links to other spans. What names none is passed over.
    #[must_use]
    pub fn links(mut self, others: impl IntoIterator<Item = TraceContext>) -> Self {
        self.links.extend(others.into_iter().filter_map(|other| span_context(&other)));
        self
    }

    /// Gives them to the spans that a [`WorkflowTracer`] begins on this thread before `begin` returns.
    pub fn during<R>(self, begin: impl FnOnce() -> R) -> R {
        let _attached = Context::current_with_value(self).attach();
        begin()
    }

    fn of_thread() -> Self {
        Context::map_current(|context| context.get::<Self>().cloned()).unwrap_or_default()
    }

    fn told_to(self, mut builder: SpanBuilder) -> SpanBuilder {
        if !self.attributes.is_empty() {
            builder.attributes.get_or_insert_default().extend(self.attributes);
        }
        if !self.links.is_empty() {
            builder.links.get_or_insert_default().extend(self.links.into_iter().map(Link::with_context));
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

    use super::*;

    const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn tracer() -> (WorkflowTracer, InMemorySpanExporter) {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        (WorkflowTracer(provider.tracer("test")), exporter)
    }

    #[test]
    fn what_a_workflow_does_is_a_moment_and_an_activity_lasts() {
        let (tracer, exporter) = tracer();
        let workflow = tracer.start("RunWorkflow:A");
        let activity = tracer.start("RunActivity:b");
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 1);
        drop((workflow, activity));
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 2);
    }

    #[test]
    fn a_query_is_in_the_trace_of_who_asks_or_in_none() {
        let (tracer, exporter) = tracer();
        let other = span_context(&TraceContext::from_headers(Some(OTHER), None)).unwrap();
        let query = |parent: Context| drop(tracer.start_with_context("HandleQuery:state", &parent));
        query(Context::new().with_span(tracer.start("RunWorkflow:A")));
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 1);
        query(Context::new().with_remote_span_context(other));
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 2);
    }

    #[test]
    fn details_are_for_the_spans_that_begin_inside() {
        let (tracer, exporter) = tracer();
        let malformed = TraceContext::default();
        let other = TraceContext::from_headers(Some(OTHER), None);
        let details = SpanDetails::default().attribute("a", "b").links([malformed, other]);
        details.during(|| tracer.start("inside"));
        tracer.start("after");
        let [inside, after] = exporter.get_finished_spans().unwrap().try_into().unwrap();
        assert_eq!(inside.attributes, [KeyValue::new("a", "b")]);
        let linked: Vec<_> =
            inside.links.iter().map(|link| link.span_context.trace_id().to_string()).collect();
        assert_eq!(linked, ["4bf92f3577b34da6a3ce929d0e0e4736"]);
        assert!(after.attributes.is_empty() && after.links.is_empty());
    }
}
