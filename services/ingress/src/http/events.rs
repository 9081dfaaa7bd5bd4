//! What became of an event.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::Value;
use signalbox_domain::{EventId, Outcome, OutcomeExt, OutcomeKind};
use signalbox_telemetry::Chain;
use tracing::warn;
use utoipa::ToSchema;

use super::refusals::{Away, BadInput};
use crate::{
    app::App,
    extract::Path,
    problem::{Problem, ProblemBody, Repeat},
};

/// What is known of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventOutcomes {
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    /// The verdict of its matching, if routes were asked, and the last outcome of each of its effects.
    outcomes: Vec<OutcomeView>,
}

/// One outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeView {
    /// Of the matching: `matched`, `unmatched` or `dead`. Of an effect: what was done, `started`, `signalled`,
    /// `updated`, `answered`, `cancelled`, `terminated`, `scheduled` or `published`; `deduplicated`, if it had been done
    /// before; `held`, `superseded`, `retrying`, `refused` or `dead`.
    #[schema(example = "started")]
    result: String,
    #[schema(example = "/signalbox/http")]
    source: String,
    #[schema(example = "signalbox.http.start")]
    r#type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    route: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    workflow_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    run_id: String,
    /// What it was about, where that is no single workflow: a schedule, a subject, a query for workflows.
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    /// How many workflows were signalled, if several could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflows: Option<u32>,
    /// The answer of a query, or what an update returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    effect_key: String,
    /// Effect key of the one command that stood for this effect and others, if it was in a batch.
    #[serde(skip_serializing_if = "String::is_empty")]
    batch: String,
    /// A stable code of the reason, where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// How often it was tried.
    attempts: u32,
    #[schema(example = "2026-01-01T00:00:00Z")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<RouteVerdict>,
}

/// What one route said of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteVerdict {
    route: String,
    matched: bool,
    /// Why not, or what failed.
    detail: String,
}

/// What became of an event
///
/// Reads the ledger. The event may be one that was published, or one that a call stands for.
#[utoipa::path(
    get, path = "/events/{event_id}", tag = "events",
    params(("event_id" = String, Path, description = "Id of the event", max_length = 512,
            example = "0198c0de-0000-7000-8000-000000000000")),
    responses(
        (status = 200, description = "What is known of it", body = EventOutcomes),
        (status = 404, description = "Nothing is known of it, or not yet", body = ProblemBody,
         example = json!({"detail": "nothing is known of an event of that id, or not yet", "code": "event-not-found", "repeat": "later"})),
        BadInput, Away,
    )
)]
pub async fn outcomes(
    State(app): State<Arc<App>>,
    Path(event_id): Path<String>,
) -> Result<Json<EventOutcomes>, Problem> {
    let event_id: EventId = event_id.parse()?;
    let read = tokio::time::timeout(app.wait, app.accept.outcomes_of(event_id.as_str())).await;
    let outcomes = match read {
        Ok(Ok(outcomes)) => outcomes,
        Ok(Err(error)) => {
            warn!(event.id = %event_id, error = %Chain(&error), "ledger not read");
            return Err(Problem::unavailable("ledger-away", "the ledger cannot be read now; ask again"));
        }
        Err(_) => {
            return Err(Problem::unavailable("ledger-away", "the ledger was not read in time; ask again"));
        }
    };
    if outcomes.is_empty() {
        let detail = "nothing is known of an event of that id, or not yet";
        return Err(Problem::new(StatusCode::NOT_FOUND, "event-not-found", Repeat::Later, detail));
    }
    let outcomes = outcomes.into_iter().map(OutcomeView::from).collect();
    Ok(Json(EventOutcomes { event_id: event_id.to_string(), outcomes }))
}

impl From<Outcome> for OutcomeView {
    fn from(outcome: Outcome) -> Self {
        let (result, at) =
            (kind(&outcome), outcome.time().map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        let answer = serde_json::from_slice(&outcome.result).ok();
        let event = outcome.event.unwrap_or_default();
        let verdict = |v: signalbox_domain::Verdict| RouteVerdict {
            route: v.route,
            matched: v.matched,
            detail: v.detail,
        };
        Self {
            result,
            source: event.source,
            r#type: event.r#type,
            subject: event.nats_subject,
            route: outcome.route,
            workflow_id: outcome.workflow_id,
            run_id: outcome.run_id,
            target: outcome.target,
            workflows: (outcome.workflows > 0).then_some(outcome.workflows),
            answer,
            effect_key: outcome.effect_key,
            batch: outcome.batch,
            reason: outcome.reason,
            detail: outcome.detail,
            attempts: outcome.attempts,
            at,
            verdicts: outcome.verdicts.into_iter().map(verdict).collect(),
        }
    }
}

/// The kind of an outcome in lower case.
pub fn kind(outcome: &Outcome) -> String {
    match outcome.kind() {
        OutcomeKind::Unspecified => "unknown".into(),
        kind => kind.as_str_name().trim_start_matches("OUTCOME_KIND_").to_ascii_lowercase(),
    }
}
