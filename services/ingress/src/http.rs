//! HTTP: one file for each family of endpoints.

#![allow(unused_qualifications, reason = "utoipa::path writes the types of parameters out once more")]

mod dead_letters;
mod docs;
mod events;
mod guard;
mod operations;
mod refusals;
mod results;
mod schedules;
mod security;
mod spans;
mod start_page;
mod webhooks;
mod workflows;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{IntoParams, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, auth, limits, problem::Problem};

pub use webhooks::BODY_LIMIT;

/// Requests that are open at a time; one more gets 503. Probes do not count.
pub const MAX_REQUESTS: usize = 4096;

/// The header that makes a call safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documents a header that an extractor reads")]
pub struct IdempotencyKey {
    /// Becomes the event's id: the same call with the same key again has no second effect.
    #[param(rename = "Idempotency-Key", required = false, max_length = 512)]
    idempotency_key: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Signalbox",
        description = "Turns HTTP calls, webhooks and NATS messages into Temporal workflows: once, in order, or with a \
                       recorded reason why not.\n\nEvery call that changes something takes an optional header \
                       `Idempotency-Key`; the same call with the same key has one effect. Every refusal is JSON with \
                       `detail`, a stable `code`, and `repeat`: whether to send the call again.\n\nWhere callers are asked who they \
                       are, they send `Authorization: Bearer` and an API key or a token."
    ),
    tags(
        (name = "workflows", description = "Start, signal and stop workflows"),
        (name = "results", description = "What workflows say and return"),
        (name = "schedules", description = "Start workflows again and again"),
        (name = "webhooks", description = "Calls from other services"),
        (name = "events", description = "What became of an event"),
        (name = "dead letters", description = "What cannot work, and trying it again"),
        (name = "operations", description = "For people and machines that run this")
    )
)]
struct Api;

/// All endpoints. Whatever a client sends, it gets JSON with `detail` and no 5xx.
pub fn router(app: Arc<App>) -> Router {
    let (work, api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(workflows::trigger))
        .routes(routes!(workflows::signal))
        .routes(routes!(workflows::stop))
        .routes(routes!(results::result))
        .routes(routes!(results::describe))
        .routes(routes!(results::query))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::create, schedules::describe, schedules::change::change, schedules::delete))
        .routes(routes!(schedules::operate::pause))
        .routes(routes!(schedules::operate::resume))
        .routes(routes!(schedules::operate::trigger))
        .routes(routes!(schedules::operate::backfill))
        .routes(routes!(webhooks::github))
        .routes(routes!(events::outcomes))
        .routes(routes!(dead_letters::list, dead_letters::purge))
        .routes(routes!(dead_letters::show, dead_letters::remove))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(dead_letters::redrive_many))
        .routes(routes!(start_page::page))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limits::limit))
        .layer(middleware::from_fn_with_state(Arc::new(Semaphore::new(MAX_REQUESTS)), guard::limit))
        .split_for_parts();
    let (probes, mut api) = OpenApiRouter::with_openapi(api)
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .split_for_parts();
    auth::document(&mut api);
    let router = work.merge(probes).merge(docs::router(&api));
    router
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), auth::guard))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(middleware::from_fn(security::headers))
        .layer(middleware::from_fn_with_state(app.meters.clone(), guard::observe))
        .with_state(app)
}

#[cfg(test)]
mod tests;
