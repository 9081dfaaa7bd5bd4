//! Any schedule, whatever it starts: its life.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use serde::Serialize;
use serde_json::{Map, Value};
use signalbox_domain::{EventId, ScheduleId};
use signalbox_proto::v1::{
    ChangeSchedule, CreateSchedule, DescribeSchedule, ListSchedules, PlanSchedules, ScheduleSpec,
    planned_schedule, schedule_reply, schedule_request::What,
};
use signalbox_routing::DeclaredSchedule;
use utoipa::ToSchema;

use super::{Deleted, timestamp, view::WholeSchedule, written};
use crate::{
    app::App,
    auth::Principal,
    body::JsonBody,
    extract::{CallId, Path, fresh_id},
    http::{
        IdempotencyKey,
        refusals::{Away, BadInput, BadJson, NoSchedule, OfFiles},
    },
    links,
    problem::Problem,
};

/// All schedules.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllSchedules {
    schedules: Vec<WholeSchedule>,
}

/// What applying the declared schedules would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholePlan {
    /// Version of the route set that was applied last.
    #[schema(example = "22cd947760bb2f8c")]
    version: String,
    steps: Vec<SchedulePlanStep>,
    /// How many are as they are to be.
    unchanged: u32,
}

/// What is to be done about one schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct SchedulePlanStep {
    #[schema(example = "report")]
    schedule_id: String,
    /// `create`, `change`, `delete`; or `conflict`: a schedule of that id exists that was not declared, and stays.
    #[schema(value_type = String, example = "change")]
    step: &'static str,
    /// What is different.
    #[schema(example = json!(["time_zone: Europe/Paris, Temporal has UTC"]))]
    differences: Vec<String>,
}

/// Create any schedule
///
/// The body is an entry of `schedules` in a route file, as JSON; and it may say `after: 10m` for once, so long from now.
#[utoipa::path(
    post, path = "/schedules", operation_id = "create_schedule", tag = "schedules", params(IdempotencyKey),
    request_body(content = Object, description = "What fires when; docs/reference/schedules.md has the fields", example = json!({
        "id": "report", "cron": "0 9 * * MON-FRI", "time_zone": "Europe/Paris", "emit": "events.reports.due"
    })),
    responses(
        (status = 201, description = "Temporal has the schedule", body = WholeSchedule,
         headers(("Location" = String, description = "The schedule"))),
        BadInput, BadJson, Away,
    )
)]
pub async fn create(
    State(app): State<Arc<App>>,
    CallId(call): CallId,
    principal: Principal,
    JsonBody(entry): JsonBody<Map<String, Value>>,
) -> Result<Response, Problem> {
    let schedule = written::read(entry, Utc::now())?;
    written::allowed(&principal, &schedule)?;
    let location = links::schedule(schedule.id.as_str());
    let spec = ScheduleSpec {
        schedule_id: schedule.id.to_string(),
        declaration: schedule.written,
        created_at: Some(timestamp(Utc::now())),
        request_id: call.to_string(),
        ..Default::default()
    };
    let what = What::Create(CreateSchedule { schedule: Some(spec) });
    let made = one(&app, app.change_schedule(&call, what).await?)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)).into_response())
}

/// List all schedules
///
/// Those that were made elsewhere, too.
#[utoipa::path(
    get, path = "/schedules", operation_id = "list_schedules", tag = "schedules",
    responses((status = 200, description = "All of them", body = AllSchedules), Away)
)]
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<AllSchedules>, Problem> {
    match app.schedule(fresh_id()?.to_string(), What::List(ListSchedules {})).await? {
        schedule_reply::What::Schedules(list) => {
            let of = |view| WholeSchedule::of(view, &app.elsewhere);
            Ok(Json(AllSchedules { schedules: list.schedules.into_iter().map(of).collect() }))
        }
        _ => Err(Problem::unreadable()),
    }
}

/// Describe any schedule
#[utoipa::path(
    get, path = "/schedules/{schedule_id}", operation_id = "describe_schedule", tag = "schedules",
    params(("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report")),
    responses(
        (status = 200, description = "What it is, what ran and what did not, what is next", body = WholeSchedule),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn describe(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
) -> Result<Json<WholeSchedule>, Problem> {
    let schedule_id: ScheduleId = schedule_id.parse()?;
    let what = What::Describe(DescribeSchedule { schedule_id: schedule_id.to_string() });
    Ok(Json(one(&app, app.schedule(fresh_id()?.to_string(), what).await?)?))
}

/// Make a schedule another
///
/// The body is all of it anew, as for `POST /schedules`. Whether it is paused stays, if it does not say.
#[utoipa::path(
    put, path = "/schedules/{schedule_id}", operation_id = "change_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    request_body(content = Object, description = "What fires when; its `id` may be left out", example = json!({
        "cron": "30 8 * * MON-FRI", "time_zone": "Europe/Paris", "emit": "events.reports.due"
    })),
    responses(
        (status = 200, description = "Temporal has the change; `status` is `changed`", body = WholeSchedule),
        NoSchedule, OfFiles, BadInput, BadJson, Away,
    )
)]
pub async fn replace(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
    principal: Principal,
    JsonBody(entry): JsonBody<Map<String, Value>>,
) -> Result<Json<WholeSchedule>, Problem> {
    let schedule: DeclaredSchedule = written::read_as(&schedule_id.parse()?, entry, Utc::now())?;
    written::allowed(&principal, &schedule)?;
    let what = What::Change(ChangeSchedule {
        schedule_id: schedule.id.to_string(),
        declaration: schedule.written,
        ..Default::default()
    });
    done(&app, &call, what, "changed").await
}

/// Delete any schedule
///
/// Runs that it has started go on.
#[utoipa::path(
    delete, path = "/schedules/{schedule_id}", operation_id = "delete_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "report"),
        IdempotencyKey,
    ),
    responses(
        (status = 200, description = "It is gone", body = Deleted),
        NoSchedule, OfFiles, BadInput, Away,
    )
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    CallId(call): CallId,
) -> Result<Json<Deleted>, Problem> {
    let schedule_id: ScheduleId = schedule_id.parse()?;
    super::deleted(&app, &call, &schedule_id).await
}

/// Plan the declared schedules
///
/// What is different between the schedules of the route files that were applied last and those that Temporal has; it is
/// mended without being asked.
#[utoipa::path(
    get, path = "/schedule-plan", operation_id = "plan_schedules", tag = "schedules",
    responses((status = 200, description = "What there is to do", body = WholePlan), Away)
)]
pub async fn plan(State(app): State<Arc<App>>) -> Result<Json<WholePlan>, Problem> {
    match app.schedule(fresh_id()?.to_string(), What::Plan(PlanSchedules {})).await? {
        schedule_reply::What::Plan(plan) => {
            let steps = plan.steps.into_iter().map(|planned| SchedulePlanStep {
                step: step(planned.step()),
                schedule_id: planned.schedule_id,
                differences: planned.differences,
            });
            Ok(Json(WholePlan { version: plan.version, steps: steps.collect(), unchanged: plan.unchanged }))
        }
        _ => Err(Problem::unreadable()),
    }
}

fn step(step: planned_schedule::Step) -> &'static str {
    use planned_schedule::Step;
    match step {
        Step::Create => "create",
        Step::Change => "change",
        Step::Delete => "delete",
        Step::Conflict => "conflict",
        Step::Unspecified => "unknown",
    }
}

/// Has a change made, and tells the schedule with what was done to it.
///
/// # Errors
/// When it is not done, or nobody knows.
pub async fn done(
    app: &App,
    call: &EventId,
    what: What,
    done: &'static str,
) -> Result<Json<WholeSchedule>, Problem> {
    Ok(Json(one(app, app.change_schedule(call, what).await?)?.after(done)))
}

/// The schedule that a reply tells.
fn one(app: &App, reply: schedule_reply::What) -> Result<WholeSchedule, Problem> {
    match reply {
        schedule_reply::What::Schedule(view) => Ok(WholeSchedule::of(view, &app.elsewhere)),
        _ => Err(Problem::unreadable()),
    }
}
