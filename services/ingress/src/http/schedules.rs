//! Schedules, which the scheduler manager keeps.

pub mod act;
pub mod change;
pub mod operate;
pub mod preview;
mod view;
pub mod whole;
mod written;

use std::sync::Arc;

use axum::{Json, extract::State};
use chrono::{DateTime, SecondsFormat, Utc};
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};
use signalbox_domain::{EventId, ScheduleId, WorkflowId};
use signalbox_proto::v1::{
    CreateSchedule, DeleteSchedule, DescribeSchedule, ListSchedules, ScheduleSpec, ScheduleView,
    schedule_reply::What, schedule_request,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    refusals::{Away, BadInput, NoSchedule},
    workflows::cron_workflow,
};
use crate::{
    app::App,
    extract::{CallId, Path, Query, fresh_id},
    problem::{Problem, ProblemBody},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScheduleParameters {
    /// When it runs. Five fields are minutes first; six fields are seconds first.
    #[serde(default = "default_cron")]
    #[param(default = "* * * * *", example = "*/30 * * * * *")]
    cron: String,
    /// What each run calls its task.
    #[serde(default = "default_name")]
    #[param(default = "Cron Triggered", min_length = 1)]
    name: String,
    /// IANA name of the time zone that `cron` means.
    #[serde(default = "default_time_zone")]
    #[param(default = "UTC", example = "Europe/Paris")]
    time_zone: String,
}

fn default_cron() -> String {
    "* * * * *".into()
}

fn default_name() -> String {
    "Cron Triggered".into()
}

fn default_time_zone() -> String {
    "UTC".into()
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedule {
    #[schema(example = "every-minute")]
    schedule_id: String,
    #[schema(example = "* * * * *")]
    cron: String,
    /// `scheduled`, or `paused`; or what the call has done to it.
    #[schema(value_type = String, example = "scheduled")]
    status: &'static str,
    /// What the cron expression means, in words.
    #[schema(example = "every minute")]
    meaning: String,
    #[schema(example = "UTC")]
    time_zone: String,
    /// When it fires next.
    #[schema(example = json!(["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]))]
    next_runs: Vec<String>,
    /// Type of the workflow that it starts.
    #[schema(example = "CronWorkflow")]
    workflow_type: String,
    recent_runs: Vec<ScheduledRun>,
    /// Why it is paused.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    note: String,
}

/// A run that a schedule started.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduledRun {
    #[schema(example = "every-minute-2026-01-01T00:00:00Z")]
    workflow_id: String,
    #[schema(example = "0198c0de-1111-7000-8000-000000000000")]
    run_id: String,
    #[schema(example = "2026-01-01T00:00:00Z")]
    scheduled_at: Option<String>,
}

/// A schedule that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    #[schema(example = "every-minute")]
    schedule_id: String,
    #[schema(value_type = String, example = "deleted")]
    status: &'static str,
}

/// All schedules.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedules {
    schedules: Vec<Schedule>,
}

/// Create a schedule
///
/// Starts `CronWorkflow(name)` at the times that `cron` means. The answer says in words what it means, and when
/// it fires next.
#[utoipa::path(
    post, path = "/schedule-workflow/{schedule_id}", operation_id = "create_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id for the schedule", max_length = 200, example = "every-minute"),
        ScheduleParameters, super::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal has the schedule", body = Schedule),
        (status = 400, description = "The cron expression or the time zone cannot be read, or the id exists", body = ProblemBody,
         example = json!({"detail": "schedule 'every-minute' exists", "code": "schedule-exists", "repeat": "never"})),
        BadInput, Away,
    )
)]
pub async fn create(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    Query(parameters): Query<ScheduleParameters>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let schedule_id: ScheduleId = schedule_id.parse()?;
    // Its runs get ids that begin with its own.
    let workflow_id: WorkflowId = schedule_id.as_str().parse()?;
    if parameters.name.is_empty() {
        return Err(Problem::malformed("name is empty"));
    }
    let schedule = ScheduleSpec {
        schedule_id: schedule_id.to_string(),
        cron: parameters.cron,
        time_zone: parameters.time_zone,
        start: Some(cron_workflow(&parameters.name).into()),
        workflow_id: workflow_id.to_string(),
        created_at: Some(timestamp(Utc::now())),
        request_id: call.to_string(),
        ..Default::default()
    };
    let what = schedule_request::What::Create(CreateSchedule { schedule: Some(schedule) });
    let reply = app.change_schedule(&call, what).await?;
    one(reply)
}

/// Describe a schedule
#[utoipa::path(
    get, path = "/schedule-workflow/{schedule_id}", operation_id = "describe_cron_schedule", tag = "schedules",
    params(("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute")),
    responses(
        (status = 200, description = "What it is, what ran, what is next", body = Schedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn describe(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
) -> Result<Json<Schedule>, Problem> {
    let schedule_id: ScheduleId = schedule_id.parse()?;
    let what = schedule_request::What::Describe(DescribeSchedule { schedule_id: schedule_id.to_string() });
    one(app.schedule(fresh_id()?.to_string(), what).await?)
}

/// Delete a schedule
///
/// Runs that it has started go on.
#[utoipa::path(
    delete, path = "/schedule-workflow/{schedule_id}", operation_id = "delete_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        super::IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
) -> Result<Json<Deleted>, Problem> {
    deleted(&app, &call, &schedule_id.parse()?).await
}

async fn deleted(app: &App, call: &EventId, id: &ScheduleId) -> Result<Json<Deleted>, Problem> {
    let what = schedule_request::What::Delete(DeleteSchedule { schedule_id: id.to_string() });
    match app.change_schedule(call, what).await? {
        What::Deleted(deleted) => Ok(Json(Deleted { schedule_id: deleted.schedule_id, status: "deleted" })),
        _ => Err(Problem::unreadable()),
    }
}

/// List the schedules
#[utoipa::path(
    get, path = "/schedule-workflow", operation_id = "list_cron_schedules", tag = "schedules",
    responses((status = 200, description = "All of them", body = Schedules), Away)
)]
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<Schedules>, Problem> {
    match app.schedule(fresh_id()?.to_string(), schedule_request::What::List(ListSchedules {})).await? {
        What::Schedules(list) => {
            Ok(Json(Schedules { schedules: list.schedules.into_iter().map(Schedule::from).collect() }))
        }
        _ => Err(Problem::unreadable()),
    }
}

fn one(reply: What) -> Result<Json<Schedule>, Problem> {
    match reply {
        What::Schedule(view) => Ok(Json(view.into())),
        _ => Err(Problem::unreadable()),
    }
}

/// The same, with what the call has done to it.
fn after(done: &'static str, reply: What) -> Result<Json<Schedule>, Problem> {
    let Json(schedule) = one(reply)?;
    Ok(Json(Schedule { status: done, ..schedule }))
}

impl From<ScheduleView> for Schedule {
    fn from(view: ScheduleView) -> Self {
        Self {
            schedule_id: view.schedule_id,
            cron: view.cron,
            status: if view.paused { "paused" } else { "scheduled" },
            meaning: view.meaning,
            time_zone: if view.time_zone.is_empty() { default_time_zone() } else { view.time_zone },
            next_runs: view.next_runs.into_iter().filter_map(text).collect(),
            workflow_type: view.workflow_type,
            recent_runs: view
                .recent_runs
                .into_iter()
                .map(|run| ScheduledRun {
                    workflow_id: run.workflow_id,
                    run_id: run.run_id,
                    scheduled_at: run.scheduled_at.and_then(text),
                })
                .collect(),
            note: view.note,
        }
    }
}

fn text(time: Timestamp) -> Option<String> {
    let time = DateTime::from_timestamp(time.seconds, u32::try_from(time.nanos).ok()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_millis() as i32 * 1_000_000 }
}
