use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::text::{Cell, Details, Table, time};

/// How many runs are told, of those that were and those that will be.
const RUNS: usize = 5;

/// All schedules.
pub fn list(answer: &Value) -> String {
    listed(answer, Utc::now())
}

/// One schedule.
pub fn one(schedule: &Value) -> String {
    described(schedule, Utc::now())
}

/// What there is to do about the declared schedules.
pub fn plan(plan: &Value) -> String {
    let field = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let unchanged = &plan["unchanged"];
    let steps = plan["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if steps.is_empty() {
        return format!("All {unchanged} declared schedules are as they are declared.");
    }
    let mut table = Table::new(["STEP", "ID", "DIFFERENCE"]);
    for step in steps {
        let differences = step["differences"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let differences: Vec<_> = differences.collect();
        let first = differences.first().copied().unwrap_or_default();
        table.row([Cell::status(field(step, "step")), field(step, "schedule_id").into(), first.into()]);
        for more in differences.iter().skip(1) {
            table.row(["".into(), "".into(), (*more).into()]);
        }
    }
    format!("{table}\n\n{unchanged} others are as they are declared, by {}.", field(plan, "version"))
}

fn listed(answer: &Value, now: DateTime<Utc>) -> String {
    let schedules = answer["schedules"].as_array().map(Vec::as_slice).unwrap_or_default();
    if schedules.is_empty() {
        return "There are no schedules; `signalbox schedule create` makes one.".to_owned();
    }
    let mut table = Table::new(["ID", "STATUS", "NEXT", "BEGINS", "TIME ZONE", "MEANING"]);
    for schedule in schedules {
        let field = |name: &str| schedule[name].as_str().unwrap_or_default();
        let next = schedule["next_runs"][0].as_str().and_then(time::read);
        table.row([
            field("schedule_id").into(),
            Cell::status(field("status")),
            // What is paused has times, but starts nothing at them.
            next.filter(|_| field("status") != "paused")
                .map_or("-".into(), |at| time::relative(at, now))
                .into(),
            begins(schedule).into(),
            field("time_zone").into(),
            field("meaning").into(),
        ]);
    }
    table.to_string()
}

fn described(schedule: &Value, now: DateTime<Utc>) -> String {
    let field = |name: &str| schedule[name].as_str().unwrap_or_default();
    let mut details = Details::of(field("status"), field("schedule_id"))
        .with("cron", field("cron"))
        .with("meaning", field("meaning"))
        .with("time zone", field("time_zone"))
        .with(if emits(schedule).is_some() { "emits" } else { "starts" }, begins(schedule))
        .with("declared", if schedule["declared"] == true { "in route files" } else { "" })
        .with("note", field("note"));
    let runs = |name: &str| schedule[name].as_array().map(Vec::as_slice).unwrap_or_default();
    for (n, at) in runs("next_runs").iter().take(RUNS).enumerate() {
        let Some(at) = at.as_str().and_then(time::read) else { continue };
        let said = format!("{} ({})", time::local(at, now), time::relative(at, now));
        details = details.with(if n == 0 { "next" } else { "" }, said);
    }
    let recent = runs("recent_runs");
    for (n, run) in recent.iter().rev().take(RUNS).enumerate() {
        details =
            details.with(if n == 0 { "ran" } else { "" }, run["workflow_id"].as_str().unwrap_or_default());
    }
    for (n, run) in runs("running").iter().enumerate() {
        details = details
            .with(if n == 0 { "running" } else { "" }, run["workflow_id"].as_str().unwrap_or_default());
    }
    details = details.with("runs", counts(&schedule["runs"]));
    for (n, drift) in runs("drift").iter().enumerate() {
        details = details.with(if n == 0 { "drift" } else { "" }, drift.as_str().unwrap_or_default());
    }
    details.with("temporal", schedule["links"]["temporal"].as_str().unwrap_or_default()).to_string()
}

/// The type of the workflow that it starts, or the subject of the event that it emits.
fn begins(schedule: &Value) -> &str {
    emits(schedule).or_else(|| schedule["workflow_type"].as_str()).unwrap_or_default()
}

fn emits(schedule: &Value) -> Option<&str> {
    let emit = &schedule["schedule"]["emit"];
    emit.as_str().or_else(|| emit["subject"].as_str())
}

/// `9 started, 1 missed`; what did not happen is left out.
fn counts(runs: &Value) -> String {
    let count = |name: &str| runs[name].as_i64().filter(|count| *count > 0);
    let said = ["started", "missed", "skipped", "dropped", "left"]
        .into_iter()
        .filter_map(|name| Some(format!("{} {name}", count(name)?)));
    said.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> Value {
        json!({
            "schedule_id": "report", "cron": "0 9 * * *", "status": "scheduled", "meaning": "at 09:00",
            "time_zone": "UTC", "workflow_type": "CronWorkflow",
            "next_runs": ["2026-01-01T09:00:00Z", "2026-01-02T09:00:00Z"],
            "recent_runs": [{"workflow_id": "report-2025-12-30T09:00:00Z"}, {"workflow_id": "report-2025-12-31T09:00:00Z"}]
        })
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_list_says_what_is_next() {
        let mut paused = report();
        paused["schedule_id"] = json!("quiet");
        paused["status"] = json!("paused");
        let now = time::read("2026-01-01T08:59:30Z").unwrap();
        insta::assert_snapshot!(plain(&listed(&json!({"schedules": [report(), paused]}), now)), @r"
        ID      STATUS     NEXT    BEGINS        TIME ZONE  MEANING
        report  scheduled  in 30s  CronWorkflow  UTC        at 09:00
        quiet   paused     -       CronWorkflow  UTC        at 09:00
        ");
        assert!(listed(&json!({"schedules": []}), now).contains("schedule create"));
    }

    #[test]
    fn a_plan_says_what_is_different() {
        let text = plain(&plan(&json!({
            "version": "0123", "unchanged": 2, "steps": [
                { "step": "create", "schedule_id": "a", "differences": [] },
                { "step": "change", "schedule_id": "b", "differences": ["time_zone: UTC", "note: x"] },
            ]
        })));
        insta::assert_snapshot!(text, @r"
        STEP    ID  DIFFERENCE
        create  a
        change  b   time_zone: UTC
                    note: x

        2 others are as they are declared, by 0123.
        ");
        assert!(plan(&json!({ "steps": [], "unchanged": 3 })).contains("All 3"));
    }

    #[test]
    fn what_fired_and_what_did_not_is_told() {
        let mut schedule = report();
        schedule["runs"] = json!({ "started": 9, "missed": 1, "skipped": 0, "dropped": 0 });
        schedule["schedule"] = json!({ "emit": { "subject": "events.a" } });
        let text = plain(&one(&schedule));
        assert!(text.contains("9 started, 1 missed") && !text.contains("skipped"), "{text}");
        assert!(text.contains("events.a"), "{text}");
    }

    #[test]
    fn a_description_has_the_latest_run_first() {
        let now = time::read("2026-01-01T08:59:30Z").unwrap();
        let text = plain(&described(&report(), now));
        let ran: Vec<_> = text.lines().skip_while(|line| !line.trim().starts_with("ran")).collect();
        assert_eq!(ran.len(), 2, "{text}");
        assert!(ran[0].ends_with("12-31T09:00:00Z") && text.contains("(in 30s)"), "{text}");
    }
}
