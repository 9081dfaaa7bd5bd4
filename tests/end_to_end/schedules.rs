//! The rest of a schedule's life: change, pause, resume, trigger now, backfill, time zones.

use std::time::Duration;

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use signalbox_proto::{Message, names::bucket, v1::ScheduleSpec};
use signalbox_testkit::{Api, Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, described, expect, shared, unique};

/// Calls with parameters, and expects success.
async fn call(api: &Api, method: Method, path: &str, query: &[(&str, &str)]) -> Value {
    let (status, body) = answer(api, method, path, query).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn answer(api: &Api, method: Method, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
    let answer = api.request(method, path).query(query).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn made(api: &Api, name: &str, query: &[(&str, &str)]) -> String {
    let path = format!("/schedule-workflow/{}", unique(name));
    call(api, Method::POST, &path, query).await;
    path
}

fn runs(view: &Value) -> Vec<String> {
    let runs = view["recent_runs"].as_array().unwrap();
    runs.iter().map(|run| run["workflow_id"].as_str().unwrap().to_owned()).collect()
}

async fn has_runs(api: &Api, path: &str, least: usize) -> Vec<String> {
    eventually(SOON, async || {
        let view = api.get(path).await?.body;
        let runs = runs(&view);
        ensure!(runs.len() >= least, "{view}");
        Ok(runs)
    })
    .await
}

async fn delete(api: &Api, path: &str) {
    expect(&api.delete(path).await.unwrap(), 200);
}

const HOURLY: [(&str, &str); 1] = [("cron", "0 * * * *")];
const EVERY_2_SECONDS: [(&str, &str); 1] = [("cron", "*/2 * * * * *")];

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_does_not_fire_and_says_so_until_it_is_resumed() {
    let (_stack, api) = shared().await;
    let path = made(&api, "paused", &EVERY_2_SECONDS).await;
    has_runs(&api, &path, 1).await;
    let paused = call(&api, Method::POST, &format!("{path}/pause"), &[("note", "night + day")]).await;
    assert_eq!(
        (&paused["status"], &paused["note"], &paused["next_runs"]),
        (&json!("paused"), &json!("night + day"), &json!([]))
    );
    // Another schedule tells that time enough for several runs has gone by. The last run before the pause may be
    // told of late.
    let clock = made(&api, "clock", &EVERY_2_SECONDS).await;
    has_runs(&api, &clock, 1).await;
    let before = api.get(&path).await.unwrap().body;
    has_runs(&api, &clock, 4).await;
    let after = api.get(&path).await.unwrap().body;
    assert_eq!(runs(&before), runs(&after));
    assert_eq!(after["status"], "paused");
    eventually(SOON, async || {
        let all = api.get("/schedule-workflow").await?.body;
        let id = path.rsplit('/').next().unwrap();
        let listed =
            all["schedules"].as_array().unwrap().iter().find(|view| view["schedule_id"] == id).cloned();
        ensure!(
            listed.as_ref().is_some_and(|view| view["status"] == "paused" && view["next_runs"] == json!([])),
            "{listed:?}"
        );
        Ok(())
    })
    .await;

    let resumed = call(&api, Method::POST, &format!("{path}/resume"), &[]).await;
    assert_eq!((&resumed["status"], resumed.get("note")), (&json!("resumed"), None));
    eventually(SOON, async || {
        let view = api.get(&path).await?.body;
        ensure!(view["status"] == "scheduled" && runs(&view) != runs(&after), "{view}");
        Ok(())
    })
    .await;
    delete(&api, &path).await;
    delete(&api, &clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggering_now_starts_one_run_also_when_it_is_repeated_or_paused() {
    let (_stack, api) = shared().await;
    let path = made(&api, "now", &[("cron", "0 0 1 1 *"), ("name", "By hand")]).await;
    call(&api, Method::POST, &format!("{path}/pause"), &[]).await;
    for _ in 0..2 {
        let request = api.request(Method::POST, &format!("{path}/trigger"));
        let triggered = request.header("idempotency-key", unique("key")).send().await.unwrap();
        assert_eq!(triggered.json::<Value>().await.unwrap()["status"], "triggered");
    }
    let started = has_runs(&api, &path, 2).await;
    let run = described(&api, &started[0]).await;
    assert_eq!(
        (&run["type"], &run["search_attributes"]["SignalboxTrigger"]),
        (&json!("CronWorkflow"), &json!("schedule"))
    );
    let state = api.get(&format!("/workflows/{}/queries/progress", started[0])).await.unwrap();
    assert_eq!(state.text("task"), "By hand");

    let again = unique("key");
    for expected in [3, 3] {
        let request = api.request(Method::POST, &format!("{path}/trigger")).header("idempotency-key", &again);
        assert_eq!(request.send().await.unwrap().status(), 200);
        assert_eq!(has_runs(&api, &path, expected).await.len(), expected);
    }
    // The key that has triggered it does something else too.
    let request = api.request(Method::POST, &format!("{path}/resume")).header("idempotency-key", &again);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(api.get(&path).await.unwrap().text("status"), "scheduled");
    assert_eq!(runs(&api.get(&path).await.unwrap().body).len(), 3);
    delete(&api, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_effect_and_leaves_the_rest() {
    let (_stack, api) = shared().await;
    let path =
        made(&api, "changed", &[("cron", "0 * * * *"), ("time_zone", "Asia/Tokyo"), ("name", "Old")]).await;
    call(&api, Method::POST, &format!("{path}/pause"), &[("note", "wait")]).await;
    let changed = call(&api, Method::PUT, &path, &EVERY_2_SECONDS).await;
    assert_eq!((&changed["status"], &changed["cron"]), (&json!("changed"), &json!("*/2 * * * * *")));
    let view = call(&api, Method::GET, &path, &[]).await;
    assert_eq!(
        (&view["status"], &view["note"], &view["time_zone"], &view["cron"]),
        (&json!("paused"), &json!("wait"), &json!("Asia/Tokyo"), &json!("*/2 * * * * *"))
    );
    call(&api, Method::POST, &format!("{path}/resume"), &[]).await;
    let before = has_runs(&api, &path, 2).await;
    let run = described(&api, &before[0]).await;
    assert_eq!(run["search_attributes"]["SignalboxTrigger"], "schedule");

    let renamed = call(&api, Method::PUT, &path, &[("name", "New"), ("time_zone", "UTC")]).await;
    assert_eq!((&renamed["cron"], &renamed["time_zone"]), (&json!("*/2 * * * * *"), &json!("UTC")));
    eventually(SOON, async || {
        let view = api.get(&path).await?.body;
        let last = runs(&view).into_iter().max().unwrap();
        let state = api.get(&format!("/workflows/{last}/queries/progress")).await?;
        ensure!(state.text("task") == "New", "{view}: {}", state.body);
        Ok(())
    })
    .await;
    // The list says so too, a little later.
    eventually(SOON, async || {
        let listed = api.get("/schedule-workflow").await?.body["schedules"].clone();
        let id = path.rsplit('/').next().unwrap();
        let found = listed.as_array().unwrap().iter().find(|view| view["schedule_id"] == id).cloned();
        ensure!(
            found.as_ref().is_some_and(|view| view["time_zone"] == "UTC" && view["cron"] == "*/2 * * * * *"),
            "{found:?}"
        );
        Ok(())
    })
    .await;
    delete(&api, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_to_a_schedule_changes_nothing() {
    let (_stack, api) = shared().await;
    let path = made(&api, "firm", &HOURLY).await;
    for (query, why) in [
        (("cron", "61 * * * *"), "minute: 61"),
        (("cron", ""), "empty"),
        (("time_zone", "Europe/Pariss"), "Europe/Paris"),
    ] {
        let (status, body) = answer(&api, Method::PUT, &path, &[query]).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["detail"].as_str().unwrap().contains(why), "{body}");
    }
    for (from, to, why) in [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "not before"),
        ("2026-01-01T00:00:00Z", "2026-02-11T16:00:00Z", "more than 1000"),
        ("2026-01-01T00:01:00Z", "2026-01-01T00:59:00Z", "no run"),
    ] {
        let (status, body) =
            answer(&api, Method::POST, &format!("{path}/backfill"), &[("from", from), ("to", to)]).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["detail"].as_str().unwrap().contains(why), "{body}");
    }
    let view = call(&api, Method::GET, &path, &[]).await;
    assert_eq!(
        (&view["cron"], &view["time_zone"], &view["recent_runs"]),
        (&json!("0 * * * *"), &json!("UTC"), &json!([]))
    );
    delete(&api, &path).await;

    let range = [("from", "2026-01-01T00:00:00Z"), ("to", "2026-01-01T00:10:00Z")];
    for (method, operation, query) in [
        (Method::PUT, "", HOURLY.as_slice()),
        (Method::POST, "/pause", &[]),
        (Method::POST, "/resume", &[]),
        (Method::POST, "/trigger", &[]),
        (Method::POST, "/backfill", &range),
    ] {
        let (status, body) = answer(&api, method, &format!("{path}{operation}"), query).await;
        assert_eq!(status, 404, "{operation}: {body}");
        assert!(body["detail"].as_str().unwrap().contains("no schedule has the id"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_starts_what_was_due_once() {
    let (_stack, api) = shared().await;
    let path = made(&api, "backfilled", &[("cron", "* * * * *")]).await;
    // So that the runs of today do not mix in.
    call(&api, Method::POST, &format!("{path}/pause"), &[]).await;
    let id = path.rsplit('/').next().unwrap();
    let range = [("from", "2026-01-01T00:00:00Z"), ("to", "2026-01-01T00:10:00Z")];
    let backfilled = call(&api, Method::POST, &format!("{path}/backfill"), &range).await;
    assert_eq!(backfilled["status"], "backfilled");
    let mut first = Vec::new();
    for minute in 0..=10 {
        let run = described(&api, &format!("{id}-2026-01-01T00:{minute:02}:00Z")).await;
        assert_eq!(run["search_attributes"]["SignalboxTrigger"], "schedule");
        first.push(run["run_id"].clone());
    }
    for around in ["2025-12-31T23:59:00Z", "2026-01-01T00:11:00Z"] {
        expect(&api.get(&format!("/workflows/{id}-{around}")).await.unwrap(), 404);
    }

    let overlapping = [("from", "2026-01-01T00:05:00Z"), ("to", "2026-01-01T00:12:00Z")];
    call(&api, Method::POST, &format!("{path}/backfill"), &overlapping).await;
    described(&api, &format!("{id}-2026-01-01T00:12:00Z")).await;
    for (minute, run_id) in first.iter().enumerate() {
        let run = described(&api, &format!("{id}-2026-01-01T00:{minute:02}:00Z")).await;
        assert_eq!(&run["run_id"], run_id, "started again");
    }
    delete(&api, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_fields_fire_every_half_minute() {
    let (_stack, api) = shared().await;
    let path = made(&api, "half-minutes", &[("cron", "*/30 * * * * *")]).await;
    // Three runs take a minute and a half at most.
    let times = eventually(Duration::from_secs(120), async || {
        let view = api.get(&path).await?.body;
        let runs = view["recent_runs"].as_array().cloned().unwrap_or_default();
        ensure!(runs.len() >= 3, "{view}");
        Ok(runs
            .iter()
            .map(|run| run["scheduled_at"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>())
    })
    .await;
    let seconds = |time: &str| chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp();
    assert!(times.iter().all(|time| seconds(time) % 30 == 0), "{times:?}");
    assert!(times.windows(2).all(|pair| seconds(&pair[1]) - seconds(&pair[0]) == 30), "{times:?}");
    delete(&api, &path).await;
}

/// 0 is Sunday.
fn weekday(time: &str) -> usize {
    let number = |range: std::ops::Range<usize>| time[range].parse::<usize>().unwrap();
    let (month, day) = (number(5..7), number(8..10));
    let year = number(0..4) - usize::from(month < 3);
    (year + year / 4 - year / 100 + year / 400 + [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month - 1] + day) % 7
}

#[tokio::test(flavor = "multi_thread")]
async fn next_runs_are_those_of_the_calendar_and_the_time_zone() {
    assert_eq!((weekday("2026-01-01T"), weekday("2024-02-29T"), weekday("2026-03-29T")), (4, 4, 0));
    let (_stack, api) = shared().await;
    let workday = |time: &str| (1..=5).contains(&weekday(time));
    let next = async |cron: &str, zone: &str| {
        let path = made(&api, "calendar", &[("cron", cron), ("time_zone", zone)]).await;
        let view = call(&api, Method::GET, &path, &[]).await;
        delete(&api, &path).await;
        assert_eq!(view["time_zone"], zone);
        let times =
            view["next_runs"].as_array().unwrap().iter().map(|time| time.as_str().unwrap().to_owned());
        let times: Vec<String> = times.collect();
        assert_eq!(times.len(), 5, "{cron}: {view}");
        times
    };
    for time in next("0 9 * * MON-FRI", "Europe/Paris").await {
        assert!(workday(&time) && (time.ends_with("T07:00:00Z") || time.ends_with("T08:00:00Z")), "{time}");
    }
    for time in next("0 9-17 * * MON-FRI", "Asia/Kolkata").await {
        let hour: u32 = time[11..13].parse().unwrap();
        assert!(workday(&time) && (3..=11).contains(&hour) && time.ends_with(":30:00Z"), "{time}");
    }
    for time in next("0 0 1 * *", "UTC").await {
        assert!(time.ends_with("-01T00:00:00Z"), "{time}");
    }
    let half_minutes = next("*/30 * * * * *", "UTC").await;
    assert!(
        half_minutes.iter().all(|time| time.ends_with(":00Z") || time.ends_with(":30Z")),
        "{half_minutes:?}"
    );
    assert_ne!(half_minutes[0][17..], half_minutes[1][17..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_killed_manager_left_unfinished_is_finished() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    let path = made(&api, "left", &HOURLY).await;
    stack.kill(Service::SchedulerManager).unwrap();

    // What the manager had written when it was killed before it told Temporal.
    let nats = stack.nats_client().await.unwrap();
    let desired = async_nats::jetstream::new(nats).get_key_value(bucket::SCHEDULES).await.unwrap();
    let id = path.rsplit('/').next().unwrap();
    let key: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    let read = async || ScheduleSpec::decode(desired.get(&key).await.unwrap().unwrap()).unwrap();
    let current = read().await;
    assert!(current.confirmed);
    let wanted = ScheduleSpec {
        cron: "0 12 * * *".into(),
        request_id: "change:killed".into(),
        confirmed: false,
        previous: Some(Box::new(current.clone())),
        ..current
    };
    desired.put(&key, wanted.encode_to_vec().into()).await.unwrap();

    stack.launch(Service::SchedulerManager).unwrap();
    stack.wait_until_open().await;
    eventually(Duration::from_secs(40), async || {
        let view = api.get(&path).await?.body;
        ensure!(view["cron"] == "0 12 * * *", "{view}");
        let now = read().await;
        ensure!(now.confirmed && now.previous.is_none(), "{now:?}");
        Ok(())
    })
    .await;
    // Its caller asks again, and the change is there.
    let request = api.request(Method::PUT, &path).query(&[("cron", "0 12 * * *")]);
    let again = request.header("idempotency-key", "killed").send().await.unwrap();
    assert_eq!(again.status(), 200);
}
