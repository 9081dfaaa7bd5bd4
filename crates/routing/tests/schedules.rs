//! Declared schedules: what is read, and what is said about those that are wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_routing::{DeclaredSchedule, RouteSet};
use signalbox_schedules::Overlap;

fn load(text: &str) -> Result<RouteSet, String> {
    let text = format!("version: 1\n{text}");
    RouteSet::load([("r.yaml".to_owned(), text)]).map_err(|faults| faults.to_string())
}

fn faults(schedules: &str) -> String {
    load(&format!("schedules:\n{schedules}")).map_or_else(|faults| faults, |_| "none".to_owned())
}

fn one(fields: &str) -> String {
    faults(&format!("  - {{ id: report, {fields} }}"))
}

fn read(fields: &str) -> DeclaredSchedule {
    let set = load(&format!("schedules:\n  - {{ id: report, {fields} }}")).unwrap();
    set.schedules()[0].clone()
}

fn arg(schedule: &DeclaredSchedule) -> Value {
    serde_json::from_slice(schedule.start.args[0].bytes()).unwrap()
}

#[test]
fn an_event_is_published_by_a_workflow() {
    let schedule = read("cron: 0 9 * * MON-FRI, emit: events.reports.due");
    assert_eq!((schedule.id.as_str(), schedule.workflow_id.as_str()), ("report", "report"));
    assert_eq!(
        (schedule.start.workflow_type.as_str(), schedule.start.task_queue.as_str()),
        ("EmitEvent", "lab6-queue")
    );
    assert_eq!(arg(&schedule), json!({ "subject": "events.reports.due" }));
    let whole = read("every: 1h, emit: { subject: events.a, type: b, data: { c: [ 1 ] } }");
    assert_eq!(arg(&whole), json!({ "subject": "events.a", "type": "b", "data": { "c": [1] } }));
}

#[test]
fn a_start_says_what_one_of_a_route_says() {
    let schedule = read(
        "cron: \"@daily\", start: { workflow: Report, workflow_id: nightly, task_queue: q, args: [ 1, { a: b } ], \
         run_timeout: 5m, memo: { by: time } }",
    );
    assert_eq!((schedule.start.workflow_type.as_str(), schedule.workflow_id.as_str()), ("Report", "nightly"));
    assert_eq!(schedule.start.args.len(), 2);
    assert_eq!(schedule.start.options.run_timeout, Some(Duration::from_secs(300)));
    assert_eq!(schedule.start.options.memo["by"].bytes().as_ref(), b"\"time\"");
}

#[test]
fn what_is_not_said_is_what_temporal_does_but_for_a_year_of_catching_up() {
    let emits = read("every: 1h, emit: events.a");
    assert_eq!(emits.policies.overlap, Overlap::AllowAll, "each time has its event");
    let plain = read("every: 1h, start: { workflow: A }");
    assert_eq!((plain.policies.overlap, plain.policies.catch_up), (Overlap::Skip, Duration::from_secs(60)));
    assert_eq!((plain.paused, plain.note.as_str(), plain.timing.runs()), (None, "", None));
    let said =
        read("every: 1h, emit: events.a, overlap: buffer-all, catch_up: 1h, paused: true, note: n, runs: 3");
    assert_eq!(
        (said.policies.overlap, said.policies.catch_up),
        (Overlap::BufferAll, Duration::from_secs(3600))
    );
    assert_eq!((said.paused, said.note.as_str(), said.timing.runs()), (Some(true), "n", Some(3)));
}

#[test]
fn the_defaults_of_a_file_hold_for_its_schedules() {
    let with = |defaults: &str| {
        let start = "  - { id: a, every: 1h, start: { workflow: A, run_timeout: 1m } }\n";
        load(&format!("{defaults}schedules:\n{start}")).unwrap().schedules()[0].clone()
    };
    let (plain, said) = (with(""), with("defaults: { task_queue: q, run_timeout: 1h, deadline: 1h }\n"));
    assert_eq!((plain.start.task_queue.as_str(), said.start.task_queue.as_str()), ("lab6-queue", "q"));
    assert_eq!(said.start.options.run_timeout, Some(Duration::from_secs(60)));
    // So that a change of them is a change of the schedule.
    let written: Value = serde_json::from_str(&said.written).unwrap();
    assert_eq!(written["start"], json!({ "workflow": "A", "run_timeout": "1m", "task_queue": "q" }));
}

#[test]
fn a_schedule_that_stands_alone_is_the_same() {
    let text = r#"{"id":"report","cron":"0 9 * * *","time_zone":"Asia/Tokyo","emit":"events.reports.due"}"#;
    let alone = DeclaredSchedule::read(text).unwrap();
    let in_file = read("cron: 0 9 * * *, time_zone: Asia/Tokyo, emit: events.reports.due");
    assert_eq!((alone.written.as_str(), in_file.written.as_str()), (text, text));
    assert_eq!(alone.start, in_file.start);
    let refused = DeclaredSchedule::read("{ id: report, emit: events.a }").unwrap_err().to_string();
    assert!(refused.starts_with("schedule:1:"), "{refused}");
}

#[test]
fn every_weekday_at_nine_signal_all_running_orders_is_four_lines() {
    let set = load(
        "schedules:
  - { id: remind, cron: 0 9 * * MON-FRI, emit: events.orders.remind }
routes:
  - { name: remind, on: events.orders.remind, signal_all: { query: WorkflowType = 'Order', name: remind } }
",
    )
    .unwrap();
    assert_eq!((set.len(), set.schedules().len()), (1, 1));
}

#[test]
fn what_is_wrong_with_a_schedule_is_said_where_it_stands() {
    insta::assert_snapshot!(one("emit: events.a, cron: 61 * * * *"), @"r.yaml:3:41: `cron`: minute: 61 is not between 0 and 59; write 0 to 59, or `*`");
    insta::assert_snapshot!(one("emit: events.a, cron: [ 0 9 * * *, 0 25 * * * ]"), @"r.yaml:3:54: `cron[1]`: hour: 25 is not between 0 and 23; write 0 to 23, or `*`");
    insta::assert_snapshot!(one("emit: events.a, every: { interval: 1h, offset: 2h }"), @"r.yaml:3:66: `every.offset`: the offset is not less than the 1 hour between two runs; write `0s`");
    insta::assert_snapshot!(one("emit: events.a, cron: 0 9 * * *, time_zone: Europe/Pariss"), @"r.yaml:3:63: `time_zone`: unknown time zone `Europe/Pariss`; did you mean `Europe/Paris`?");
    insta::assert_snapshot!(one("emit: events.a"), @"r.yaml:3:5: it does not say when; give `cron`, `every`, `calendars` or `at`, such as the cron `0 9 * * MON-FRI`");
    insta::assert_snapshot!(one("cron: 0 9 * * *"), @"r.yaml:3:5: a schedule begins something: `start` or `emit`; `emit: events.…` for routes to act on, or `start: { workflow: … }`");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, start: { workflow: A }"), @"r.yaml:3:42: a schedule has one of `start` and `emit`");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: orders.a"), @r#"r.yaml:3:42: `emit`: "orders.a" is not a subject of events: it is `events.` and one or more non-empty tokens with dots between, without spaces, `*` or `>`; such as `events.reports.due`"#);
    insta::assert_snapshot!(one("cron: 0 9 * * *, start: { workflow: A, args: [ \"${ event.data }\" ] }"), @"r.yaml:3:66: there is no event for an expression to see in a schedule; write the value out; a schedule that emits an event has routes compute with it");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, overlap: skipp"), @"r.yaml:3:61: `overlap` is one of `skip`, `buffer-one`, `buffer-all`, `cancel-other`, `terminate-other`, `allow-all`; did you mean `skip`?");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, catch_up: 1s"), @"r.yaml:3:62: `catch_up` is shorter than Temporal's shortest; write `10s` or more");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, paused: false, pause_on_failure: true"), @"r.yaml:3:85: `paused: false` would resume at once what `pause_on_failure` has paused; leave out `paused`, which leaves it to whoever resumes it");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, runs: 0"), @"r.yaml:3:58: `runs` is a whole number from 1 to 1000000000");
    insta::assert_snapshot!(one("cron: 0 9 * * *, emit: events.a, timezone: UTC"), @"r.yaml:3:52: unknown field `timezone`; did you mean `time_zone`?");
    insta::assert_snapshot!(faults("  - { id: a, every: 1h, emit: events.a }\n  - { id: a, every: 2h, emit: events.a }"), @"r.yaml:4:11: the name `a` is taken by the schedule at r.yaml:3:11");
}
