//! Spans of messages, by OpenTelemetry's semantic conventions for messaging and for CloudEvents.

use std::borrow::Cow;

use signalbox_domain::TraceContext;
use signalbox_telemetry::Span;

const SYSTEM: &str = "messaging.system";
const OPERATION: &str = "messaging.operation.name";
const OPERATION_TYPE: &str = "messaging.operation.type";
const DESTINATION: &str = "messaging.destination.name";
const TEMPLATE: &str = "messaging.destination.template";
const MESSAGE_ID: &str = "messaging.message.id";
const BODY_SIZE: &str = "messaging.message.body.size";

/// CloudEvents attributes (OpenTelemetry registry, `cloudevents.*`).
pub(crate) const CLOUDEVENT_ID: &str = "cloudevents.event_id";
pub(crate) const CLOUDEVENT_SOURCE: &str = "cloudevents.event_source";
pub(crate) const CLOUDEVENT_TYPE: &str = "cloudevents.event_type";

/// Whether JetStream had a message of the same id already.
pub(crate) const DUPLICATE: &str = "signalbox.duplicate";

/// What a span says of the message that it is about.
pub(crate) struct About<'a> {
    /// Its subject.
    pub(crate) subject: &'a str,
    /// The subjects that its own is one of, such as `events.>`.
    pub(crate) template: &'static str,
    pub(crate) id: Option<&'a str>,
    pub(crate) size: Option<usize>,
}

/// The sending of a message until JetStream has it.
pub(crate) fn publish(trace: &TraceContext, about: &About<'_>) -> Span {
    let span = Span::producer(trace, || name("publish", about.template));
    described(span, "publish", "send", about)
}

/// The work for a message; `operation` is this system's word for it.
pub(crate) fn process(trace: &TraceContext, operation: &'static str, about: &About<'_>) -> Span {
    let span = Span::consumer(trace, || name(operation, about.template));
    described(span, operation, "process", about)
}

/// A question on a subject, until its answer.
pub(crate) fn request(subject: &'static str) -> Span {
    let mut span = Span::call(|| name("request", subject));
    span.set(SYSTEM, || "nats");
    span.set(DESTINATION, || subject);
    span
}

/// The answering of a question that came with a trace.
pub(crate) fn answer(trace: &TraceContext, subject: &'static str) -> Option<Span> {
    trace.traceparent()?;
    let mut span = Span::server(trace, || name("answer", subject));
    span.set(SYSTEM, || "nats");
    span.set(DESTINATION, || subject);
    Some(span)
}

fn name(operation: &'static str, destination: &'static str) -> Cow<'static, str> {
    format!("{operation} {destination}").into()
}

fn described(mut span: Span, operation: &'static str, kind: &'static str, about: &About<'_>) -> Span {
    span.set(SYSTEM, || "nats");
    span.set(OPERATION, || operation);
    span.set(OPERATION_TYPE, || kind);
    span.set(DESTINATION, || about.subject.to_owned());
    span.set(TEMPLATE, || about.template);
    if let Some(size) = about.size.and_then(|size| i64::try_from(size).ok()) {
        span.set(BODY_SIZE, || size);
    }
    if let Some(id) = about.id {
        span.set(MESSAGE_ID, || id.to_owned());
    }
    span
}
