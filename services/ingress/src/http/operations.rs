//! Health, readiness and metrics.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::Serialize;
use signalbox_service::health::{metrics_response, ready_response};
use utoipa::ToSchema;

use crate::app::App;

/// Whether the whole way is open.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "documents what the frame of the process answers")]
pub struct Ready {
    ready: bool,
    conditions: Vec<ReadyCondition>,
}

/// One condition of the readiness.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "documents what the frame of the process answers")]
pub struct ReadyCondition {
    #[schema(example = "nats")]
    name: String,
    met: bool,
    /// Why it is not met.
    detail: String,
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain", example = "ok\n")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the whole way is open
///
/// NATS and its streams, the router and its Temporal, the scheduler manager. The state is refreshed once a second,
/// whoever asks.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses(
        (status = 200, description = "It is", body = Ready),
        (status = 503, description = "It is not; each condition says why", body = Ready, example = json!({
            "ready": false,
            "conditions": [{"name": "signal-router", "met": false, "detail": "no service answers"}]
        })),
    ))]
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    let conditions = app.readiness.snapshot();
    ready_response(conditions.iter().all(|condition| condition.met), &conditions)
}

/// Metrics
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "OpenMetrics text", body = String,
               content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    metrics_response(&app.metrics)
}
