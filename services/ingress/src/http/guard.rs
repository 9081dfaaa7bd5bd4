//! What stands around every handler.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use signalbox_domain::WorkflowId;
use signalbox_proto::names::header;
use tokio::sync::Semaphore;
use tracing::{debug, error, warn};

use super::spans;
use crate::{
    accept::Accepted,
    extract::Trace,
    metrics::Meters,
    problem::{self, Problem},
};

/// Refuses a request when too many are open.
pub async fn limit(State(permits): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match permits.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Problem::too_busy().into_response(),
    }
}

/// The answer to a call whose handler panicked.
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    error!(panic = text, "handler panicked");
    Problem::internal().into_response()
}

/// Measures, traces and logs a request, and gives the caller the `traceparent` that it was worked on under.
pub async fn observe(State(meters): State<Meters>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let mut span = spans::of_request(&request, route);
    let trace = Trace(span.context());
    request.extensions_mut().insert(trace.clone());
    let mut response = span.around(next.run(request)).await;
    spans::answered(&mut span, &response);
    problem::as_its_path_has_it(route, &mut response);
    if let Some(parent) = trace.0.traceparent().and_then(|text| HeaderValue::from_str(text).ok()) {
        response.headers_mut().insert(header::TRACEPARENT, parent);
    }
    meters.answered(route, &method, response.status(), began.elapsed());
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
