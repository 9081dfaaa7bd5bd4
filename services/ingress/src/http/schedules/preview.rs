//! What times mean, before anything runs.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_routing::DeclaredSchedule;
use signalbox_schedules::{Timing, shown};
use utoipa::{IntoParams, ToSchema};

use super::written;
use crate::{
    body::JsonBody,
    extract::Query,
    http::refusals::{BadInput, BadJson},
    problem::Problem,
};

const USUAL: usize = 5;
const MOST: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PreviewParameters {
    /// How many of the next times are told.
    #[param(minimum = 1, maximum = 100, default = 5)]
    count: Option<usize>,
}

/// What times mean.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    #[schema(example = "At 09:00, on Monday through Friday, in Europe/Paris")]
    meaning: String,
    #[schema(example = "Europe/Paris")]
    time_zone: &'static str,
    /// The next times at which it fires, without jitter.
    next: Vec<PreviewedTime>,
    /// What may not be meant.
    warnings: Vec<PreviewWarning>,
}

/// A time at which a schedule fires.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewedTime {
    #[schema(example = "2026-01-01T08:00:00Z")]
    utc: String,
    /// By the clock of the time zone.
    #[schema(example = "2026-01-01 09:00:00 +01:00 CET")]
    local: String,
}

/// What may not be meant.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewWarning {
    /// `never-fires`, `skipped`, `moved`, `doubled`, `extra`, `often` or `jitter`.
    #[schema(value_type = String, example = "skipped")]
    kind: &'static str,
    #[schema(
        example = "cron: 02:30 on 2027-03-28 does not come in Europe/Paris, where the clock goes from 02:00 to 03:00: it does not fire then"
    )]
    text: String,
}

/// Preview times
///
/// What the times of a schedule mean in words, the next of them in its zone and in UTC, and what may not be meant: times
/// that never come, or that a change of the clock skips or doubles. Nothing is made. The body has the fields of a
/// schedule that are about time.
#[utoipa::path(
    post, path = "/schedules/preview", operation_id = "preview_schedule", tag = "schedules", params(PreviewParameters),
    request_body(content = Object, description = "Times", example = json!({"cron": "0 9 * * MON-FRI", "time_zone": "Europe/Paris"})),
    responses((status = 200, description = "What they mean", body = Preview), BadInput, BadJson)
)]
pub async fn preview(
    Query(PreviewParameters { count }): Query<PreviewParameters>,
    JsonBody(mut entry): JsonBody<Map<String, Value>>,
) -> Result<Json<Preview>, Problem> {
    let count = count.unwrap_or(USUAL);
    if !(1..=MOST).contains(&count) {
        return Err(Problem::malformed(format!("count is {count}; it is a number from 1 to {MOST}")));
    }
    let now = Utc::now();
    written::from_now(&mut entry, now)?;
    let timing = DeclaredSchedule::read_times(&Value::Object(entry).to_string());
    Ok(Json(of(&timing.map_err(|faults| written::refused(&faults))?, now, count)))
}

fn of(timing: &Timing, now: DateTime<Utc>, count: usize) -> Preview {
    let zone = timing.time_zone();
    let next = timing.next_times(now).take(count).map(|at| {
        let both = shown(zone, at);
        PreviewedTime { utc: both.utc, local: both.local }
    });
    let doubts = timing.warnings(now);
    let doubts = doubts
        .iter()
        .map(|warning| PreviewWarning { kind: warning.kind().name(), text: warning.to_string() });
    Preview {
        meaning: timing.meaning(),
        time_zone: zone.name(),
        next: next.collect(),
        warnings: doubts.collect(),
    }
}
