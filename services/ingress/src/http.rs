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
pub mod streams;
mod webhooks;
mod workflows;

use std::sync::Arc;

use axum::{Router, middleware};
use utoipa::{IntoParams, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, auth, problem::Problem};

/// The header that makes a call safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documents a header that an extractor reads")]
pub struct IdempotencyKey {
    /// Becomes the event's id: the same call with the same key again has no second effect.
    #[param(rename = "Idempotency-Key", required = false, max_length = 512)]
    idempotency_key: Option<String>,
}

/// The header that says where a stream goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documents a header that a handler reads")]
pub struct LastEventId {
    /// `id` of the last message that the client has; a browser sends it when it connects again.
    #[param(rename = "Last-Event-ID", required = false, example = "42")]
    last_event_id: Option<String>,
}

/// The header that says what to wait for.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "documents a header that an extractor reads")]
pub struct Prefer {
    /// `wait=10` waits at most so many seconds, 60 at most, for what comes of the call; `wait=10, result` for the results
    /// of the workflows that it starts, too (RFC 7240).
    #[param(rename = "Prefer", required = false, example = "wait=10, result")]
    prefer: Option<String>,
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
        (name = "schedules", description = "Start workflows and emit events again and again"),
        (name = "webhooks", description = "Calls from other services"),
        (name = "events", description = "Publish events, and what became of them"),
        (name = "dead letters", description = "What cannot work, and trying it again"),
        (name = "operations", description = "For people and machines that run this")
    )
)]
struct Api;

/// All endpoints. Whatever a client sends, it gets JSON with `detail` and no 5xx.
pub fn router(app: Arc<App>) -> Router {
    let (router, mut api) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(workflows::trigger))
        .routes(routes!(workflows::signal))
        .routes(routes!(workflows::stop))
        .routes(routes!(results::result))
        .routes(routes!(results::describe))
        .routes(routes!(results::query, results::query_with))
        .routes(routes!(results::result_of))
        .routes(routes!(workflows::list::list, workflows::calls::start))
        .routes(routes!(workflows::calls::signal))
        .routes(routes!(workflows::calls::signal_with_start))
        .routes(routes!(workflows::calls::update))
        .routes(routes!(workflows::calls::cancel))
        .routes(routes!(workflows::calls::terminate))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::create, schedules::describe, schedules::change::change, schedules::delete))
        .routes(routes!(schedules::operate::pause))
        .routes(routes!(schedules::operate::resume))
        .routes(routes!(schedules::operate::trigger))
        .routes(routes!(schedules::operate::backfill))
        .routes(routes!(schedules::whole::list, schedules::whole::create))
        .routes(routes!(schedules::preview::preview))
        .routes(routes!(schedules::whole::plan))
        .routes(routes!(schedules::whole::describe, schedules::whole::replace, schedules::whole::delete))
        .routes(routes!(schedules::act::pause))
        .routes(routes!(schedules::act::resume))
        .routes(routes!(schedules::act::trigger))
        .routes(routes!(schedules::act::backfill))
        .routes(routes!(webhooks::github))
        .routes(routes!(webhooks::source))
        .routes(routes!(events::post::publish, streams::events::follow))
        .routes(routes!(streams::progress::follow))
        .routes(routes!(events::outcomes, events::post::publish_data))
        .routes(routes!(dead_letters::list, dead_letters::purge))
        .routes(routes!(dead_letters::show, dead_letters::remove))
        .routes(routes!(dead_letters::redrive))
        .routes(routes!(dead_letters::redrive_many))
        .routes(routes!(start_page::page))
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::metrics))
        .split_for_parts();
    auth::document(&mut api);
    let router = router.merge(docs::router(&api));
    router
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::no_such_method())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

#[cfg(test)]
mod tests;
