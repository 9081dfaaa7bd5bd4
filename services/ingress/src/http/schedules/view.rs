//! A schedule as it is told.

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use signalbox_proto::v1::{self, ScheduleView};
use utoipa::ToSchema;

use super::text;
use crate::links::{self, Elsewhere};

/// A schedule: what it is, what it did, and what is next.
#[derive(Debug, Serialize, ToSchema)]
pub struct WholeSchedule {
    #[schema(example = "report")]
    schedule_id: String,
    /// `scheduled`, or `paused`; or what the call has done to it.
    #[schema(value_type = String, example = "scheduled")]
    status: &'static str,
    /// What its times mean, in words.
    #[schema(example = "At 09:00, on Monday through Friday, in Europe/Paris")]
    meaning: String,
    /// The cron expression, if it was made of that alone.
    #[schema(example = "0 9 * * MON-FRI")]
    cron: String,
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// When it fires next.
    #[schema(example = json!(["2026-01-01T08:00:00Z", "2026-01-02T08:00:00Z"]))]
    next_runs: Vec<String>,
    /// Type of the workflow that it starts; `EmitEvent`, if it emits an event.
    #[schema(example = "EmitEvent")]
    workflow_type: String,
    /// Those of its last runs that Temporal tells, the latest last.
    recent_runs: Vec<ScheduleRun>,
    /// Its runs that have not ended.
    running: Vec<ScheduleRun>,
    runs: RunCounts,
    /// Shown with it in Temporal; why it is paused, if it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    note: String,
    /// As it was written, if it was made so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    schedule: Option<Box<RawValue>>,
    /// Whether the route files that were applied declare it; then it is changed there.
    declared: bool,
    /// How far Temporal's is from what is desired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    drift: Vec<String>,
    links: ScheduleLinks,
}

/// A run of a schedule.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleRun {
    #[schema(example = "report-2026-01-01T08:00:00Z")]
    workflow_id: String,
    #[schema(example = "0198c0de-1111-7000-8000-000000000000")]
    run_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-01-01T08:00:00Z")]
    scheduled_at: Option<String>,
    links: ScheduleRunLinks,
}

/// How often it fired, and did not.
#[derive(Debug, Serialize, ToSchema)]
struct RunCounts {
    /// RunCounts that it has started.
    started: i64,
    /// RunCounts that did not take place since Temporal was away for longer than `catch_up`.
    missed: i64,
    /// RunCounts that did not take place since the last one had not ended.
    skipped: i64,
    /// RunCounts that did not take place since too many waited.
    dropped: i64,
    /// How many there will be, where `runs` limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ScheduleLinks {
    #[serde(rename = "self")]
    #[schema(example = "/schedules/report")]
    itself: String,
    /// All its runs.
    #[schema(example = "/workflows?query=TemporalScheduledById%20%3D%20%27report%27")]
    runs: String,
    /// The same in the Temporal Web UI.
    temporal: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ScheduleRunLinks {
    #[schema(example = "/workflows/report-2026-01-01T08:00:00Z")]
    workflow: String,
    /// The same in the Temporal Web UI.
    temporal: String,
}

impl WholeSchedule {
    /// What the scheduler manager tells of it.
    pub fn of(view: ScheduleView, elsewhere: &Elsewhere) -> Self {
        let runs = |runs: Vec<v1::ScheduledRun>| {
            runs.into_iter().map(|one| ScheduleRun::of(one, elsewhere)).collect()
        };
        Self {
            status: if view.paused { "paused" } else { "scheduled" },
            meaning: view.meaning,
            cron: if view.cron.is_empty() { one_cron(&view.declaration) } else { view.cron },
            time_zone: if view.time_zone.is_empty() { super::default_time_zone() } else { view.time_zone },
            next_runs: view.next_runs.into_iter().filter_map(text).collect(),
            workflow_type: view.workflow_type,
            recent_runs: runs(view.recent_runs),
            running: runs(view.running),
            runs: RunCounts {
                started: view.runs,
                missed: view.missed,
                skipped: view.skipped,
                dropped: view.dropped,
                left: view.runs_left,
            },
            note: view.note,
            schedule: RawValue::from_string(view.declaration).ok(),
            declared: view.declared,
            drift: view.drift,
            links: ScheduleLinks {
                itself: links::schedule(&view.schedule_id),
                runs: links::runs_of_schedule(&view.schedule_id),
                temporal: elsewhere.schedule(&view.schedule_id),
            },
            schedule_id: view.schedule_id,
        }
    }

    /// The same, with what the call has done to it.
    pub fn after(self, done: &'static str) -> Self {
        Self { status: done, ..self }
    }
}

/// The cron expression of an entry that has one.
fn one_cron(declaration: &str) -> String {
    let entry: Value = serde_json::from_str(declaration).unwrap_or_default();
    entry["cron"].as_str().unwrap_or_default().to_owned()
}

impl ScheduleRun {
    fn of(run: v1::ScheduledRun, elsewhere: &Elsewhere) -> Self {
        Self {
            links: ScheduleRunLinks {
                workflow: links::workflow(&run.workflow_id),
                temporal: elsewhere.run(&run.workflow_id, &run.run_id),
            },
            workflow_id: run.workflow_id,
            run_id: run.run_id,
            scheduled_at: run.scheduled_at.and_then(text),
        }
    }
}
