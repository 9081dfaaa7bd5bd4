//! What is done to a schedule without changing it.

use std::sync::Arc;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use serde::Deserialize;
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{
    BackfillSchedule, PauseSchedule, ResumeSchedule, TriggerSchedule, schedule_request::What,
};
use utoipa::IntoParams;

use super::{Schedule, after};
use crate::{
    app::App,
    extract::{CallId, Path, Query},
    http::{
        IdempotencyKey,
        refusals::{Away, BadInput, NoSchedule},
    },
    problem::{Problem, ProblemBody},
};

/// The longest note, in bytes.
const LONGEST_NOTE: usize = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PauseParameters {
    /// Why, for people.
    #[serde(default)]
    #[param(required = false, max_length = 1000, example = "maintenance")]
    note: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BackfillParameters {
    /// The first instant, as RFC 3339 has it; a `+` in it is written `%2B`.
    #[param(required = true, example = "2026-01-01T00:00:00Z")]
    from: Option<String>,
    /// The last instant.
    #[param(required = true, example = "2026-01-01T01:00:00Z")]
    to: Option<String>,
}

/// Pause a schedule
///
/// It starts nothing by itself until it is resumed. Runs that it has started go on.
#[utoipa::path(
    post, path = "/schedule-workflow/{schedule_id}/pause", operation_id = "pause_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        PauseParameters, IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is paused; `status` is `paused`", body = Schedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn pause(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    Query(PauseParameters { note }): Query<PauseParameters>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let what = What::Pause(PauseSchedule { schedule_id: id(&schedule_id)?, note: self::note(note)? });
    after("paused", app.change_schedule(&call, what).await?)
}

/// Resume a schedule
///
/// It starts runs again. Those that it had to start meanwhile are left out; a backfill starts them.
#[utoipa::path(
    post, path = "/schedule-workflow/{schedule_id}/resume", operation_id = "resume_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is paused no more; `status` is `resumed`", body = Schedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn resume(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let what = What::Resume(ResumeSchedule { schedule_id: id(&schedule_id)? });
    after("resumed", app.change_schedule(&call, what).await?)
}

/// Trigger a schedule now
///
/// It starts one run now, also while it is paused.
#[utoipa::path(
    post, path = "/schedule-workflow/{schedule_id}/trigger", operation_id = "trigger_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal starts the run; `status` is `triggered`", body = Schedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn trigger(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let what = What::Trigger(TriggerSchedule { schedule_id: id(&schedule_id)?, args: None });
    after("triggered", app.change_schedule(&call, what).await?)
}

/// Backfill a schedule
///
/// Starts now the runs that it has from `from` to `to`, both included, at most 1000. Those that have taken place are
/// not started again.
#[utoipa::path(
    post, path = "/schedule-workflow/{schedule_id}/backfill", operation_id = "backfill_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        BackfillParameters, IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal starts the runs; `status` is `backfilled`", body = Schedule),
        (status = 400, description = "There are none, or too many; or it ends before it begins", body = ProblemBody,
         example = json!({"detail": "from 2026-01-01 00:00:00 UTC to 2027-01-01 00:00:00 UTC the schedule has more \
                                     than 1000 runs; take less time", "code": "bad-range", "repeat": "never"})),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn backfill(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    Query(BackfillParameters { from, to }): Query<BackfillParameters>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let schedule_id = id(&schedule_id)?;
    let (from, to) = (instant("from", from)?, instant("to", to)?);
    let what = What::Backfill(BackfillSchedule { schedule_id, from: Some(from), to: Some(to) });
    after("backfilled", app.change_schedule(&call, what).await?)
}

/// A note, if it is short enough.
pub(super) fn note(text: String) -> Result<String, Problem> {
    if text.len() > LONGEST_NOTE {
        let bytes = text.len();
        return Err(Problem::malformed(format!(
            "note has {bytes} bytes; at most {LONGEST_NOTE} are allowed"
        )));
    }
    Ok(text)
}

pub(super) fn id(text: &str) -> Result<String, Problem> {
    Ok(text.parse::<ScheduleId>()?.to_string())
}

pub(super) fn instant(name: &'static str, text: Option<String>) -> Result<Timestamp, Problem> {
    let text = text.ok_or_else(|| Problem::missing(name))?;
    let time: DateTime<Utc> = DateTime::parse_from_rfc3339(&text)
        .map_err(|error| {
            let advice = "write it as 2026-01-01T09:00:00Z, or with %2B for the + of an offset";
            Problem::malformed(format!("{name}: {error}; {advice}"))
        })?
        .into();
    // A leap second has more nanoseconds than others.
    let nanos = i32::try_from(time.timestamp_subsec_nanos().min(999_999_999)).unwrap_or_default();
    Ok(Timestamp { seconds: time.timestamp(), nanos })
}
