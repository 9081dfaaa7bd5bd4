//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use signalbox_telemetry::{Metrics, OPENMETRICS};

use crate::{ConditionState, Readiness};

/// `/healthz`: 200 while the process runs. `/readyz`: 200 or 503 with [`ReadyBody`]. `/metrics`: OpenMetrics text.
pub fn router(readiness: Readiness, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/readyz", get(async |State(readiness): State<Readiness>| ready(&readiness)))
        .with_state(readiness)
        .merge(live_router(metrics))
}

/// [`router`] without `/readyz`, for a service that answers that one itself.
pub fn live_router(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get("ok\n"))
        .route("/metrics", get(async |State(metrics): State<Arc<Metrics>>| metrics_response(&metrics)))
        .with_state(metrics)
}

/// The body of a `/readyz` answer.
#[derive(Debug, Serialize)]
pub struct ReadyBody<'a> {
    /// Whether the process can do its work.
    pub ready: bool,
    /// What that depends on.
    pub conditions: &'a [ConditionState],
}

/// A `/readyz` answer: 200 when `ready`, else 503, with the conditions as JSON.
pub fn ready_response(ready: bool, conditions: &[ConditionState]) -> Response {
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyBody { ready, conditions })).into_response()
}

/// A `/metrics` answer, in OpenMetrics text.
pub fn metrics_response(metrics: &Metrics) -> Response {
    ([(header::CONTENT_TYPE, OPENMETRICS)], metrics.encode()).into_response()
}

fn ready(readiness: &Readiness) -> Response {
    let conditions = readiness.snapshot();
    ready_response(conditions.iter().all(|condition| condition.met), &conditions)
}
