//! A new time or a new name for a schedule that exists.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use signalbox_domain::ScheduleId;
use signalbox_proto::v1::{ChangeSchedule, ScheduleArgs, Start, schedule_request::What};
use utoipa::IntoParams;

use super::{Schedule, after};
use crate::{
    app::App,
    extract::{CallId, Path, Query},
    http::{
        IdempotencyKey,
        refusals::{Away, BadInput, NoSchedule},
        workflows::cron_workflow,
    },
    problem::{Problem, ProblemBody},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParameters {
    /// When it runs. Five fields are minutes first; six fields are seconds first.
    #[param(example = "0 9 * * MON-FRI")]
    cron: Option<String>,
    /// IANA name of the time zone that `cron` means.
    #[param(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// What each run calls its task.
    #[param(min_length = 1)]
    name: Option<String>,
}

impl ChangeParameters {
    fn check(&self) -> Result<(), Problem> {
        match self {
            Self { name: Some(name), .. } if name.is_empty() => Err(Problem::malformed("name is empty")),
            Self { cron: None, time_zone: None, name: None } => {
                Err(Problem::malformed("nothing to change: give cron, time_zone or name"))
            }
            _ => Ok(()),
        }
    }
}

/// Change a schedule
///
/// What is not given stays as it is, and so does whether it is paused.
#[utoipa::path(
    put, path = "/schedule-workflow/{schedule_id}", operation_id = "change_cron_schedule", tag = "schedules",
    params(
        ("schedule_id" = String, Path, description = "Id of the schedule", max_length = 200, example = "every-minute"),
        ChangeParameters, IdempotencyKey,
    ),
    responses(
        (status = 200, description = "Temporal has the change; `status` is `changed`", body = Schedule),
        (status = 400, description = "The cron expression or the time zone cannot be read", body = ProblemBody,
         example = json!({"detail": "minute: 61 is not in 0-59", "code": "bad-cron", "repeat": "never"})),
        NoSchedule, BadInput, Away,
    )
)]
pub async fn change(
    State(app): State<Arc<App>>,
    Path(schedule_id): Path<String>,
    Query(parameters): Query<ChangeParameters>,
    CallId(call): CallId,
) -> Result<Json<Schedule>, Problem> {
    let schedule_id: ScheduleId = schedule_id.parse()?;
    parameters.check()?;
    let args = parameters.name.map(|name| ScheduleArgs { args: Start::from(cron_workflow(&name)).args });
    let what = What::Change(ChangeSchedule {
        schedule_id: schedule_id.to_string(),
        cron: parameters.cron,
        time_zone: parameters.time_zone,
        args,
        declaration: String::new(),
    });
    after("changed", app.change_schedule(&call, what).await?)
}
