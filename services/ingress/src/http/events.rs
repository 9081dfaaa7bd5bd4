//! What became of an event.

mod done;
pub mod post;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_bus::{Entry, Error};
use signalbox_domain::{EventId, Outcome, OutcomeExt, OutcomeKind, read_event, time};
use signalbox_telemetry::Chain;
use tracing::warn;
use utoipa::{IntoParams, ToSchema};

use super::refusals::{Away, BadInput};
use crate::{
    app::App,
    extract::{Path, Query},
    links::Elsewhere,
    problem::{Code, Problem, ProblemBody},
};
use told::{EventView, OutcomeLinks, rfc3339, trace_id};

/// Events of one id whose places in the stream are looked at.
const MOST_EVENTS: usize = 32;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventParameters {
    /// Its place in the stream EVENTS, as the answer to a publisher tells it: with it the event is known before anything
    /// came of it.
    #[param(example = 42)]
    sequence: Option<u64>,
}

/// What is known of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventOutcomes {
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: String,
    /// Whether nothing more will come of it, unless somebody redrives or replays it.
    r#final: bool,
    /// The event; if several sources use that id, each of theirs.
    events: Vec<EventView>,
    /// The verdict of its matching, if routes were asked, and the last outcome of each of its effects.
    outcomes: Vec<OutcomeView>,
}

/// One outcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeView {
    /// Of the matching: `matched`, `unmatched` or `dead`. Of an effect: what was done, `started`, `signalled`,
    /// `updated`, `answered`, `cancelled`, `terminated`, `scheduled` or `published`; `deduplicated`, if it had been done
    /// before; `retrying`; `parked` or `dropped`, while its workflow does not run; `held` or `superseded`, as the flow of
    /// its route has it; `refused` or `dead`.
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
    /// What was to be done; of the matching, nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false, example = "start")]
    action: String,
    /// Whether nothing more will come of it, unless somebody redrives or replays it.
    r#final: bool,
    /// When its command was accepted or planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    accepted_at: Option<String>,
    /// Version of the route set.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    route_set: String,
    /// The effect key of the command that stood for it and others.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    batch: String,
    /// Where it lies among the dead letters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!([17]))]
    dead_letters: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    links: OutcomeLinks,
}

/// What one route said of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteVerdict {
    route: String,
    matched: bool,
    /// Why not, or what failed.
    detail: String,
}

impl From<signalbox_domain::Verdict> for RouteVerdict {
    fn from(verdict: signalbox_domain::Verdict) -> Self {
        Self { route: verdict.route, matched: verdict.matched, detail: verdict.detail }
    }
}

/// What became of an event
///
/// Everything that is known of it: where it lies, what each route made of it, and the last outcome of each of its effects.
/// The event may be one that was published, or one that a call stands for.
#[utoipa::path(
    get, path = "/events/{event}", tag = "events",
    params(("event" = String, Path, description = "Id of the event", max_length = 512,
            example = "0198c0de-0000-7000-8000-000000000000"), EventParameters),
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
    Query(EventParameters { sequence }): Query<EventParameters>,
) -> Result<Json<EventOutcomes>, Problem> {
    let event_id: EventId = event_id.parse()?;
    match tokio::time::timeout(app.wait, known(&app, &event_id, sequence)).await {
        Ok(Ok(Some(known))) => Ok(Json(known)),
        Ok(Ok(None)) => {
            let detail = "nothing is known of an event of that id, or not yet";
            Err(Problem::new(Code::EventNotFound, detail))
        }
        Ok(Err(error)) => {
            warn!(event.id = %event_id, error = %Chain(&error), "ledger not read");
            Err(Problem::new(Code::LedgerAway, "the ledger cannot be read now; ask again"))
        }
        Err(_) => Err(Problem::new(Code::LedgerAway, "the ledger was not read in time; ask again")),
    }
}

async fn known(app: &App, id: &EventId, sequence: Option<u64>) -> Result<Option<EventOutcomes>, Error> {
    let mut outcomes = app.accept.outcomes_of(id.as_str()).await?;
    let places = outcomes.iter().filter_map(|outcome| outcome.event.as_ref());
    let places = places.map(|event| event.stream_sequence).chain(sequence).filter(|sequence| *sequence > 0);
    let places: Vec<_> = BTreeSet::from_iter(places).into_iter().take(MOST_EVENTS).collect();
    let entries = app.accept.events_at(&places).await?;
    let letters = outcomes.iter().flat_map(|outcome| &outcome.dead_letters).copied().collect();
    let there = app.dead_letters.still_there(&letters).await?;
    for outcome in &mut outcomes {
        outcome.dead_letters.retain(|letter| there.contains(letter));
    }

    let stored: BTreeMap<_, _> =
        entries.iter().map(|entry| (entry.stream_sequence, entry.stored_at)).collect();
    let mut events = told::events(&outcomes, &stored, &app.elsewhere);
    let new = entries.iter().filter(|entry| Some(entry.stream_sequence) == sequence);
    events.extend(new.filter_map(|entry| waiting(entry, id, &outcomes, &app.elsewhere)));
    if events.is_empty() {
        return Ok(None);
    }
    let end = events.iter().all(EventView::is_final);
    let outcomes = outcomes.into_iter().map(|outcome| OutcomeView::of(outcome, &app.elsewhere)).collect();
    Ok(Some(EventOutcomes { event_id: id.to_string(), r#final: end, events, outcomes }))
}

/// The event of this id at a place in the stream, if nothing came of it yet.
fn waiting(entry: &Entry, id: &EventId, outcomes: &[Outcome], elsewhere: &Elsewhere) -> Option<EventView> {
    let event = read_event(&entry.raw()).ok().filter(|event| event.id == *id)?;
    let sources = outcomes.iter().filter_map(|outcome| outcome.event.as_ref());
    let is_known = sources.into_iter().any(|known| known.source == event.source.as_str());
    (!is_known).then(|| told::accepted(event.reference(), entry.stored_at, &event.trace, elsewhere))
}

impl OutcomeView {
    /// What is told of an outcome.
    pub fn of(outcome: Outcome, elsewhere: &Elsewhere) -> Self {
        let (result, at, end) = (kind(&outcome), outcome.time().map(rfc3339), outcome.is_final());
        let (links, trace_id) = (OutcomeLinks::of(&outcome, elsewhere), trace_id(&outcome));
        let answer = serde_json::from_slice(&outcome.result).ok();
        let event = outcome.event.unwrap_or_default();
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
            reason: outcome.reason,
            detail: outcome.detail,
            attempts: outcome.attempts,
            at,
            verdicts: outcome.verdicts.into_iter().map(RouteVerdict::from).collect(),
            action: outcome.action,
            r#final: end,
            accepted_at: outcome.accepted_at.and_then(time).map(rfc3339),
            route_set: outcome.route_set,
            batch: outcome.batch,
            dead_letters: outcome.dead_letters,
            trace_id,
            links,
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
