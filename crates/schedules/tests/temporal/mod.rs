//! A development server of Temporal, spoken to through its HTTP API.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use signalbox_schedules::{Calendar, Interval, Range, Specification};
use signalbox_servers::{Binary, INSTALL_DIR, TemporalOptions, TemporalServer, locate};

/// The most times Temporal lists at once.
pub const MOST: usize = 1000;

pub struct Temporal {
    _server: TemporalServer,
    http: reqwest::Client,
    schedules: String,
}

impl Temporal {
    pub async fn start() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let binary = locate(Binary::Temporal, &workspace.join(INSTALL_DIR)).unwrap();
        let server = TemporalServer::start(TemporalOptions::new(binary)).await.unwrap();
        let schedules =
            format!("http://127.0.0.1:{}/api/v1/namespaces/default/schedules", server.http_port());
        let http = signalbox_servers::local_http().build().unwrap();
        Self { _server: server, http, schedules }
    }

    /// Creates a paused schedule, or says why Temporal would not.
    pub async fn create(&self, id: &str, specification: &Value) -> Result<(), String> {
        let schedule = json!({
            "requestId": id,
            "schedule": {
                "spec": specification,
                "action": { "startWorkflow": {
                    "workflowId": "none", "workflowType": { "name": "None" }, "taskQueue": { "name": "none" },
                } },
                "state": { "paused": true },
            },
        });
        let answer = self.http.post(format!("{}/{id}", self.schedules)).json(&schedule).send().await.unwrap();
        if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap()) }
    }

    pub async fn matching_times(
        &self,
        id: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let window = [("startTime", start), ("endTime", end)].map(|(name, time)| (name, rfc3339(time)));
        let url = format!("{}/{id}/matching-times", self.schedules);
        let answer = self.http.get(url).query(&window).send().await.unwrap().error_for_status().unwrap();
        let times = answer.json::<Value>().await.unwrap()["startTime"].take();
        let times = serde_json::from_value::<Option<Vec<_>>>(times).unwrap().unwrap_or_default();
        times.into_iter().take(MOST).collect()
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Temporal's `ScheduleSpec` in the JSON of its API.
pub fn specification(of: &Specification) -> Value {
    let calendars = |calendars: &[Calendar]| calendars.iter().map(calendar).collect::<Vec<_>>();
    json!({
        "structuredCalendar": calendars(&of.calendars),
        "interval": of.intervals.iter().map(interval).collect::<Vec<_>>(),
        "excludeStructuredCalendar": calendars(&of.excluded),
        "startTime": of.start.map(rfc3339),
        "endTime": of.end.map(rfc3339),
        "jitter": seconds(of.jitter),
        "timezoneName": of.time_zone.name(),
    })
}

fn calendar(calendar: &Calendar) -> Value {
    json!({
        "second": ranges(&calendar.second),
        "minute": ranges(&calendar.minute),
        "hour": ranges(&calendar.hour),
        "dayOfMonth": ranges(&calendar.day_of_month),
        "month": ranges(&calendar.month),
        "year": ranges(&calendar.year),
        "dayOfWeek": ranges(&calendar.day_of_week),
    })
}

fn ranges(ranges: &[Range]) -> Vec<Value> {
    let value = |range: &Range| json!({ "start": range.start, "end": range.end, "step": range.step });
    ranges.iter().map(value).collect()
}

fn interval(interval: &Interval) -> Value {
    json!({ "interval": seconds(interval.every), "phase": seconds(interval.phase) })
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}
