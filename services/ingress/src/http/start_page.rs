//! What this is, and what to type.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use crate::app::App;

/// The page. It fetches nothing from elsewhere.
const PAGE: &str = include_str!("page.html");

/// Nothing may be loaded or sent but what the page itself holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What this is, and what to type
///
/// A page for people; JSON for clients that ask for `application/json` and not for `text/html`.
#[utoipa::path(
    get, path = "/", tag = "operations",
    responses((status = 200, description = "Links and commands", content(
        (String = "text/html"),
        (serde_json::Value = "application/json", example = json!({"name": "Signalbox", "docs": "/docs"})),
    )))
)]
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let vary = (header::VARY, "accept");
    if prefers_json(&headers) {
        return ([vary], Json(links(&app.elsewhere.temporal_ui))).into_response();
    }
    let html = PAGE.replace("{{temporal-ui}}", &escaped(&app.elsewhere.temporal_ui));
    ([vary, (header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}

fn prefers_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn links(temporal_ui: &str) -> serde_json::Value {
    json!({
        "name": "Signalbox",
        "description": "turns events into Temporal workflows: once, in order, or with a recorded reason why not",
        "version": env!("CARGO_PKG_VERSION"),
        "docs": "/docs",
        "openapi": "/openapi.json",
        "ready": "/readyz",
        "metrics": "/metrics",
        "temporal_ui": temporal_ui,
        "try": {
            "start": "POST /trigger-workflow/{workflow_id}?name=",
            "signal": "POST /signal-workflow/{workflow_id}?message=",
            "stop": "POST /stop-workflow/{workflow_id}",
            "result": "GET /workflow-result/{workflow_id}",
            "schedule": "POST /schedule-workflow/{schedule_id}?cron=",
            "unschedule": "DELETE /schedule-workflow/{schedule_id}",
            "webhook": "POST /webhook/github",
            "publish": "nats pub events.lab.trigger.hello '{\"name\":\"NATS Triggered\"}'"
        }
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
