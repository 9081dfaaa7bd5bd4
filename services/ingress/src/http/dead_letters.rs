//! What cannot work, to be looked at, taken out and tried again, or removed.

use std::sync::Arc;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use signalbox_bus::{LetterFilter, Page};
use signalbox_domain::{EventId, Reason};
use utoipa::{IntoParams, ToSchema};

use super::refusals::{Away, BadInput, NoLetter};
use crate::{
    app::App,
    dead_letters::Wanted,
    extract::{Path, Query},
    letters::{AllTakenOut, LetterInFull, LetterInShort, TakenOut},
    problem::{Problem, ProblemBody},
};

/// At most so many letters a call.
const MOST: u16 = 1000;
const DEFAULT_LIMIT: u16 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LetterParameters {
    /// Only those of this route.
    #[param(example = "order-paid")]
    route: Option<String>,
    /// Only those of this reason, a code.
    #[param(example = "workflow-not-found")]
    reason: Option<String>,
    /// Only those of the event of this id.
    #[param(max_length = 512, example = "0198c0de-0000-7000-8000-000000000000")]
    event_id: Option<String>,
    /// Only those that were stored then or later, as RFC 3339 has it; a `+` in it is written `%2B`.
    #[param(example = "2026-01-01T00:00:00Z")]
    since: Option<String>,
    /// Only those that were stored then or before.
    #[param(example = "2026-01-01T01:00:00Z")]
    until: Option<String>,
    /// Only those after this sequence: `next` of the answer before.
    #[serde(default)]
    #[param(required = false, default = 0)]
    after: u64,
    /// At most so many.
    #[serde(default = "default_limit")]
    #[param(required = false, default = 100, minimum = 1, maximum = 1000)]
    limit: u16,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PurgeParameters {
    /// All of them are meant. Without it, something must say which.
    #[serde(default)]
    #[param(required = false, default = false)]
    all: bool,
}

fn default_limit() -> u16 {
    DEFAULT_LIMIT
}

/// Dead letters, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetterList {
    dead_letters: Vec<LetterInShort>,
    /// There may be more: `after` of the next call. A list may be shorter than `limit` and not be the last.
    next: Option<u64>,
}

/// A dead letter that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    #[schema(example = 17)]
    sequence: u64,
    #[schema(value_type = String, example = "removed")]
    status: &'static str,
}

/// Dead letters that are gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllRemoved {
    /// So many.
    #[schema(example = 2)]
    removed: usize,
    /// Which.
    #[schema(example = json!([17, 18]))]
    letters: Vec<u64>,
    /// There may be more: `after` of the next call.
    next: Option<u64>,
}

/// List dead letters
///
/// What could not work, the oldest first, with the reason. Filters are all to be met.
#[utoipa::path(
    get, path = "/dead-letters", operation_id = "list_dead_letters", tag = "dead letters",
    params(LetterParameters),
    responses((status = 200, description = "A page of them", body = LetterList), BadInput, Away)
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Query(parameters): Query<LetterParameters>,
) -> Result<Json<LetterList>, Problem> {
    let Page { letters, next } = app.dead_letters.list(&parameters.wanted()?).await?;
    Ok(Json(LetterList { dead_letters: letters, next }))
}

/// Show a dead letter
///
/// With the command that died and, while the stream EVENTS has it, the event as it was published.
#[utoipa::path(
    get, path = "/dead-letters/{sequence}", tag = "dead letters",
    params(("sequence" = u64, Path, description = "Its place in the stream DEADLETTERS", example = 17)),
    responses((status = 200, description = "All that is known of it", body = LetterInFull), NoLetter, BadInput, Away)
)]
pub async fn show(
    State(app): State<Arc<App>>,
    Path(sequence): Path<u64>,
) -> Result<Json<LetterInFull>, Problem> {
    Ok(Json(app.dead_letters.show(sequence).await?))
}

/// Redrive a dead letter
///
/// Takes the letter out and tries again what it asks for: its command is carried out, or its event matched with the
/// routes that run now. What comes of it is told by `GET /events/{event}`; if it dies again, there is a new letter.
/// To redrive a letter twice has one effect.
#[utoipa::path(
    post, path = "/dead-letters/{sequence}/redrive", tag = "dead letters",
    params(("sequence" = u64, Path, description = "Its place in the stream DEADLETTERS", example = 17)),
    responses(
        (status = 200, description = "It is tried again, or has happened since", body = TakenOut),
        (status = 409, description = "It can never work; `detail` says what to do", body = ProblemBody,
         example = json!({"detail": "the message is no event and would be none again: mend its publisher, and have it \
                                     publish anew", "code": "bad-event", "repeat": "never"})),
        NoLetter, BadInput, Away,
    )
)]
pub async fn redrive(
    State(app): State<Arc<App>>,
    Path(sequence): Path<u64>,
) -> Result<Json<TakenOut>, Problem> {
    Ok(Json(app.dead_letters.redrive(sequence).await?))
}

/// Redrive dead letters
///
/// The first `limit` of those that meet the filters, in their order. What stays where it is has a `code` and `detail`.
#[utoipa::path(
    post, path = "/dead-letters/redrive", tag = "dead letters",
    params(LetterParameters),
    responses((status = 200, description = "What became of each", body = AllTakenOut), BadInput, Away)
)]
pub async fn redrive_many(
    State(app): State<Arc<App>>,
    Query(parameters): Query<LetterParameters>,
) -> Result<Json<AllTakenOut>, Problem> {
    Ok(Json(app.dead_letters.redrive_wanted(&parameters.wanted()?).await?))
}

/// Remove a dead letter
///
/// What it asks for never happens. The ledger still says that it is dead.
#[utoipa::path(
    delete, path = "/dead-letters/{sequence}", tag = "dead letters",
    params(("sequence" = u64, Path, description = "Its place in the stream DEADLETTERS", example = 17)),
    responses((status = 200, description = "It is gone", body = Removed), NoLetter, BadInput, Away)
)]
pub async fn remove(
    State(app): State<Arc<App>>,
    Path(sequence): Path<u64>,
) -> Result<Json<Removed>, Problem> {
    app.dead_letters.remove(sequence).await?;
    Ok(Json(Removed { sequence, status: "removed" }))
}

/// Remove dead letters
///
/// The first `limit` of those that meet the filters. Without any filter `all=true` says that all are meant.
#[utoipa::path(
    delete, path = "/dead-letters", tag = "dead letters",
    params(LetterParameters, PurgeParameters),
    responses((status = 200, description = "They are gone", body = AllRemoved), BadInput, Away)
)]
pub async fn purge(
    State(app): State<Arc<App>>,
    Query(parameters): Query<LetterParameters>,
    Query(PurgeParameters { all }): Query<PurgeParameters>,
) -> Result<Json<AllRemoved>, Problem> {
    let wanted = parameters.wanted()?;
    if wanted.filter.is_empty() && !all {
        let rule = "without a filter all dead letters would be removed; all=true says that this is meant";
        return Err(Problem::malformed(rule));
    }
    let several = app.dead_letters.remove_wanted(&wanted).await?;
    Ok(Json(AllRemoved { removed: several.letters.len(), letters: several.letters, next: several.next }))
}

impl LetterParameters {
    fn wanted(self) -> Result<Wanted, Problem> {
        if !(1..=MOST).contains(&self.limit) {
            return Err(Problem::malformed(format!("limit is {}; it is 1 to {MOST}", self.limit)));
        }
        let reason = self.reason.as_deref().map(str::parse::<Reason>).transpose();
        let event_id = self.event_id.as_deref().map(str::parse::<EventId>).transpose()?;
        let filter = LetterFilter {
            reason: reason.map_err(|bad| Problem::malformed(format!("reason: {bad}")))?,
            route: self.route,
            event_id: event_id.map(|id| id.to_string()),
            since: instant("since", self.since)?,
            until: instant("until", self.until)?,
        };
        Ok(Wanted { filter, after: self.after, limit: self.limit.into() })
    }
}

fn instant(name: &'static str, text: Option<String>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let time = DateTime::parse_from_rfc3339(&text).map_err(|error| {
        let advice = "write it as 2026-01-01T09:00:00Z, or with %2B for the + of an offset";
        Problem::malformed(format!("{name}: {error}; {advice}"))
    })?;
    Ok(Some(time.to_utc()))
}
