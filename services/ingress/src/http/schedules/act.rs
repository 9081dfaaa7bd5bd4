//! What is done to any schedule without changing it.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::value::RawValue;
use signalbox_proto::v1::{
    BackfillSchedule, PauseSchedule, ResumeSchedule, ScheduleArgs, TriggerSchedule, schedule_request::What,
};
use utoipa::ToSchema;

use super::{
    operate::{id, instant, note},
    view::WholeSchedule,
    whole::done,
};
use crate::{
    app::App,
    body::JsonBody,
    extract::{CallId, Path},
    http::{
        IdempotencyKey,
        refusals::{Away, BadInput, BadJson, NoSchedule},
    },
    problem::Problem,
};

/// Why it is paused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"note": "maintenance"}))]
pub struct WhyPaused {
    /// For people.
    #[schema(required = false, max_length = 1000)]
    note: String,
}

/// One run, as it is to be this once.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"args": ["by hand"]}))]
pub struct OneRun {
    /// Instead of the schedule's own arguments; of a schedule that emits an event, one: the event's data.
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    args: Option<Vec<Box<RawValue>>>,
}

/// A span of time, both ends included.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}))]
pub struct TimeRange {
    /// The first instant (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    from: Option<String>,
    /// The last instant.
    #[schema(value_type = String, format = DateTime)]
    to: Option<String>,
}

/// Pause any schedule
///
/// It starts nothing by itself until it is resumed. Runs that it has started go on.
#[utoipa::path(
    post, path = "/schedules/{schedule_id}/pause", operation_id = "pause_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    request_body = WhyPaused,
    responses(
        (status = 200, description = "It is paused; `status` is `paused`", body = WholeSchedule),
        NoSchedule, BadInput, BadJson, Away,
    )
)]
pub async fn pause(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
    JsonBody(WhyPaused { note: text }): JsonBody<WhyPaused>,
) -> Result<Json<WholeSchedule>, Problem> {
    let what = What::Pause(PauseSchedule { schedule_id: id(&schedule_id)?, note: note(text)? });
    done(&app, &call, what, "paused").await
}

/// Resume any schedule
///
/// It starts runs again. Those that it had to start meanwhile are left out; a backfill starts them.
#[utoipa::path(
    post, path = "/schedules/{schedule_id}/resume", operation_id = "resume_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is paused no more; `status` is `resumed`", body = WholeSchedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn resume(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
) -> Result<Json<WholeSchedule>, Problem> {
    let what = What::Resume(ResumeSchedule { schedule_id: id(&schedule_id)? });
    done(&app, &call, what, "resumed").await
}

/// Trigger any schedule now
///
/// It starts one run now, also while it is paused; with other arguments this once, if the body has some.
#[utoipa::path(
    post, path = "/schedules/{schedule_id}/trigger", operation_id = "trigger_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    request_body = OneRun,
    responses(
        (status = 200, description = "Temporal starts the run; `status` is `triggered`", body = WholeSchedule),
        NoSchedule, BadInput, BadJson, Away,
    )
)]
pub async fn trigger(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
    JsonBody(OneRun { args }): JsonBody<OneRun>,
) -> Result<Json<WholeSchedule>, Problem> {
    let args = args.map(|args| ScheduleArgs {
        args: args.into_iter().map(|arg| String::from(Box::<str>::from(arg)).into()).collect(),
    });
    let what = What::Trigger(TriggerSchedule { schedule_id: id(&schedule_id)?, args });
    done(&app, &call, what, "triggered").await
}

/// Backfill any schedule
///
/// Starts now the runs that it has from `from` to `to`, both included, at most 1000. Those that have taken place are
/// not started again.
#[utoipa::path(
    post, path = "/schedules/{schedule_id}/backfill", operation_id = "backfill_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    request_body = TimeRange,
    responses(
        (status = 200, description = "Temporal starts the runs; `status` is `backfilled`", body = WholeSchedule),
        NoSchedule, BadInput, BadJson, Away,
    )
)]
pub async fn backfill(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
    JsonBody(TimeRange { from, to }): JsonBody<TimeRange>,
) -> Result<Json<WholeSchedule>, Problem> {
    let (from, to) = (instant("from", from)?, instant("to", to)?);
    let what =
        What::Backfill(BackfillSchedule { schedule_id: id(&schedule_id)?, from: Some(from), to: Some(to) });
    done(&app, &call, what, "backfilled").await
}
