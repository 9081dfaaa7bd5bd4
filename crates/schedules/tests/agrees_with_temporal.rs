//! The next times are those a real Temporal server computes from the texts it is handed.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use signalbox_schedules::{Cron, time_zone};
use signalbox_servers::{Binary, INSTALL_DIR, TemporalOptions, TemporalServer, locate};

const EXPRESSIONS: &[&str] = &[
    "*/30 * * * *",
    "*/7 * * * *",
    "17,*/20 1-3 * * *",
    "0 9 * * MON-FRI",
    "30 1 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "59 0-2 * * *",
    "0 0 * * SAT,SUN",
    "0 9 * * 6",
    "0 */6 29-31 * *",
    "0 12 1 * MON",
    "0 12 */2 * FRI-SUN",
    "0 12 1-7 3,11 7",
    "0 0 1 1 *",
    "5/25 */5 * * *",
    "@daily",
    "*/30 * 0-3 * * *",
    "15 59 1 * * *",
    "59 59 * * * *",
    "0 30 2 28-31 * SUN",
];

/// A zone and a time shortly before its clock is changed. Each zone takes its changes differently: Paris is
/// east of Greenwich, New York west of it, in Santiago it is midnight that is skipped, and Lord Howe changes
/// by half an hour. The first is an ordinary day.
const PLACES: &[(&str, &str)] = &[
    ("", "2026-01-30T11:20:07Z"),
    ("Europe/Paris", "2026-03-28T22:15:00Z"),
    ("Europe/Paris", "2026-10-24T22:15:00Z"),
    ("Europe/Paris", "2026-10-25T00:30:00Z"),
    ("America/New_York", "2026-03-07T22:15:00Z"),
    ("America/New_York", "2026-10-31T22:15:00Z"),
    ("America/New_York", "2026-11-01T06:10:00Z"),
    ("America/Santiago", "2026-09-05T22:15:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T10:00:00Z"),
    ("Asia/Kolkata", "2026-12-30T00:00:00Z"),
];

/// How long each window is: past the change by a few hours, and past a few months.
const WINDOWS: [chrono::TimeDelta; 2] = [chrono::TimeDelta::hours(10), chrono::TimeDelta::days(80)];

/// The most times Temporal lists at once.
const MOST: usize = 1000;

#[tokio::test]
async fn next_times_are_temporals() {
    let temporal = Temporal::start().await;
    let mut differences = String::new();
    for (row, text) in EXPRESSIONS.iter().enumerate() {
        let cron: Cron = text.parse().unwrap();
        for (column, (zone, start)) in PLACES.iter().enumerate() {
            let start: DateTime<Utc> = start.parse().unwrap();
            let id = format!("{row}-{column}");
            temporal.create(&id, &cron.temporal_cron_strings(), zone).await.unwrap();
            for end in WINDOWS.map(|window| start + window) {
                let theirs = temporal.matching_times(&id, start, end).await;
                let times = cron.next_times(time_zone(zone).unwrap(), start);
                let ours: Vec<_> = times.take_while(|time| *time <= end).take(MOST).collect();
                if ours != theirs {
                    let _ = writeln!(
                        differences,
                        "`{text}` {zone} {start}: {}",
                        first_difference(&ours, &theirs)
                    );
                }
            }
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
}

#[tokio::test]
async fn what_is_refused_for_temporals_sake_is_refused_by_temporal() {
    let temporal = Temporal::start().await;
    for text in ["0 0 ? * *", "0 0 L * *", "0 0 15W * *", "0 0 * * 5L", "0 0 * * FRI-MON", "0 22-2 * * *"] {
        assert!(text.parse::<Cron>().is_err(), "{text}");
        let refused = temporal.create("refused", &[text.to_owned()], "").await.unwrap_err();
        assert!(refused.contains("Invalid schedule spec"), "{text}: {refused}");
    }
}

fn first_difference(ours: &[DateTime<Utc>], theirs: &[DateTime<Utc>]) -> String {
    let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    format!("time {at} is {:?} here and {:?} there", ours.get(at), theirs.get(at))
}

/// A development server, spoken to through its HTTP API.
struct Temporal {
    _server: TemporalServer,
    http: reqwest::Client,
    schedules: String,
}

impl Temporal {
    async fn start() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let binary = locate(Binary::Temporal, &workspace.join(INSTALL_DIR)).unwrap();
        let server = TemporalServer::start(TemporalOptions::new(binary)).await.unwrap();
        let schedules =
            format!("http://127.0.0.1:{}/api/v1/namespaces/default/schedules", server.http_port());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { _server: server, http, schedules }
    }

    /// Creates a paused schedule, or says why Temporal would not.
    async fn create(&self, id: &str, cron: &[String], zone: &str) -> Result<(), String> {
        let schedule = json!({
            "requestId": id,
            "schedule": {
                "spec": { "cronString": cron, "timezoneName": zone },
                "action": { "startWorkflow": {
                    "workflowId": "none", "workflowType": { "name": "None" }, "taskQueue": { "name": "none" },
                } },
                "state": { "paused": true },
            },
        });
        let answer = self.http.post(format!("{}/{id}", self.schedules)).json(&schedule).send().await.unwrap();
        if answer.status().is_success() { Ok(()) } else { Err(answer.text().await.unwrap()) }
    }

    async fn matching_times(&self, id: &str, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let window = [("startTime", start), ("endTime", end)]
            .map(|(name, time)| (name, time.to_rfc3339_opts(SecondsFormat::Secs, true)));
        let url = format!("{}/{id}/matching-times", self.schedules);
        let answer = self.http.get(url).query(&window).send().await.unwrap().error_for_status().unwrap();
        let times = answer.json::<Value>().await.unwrap()["startTime"].take();
        serde_json::from_value::<Option<Vec<_>>>(times)
            .unwrap()
            .unwrap_or_default()
            .into_iter()
            .take(MOST)
            .collect()
    }
}
