//! Calls from other services.

mod github;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use signalbox_domain::Outcome;
use utoipa::ToSchema;

use super::{
    events::kind,
    refusals::{Away, BadInput},
};
use crate::{
    accept::{Pending, Progress},
    app::App,
    body,
    extract::Trace,
    problem::{Problem, ProblemBody},
};

/// What came of a webhook's call.
#[derive(Debug, Serialize, ToSchema)]
pub struct Processed {
    #[schema(value_type = String, example = "processed")]
    status: &'static str,
    /// Id of the event: that of the delivery.
    #[schema(example = "72d3162e-cc78-11e3-81ab-4c9367dc0958")]
    event_id: String,
    /// How many routes wanted the event.
    #[schema(example = 1)]
    matched: usize,
    workflows: Vec<Effect>,
}

/// What came of one effect.
#[derive(Debug, Serialize, ToSchema)]
pub struct Effect {
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "deploy-website", required = false)]
    workflow_id: String,
    /// What it was about, where that is no single workflow: a schedule, a subject, a query for workflows.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    target: String,
    /// The run, where Temporal tells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(example = "0198c0de-1111-7000-8000-000000000000", required = false)]
    run_id: String,
    /// What was done, as `started` or `signalled`; `deduplicated`, `refused` or `dead`.
    #[schema(example = "started")]
    result: String,
    #[schema(example = "deploy-on-push")]
    route: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

/// GitHub
///
/// Publishes the event `com.github.<event>` on `events.github.<event>`; routes decide what comes of it. GitHub names
/// the event in a header; a body with `"action": "push"` and no such header is taken as a push. The answer comes
/// when all that the event leads to has happened.
#[utoipa::path(
    post, path = "/webhook/github", tag = "webhooks",
    params(
        ("X-GitHub-Event" = Option<String>, Header, description = "Name of the event", example = "push"),
        ("X-GitHub-Delivery" = Option<String>, Header, description = "Id of the delivery; becomes the event's id"),
        ("X-Hub-Signature-256" = Option<String>, Header, description = "Needed when secrets are configured"),
    ),
    request_body(content = serde_json::Value, description = "The payload, at most 768 KiB",
                 example = json!({"action": "push", "repository": {"name": "website"}})),
    responses(
        (status = 200, description = "All that it leads to has happened", body = Processed),
        (status = 202, description = "Stored; what comes of it is not known yet", body = Pending,
         headers(("Location" = String, description = "Where to look"))),
        (status = 401, description = "The signature is missing or wrong", body = ProblemBody,
         example = json!({"detail": "the signature does not match", "code": "bad-signature", "repeat": "never"})),
        (status = 408, description = "The body came too slowly", body = ProblemBody),
        (status = 413, description = "The body is too large", body = ProblemBody),
        (status = 415, description = "The body is a form: set the webhook's content type to application/json", body = ProblemBody),
        BadInput, Away,
    )
)]
pub async fn github(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Trace(trace): Trace,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::read(request).await?;
    let event = github::event(&headers, &body, &app.github, trace)?;
    let answer = app.accept.event(event).await?;
    Ok(answer.respond(|accepted, progress| processed(accepted.event_id().to_string(), progress)))
}

fn processed(event_id: String, progress: &Progress) -> Processed {
    let verdicts = progress.matching().map(|outcome| outcome.verdicts.as_slice()).unwrap_or_default();
    Processed {
        status: "processed",
        event_id,
        matched: verdicts.iter().filter(|verdict| verdict.matched).count(),
        workflows: progress.effects().map(effect).collect(),
    }
}

fn effect(outcome: &Outcome) -> Effect {
    Effect {
        workflow_id: outcome.workflow_id.clone(),
        target: outcome.target.clone(),
        run_id: outcome.run_id.clone(),
        result: kind(outcome),
        route: outcome.route.clone(),
        detail: outcome.detail.clone(),
    }
}
