//! What stands around every handler. It is one layer, for each costs every call an allocation and a copy of all within.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use signalbox_domain::WorkflowId;
use signalbox_proto::names::header;
use tracing::{debug, error, warn};

use super::{security, spans};
use crate::{
    accept::Accepted,
    app::App,
    auth,
    extract::Trace,
    problem::{self, Problem},
};

/// The answer to a call whose handler panicked.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    error!(panic = text, "handler panicked");
    Problem::internal().into_response()
}

/// Lets a request through to its handler if its caller may. Measures, traces and logs it, and gives the caller the
/// `traceparent` that it was worked on under.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let mut span = spans::of_request(&request, route);
    let trace = Trace(span.context());
    request.extensions_mut().insert(trace.clone());
    let answering = AssertUnwindSafe(auth::guard(&app, request, next)).catch_unwind();
    let mut response = span.around(answering).await.unwrap_or_else(panicked);
    security::forbid(response.headers_mut());
    spans::answered(&mut span, &response);
    problem::as_its_path_has_it(route, &mut response);
    if let Some(parent) = trace.0.traceparent().and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::TRACEPARENT, parent);
    }
    app.meters.answered(route, &method, response.status(), began.elapsed());
    log(&method, route, &trace, &response, began);
    response
}

fn log(method: &Method, route: &str, trace: &Trace, response: &Response, began: Instant) {
    let (status, accepted) = (response.status().as_u16(), response.extensions().get::<Accepted>());
    let event = accepted.map(|a| a.event_id().as_str());
    let workflow = accepted.and_then(Accepted::workflow_id).map(WorkflowId::as_str);
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    // The level is part of a callsite, so there is one for each.
    macro_rules! line {
        ($level:ident) => {
            $level!(
                http.method = %method,
                http.route = route,
                http.status = status,
                duration_ms,
                event.id = event,
                workflow.id = workflow,
                trace.id = trace.0.trace_id(),
                "request answered"
            )
        };
    }
    match response.status() {
        // A probe that hears "not ready" is an answer, not a fault; the change of state has a line of its own.
        status if status.is_server_error() && route != "/readyz" => line!(warn),
        _ => line!(debug),
    }
}
