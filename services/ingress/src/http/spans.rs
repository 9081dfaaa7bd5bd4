//! The span of a request, by OpenTelemetry's semantic conventions for HTTP.

use axum::{extract::Request, http::header, response::Response};
use signalbox_domain::WorkflowId;
use signalbox_telemetry::Span;

use crate::{accept::Accepted, extract::Trace};

/// Begins it. What only asks how the service is, and belongs to no trace, would bury the others.
pub fn of_request(request: &Request, route: &str) -> Span {
    let parent = Trace::of(request.headers()).0;
    if is_probe(route) && parent.traceparent().is_none() {
        return Span::none();
    }
    let method = request.method();
    let mut span = Span::server(&parent, || match route {
        // HTTP spans, Name: neither the path nor a method that a client invents makes names.
        "none" => "HTTP".into(),
        route => format!("{method} {route}").into(),
    });
    span.set("http.request.method", || method.to_string());
    span.set("http.route", || route.to_owned());
    span.set("url.path", || request.uri().path().to_owned());
    span.set("url.scheme", || "http");
    if let Some(agent) = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        span.set("user_agent.original", || agent.to_owned());
    }
    span
}

/// Tells it how the request was answered. That a caller was wrong is no failure of the server's (HTTP spans, Status).
pub fn answered(span: &mut Span, response: &Response) {
    let status = response.status();
    span.set("http.response.status_code", || i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set("error.type", || status.as_str().to_owned());
        span.fail(|| status.to_string());
    }
    if let Some(accepted) = response.extensions().get::<Accepted>() {
        span.set("cloudevents.event_id", || accepted.event_id().to_string());
        if let Some(id) = accepted.workflow_id().map(WorkflowId::to_string) {
            span.set("temporalWorkflowID", || id);
        }
    }
}

fn is_probe(route: &str) -> bool {
    matches!(route, "/healthz" | "/readyz" | "/metrics")
}
