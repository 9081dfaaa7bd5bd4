//! Calls from other services.

mod declared;
mod github;
mod rejected;

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use signalbox_domain::Outcome;
use tokio::time::Instant;
use utoipa::ToSchema;

use declared::Meaning;

use super::{
    events::kind,
    refusals::{Away, BadInput},
};
use crate::{
    accept::{Answer, Pending, Progress},
    app::App,
    body,
    extract::{Path, Trace},
    prefer::Preference,
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
    Ok(told(app.accept.event(event).await?))
}

/// A declared source
///
/// Publishes a delivery of a source that the routes declare, as the event `com.<provider or source>.<type>` on
/// `events.<source>.<type>`. It is verified by the source's secrets, and answered as soon as it is stored. The same
/// delivery again has no second effect.
#[utoipa::path(
    post, path = "/webhooks/{source}", tag = "webhooks",
    params(
        ("source" = String, Path, description = "Name of the source", example = "payments"),
        ("Prefer" = Option<String>, Header,
         description = "`wait=<seconds>`: how long to wait for what comes of it, at most", example = "wait=5"),
    ),
    request_body(content = serde_json::Value, description = "The payload, at most 768 KiB",
                 example = json!({"id": "evt_1", "type": "invoice.paid"})),
    responses(
        (status = 200, description = "All that it leads to has happened; without a body, it is stored, and the provider \
                                      wants a 200", body = Processed),
        (status = 202, description = "Stored; what comes of it is not known yet", body = Pending,
         headers(("Location" = String, description = "Where to look"))),
        (status = 401, description = "The signature or the credentials are missing, wrong or old", body = ProblemBody,
         example = json!({"detail": "the signature does not match", "code": "bad-signature", "repeat": "never"})),
        (status = 404, description = "The routes that run declare no such source", body = ProblemBody,
         example = json!({"detail": "no source of the routes that run is named `payment`", "code": "source-not-found",
                          "repeat": "never"})),
        (status = 408, description = "The body came too slowly", body = ProblemBody),
        (status = 413, description = "The body is too large", body = ProblemBody),
        (status = 415, description = "The body is a form: set the webhook's content type to application/json", body = ProblemBody),
        BadInput, Away,
    )
)]
pub async fn source(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    preference: Preference,
    headers: HeaderMap,
    Trace(trace): Trace,
    request: Request,
) -> Result<Response, Problem> {
    let source = app.sources.find(&name)?;
    let body = body::read(request).await?;
    let event = match declared::meaning(&source, &headers, &body, trace)? {
        Meaning::Challenge(text) => return Ok(Json(json!({ "challenge": text })).into_response()),
        Meaning::Event(event) => *event,
    };
    match preference.wait {
        Some(wait) => {
            let answer = app.accept.event_until(event, Instant::now() + wait).await?;
            Ok((preference, told(answer)).into_response())
        }
        None => {
            let answer = told(app.accept.event_only(event).await?);
            Ok(if source.provider.wants_200() { plainly_ok(answer) } else { answer })
        }
    }
}

/// Some providers show the body to people, or send again what is not answered with 200.
fn plainly_ok(answer: Response) -> Response {
    let (mut parts, _) = answer.into_parts();
    parts.status = StatusCode::OK;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

fn told(answer: Answer) -> Response {
    answer.respond(|accepted, progress| processed(accepted.event_id().to_string(), progress))
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
