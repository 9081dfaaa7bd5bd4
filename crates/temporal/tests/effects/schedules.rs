//! Schedules: all of one at once, what differs, and its mending.

use std::time::Duration;

use anyhow::ensure;
use chrono::DateTime;
use serde_json::json;
use signalbox_domain::{JsonText, RetryPolicy, StartOptions};
use signalbox_schedules::{Calendar, Interval, Overlap, Policies, Range, Specification};
use signalbox_temporal::{Changes, NewSchedule, ScheduleError, SchedulePatch, Source};
use signalbox_testkit::eventually;

use crate::lab::{Lab, SOON, start, unique};

fn only(value: u16) -> Vec<Range> {
    vec![Range { start: value, end: value, step: 1 }]
}

fn every(start: u16, end: u16, step: u16) -> Vec<Range> {
    vec![Range { start, end, step }]
}

fn at_nine_on(month: Vec<Range>) -> Calendar {
    Calendar {
        second: only(0),
        minute: every(0, 59, 30),
        hour: only(9),
        day_of_month: every(1, 31, 1),
        month,
        year: vec![],
        day_of_week: every(1, 5, 1),
    }
}

/// One of which everything is said.
fn declared(name: &str) -> NewSchedule {
    let options = StartOptions {
        execution_timeout: Some(Duration::from_secs(3600)),
        run_timeout: Some(Duration::from_secs(600)),
        task_timeout: Some(Duration::from_secs(20)),
        retry_policy: Some(RetryPolicy { maximum_attempts: 3, ..Default::default() }),
        memo: [("why".to_owned(), JsonText::from_value(&json!({"a": "x"})))].into(),
        ..Default::default()
    };
    NewSchedule {
        id: unique(name).parse().unwrap(),
        request_id: unique("request"),
        specification: Specification {
            calendars: (1..=12).map(|month| at_nine_on(only(month))).collect(),
            intervals: vec![Interval { every: Duration::from_secs(5400), phase: Duration::from_secs(60) }],
            excluded: (1..=11).map(|month| at_nine_on(only(month))).collect(),
            start: DateTime::from_timestamp(1_700_000_000, 0),
            end: DateTime::from_timestamp(2_000_000_000, 0),
            jitter: Duration::from_secs(5),
            time_zone: "Europe/Paris".parse().unwrap(),
        },
        policies: Policies {
            overlap: Overlap::BufferOne,
            catch_up: Duration::from_secs(90),
            pause_on_failure: true,
        },
        runs: Some(7),
        paused: None,
        note: "a note".into(),
        start: signalbox_domain::Start {
            args: vec![JsonText::from_value(&json!({"n": 1})), JsonText::from_value(&json!("t"))],
            options,
            ..start()
        },
        workflow_id: "report".into(),
        source: Source { declaration: "{}".into(), time_zone: "Europe/Paris".into(), ..Default::default() },
        declared: Some("1".into()),
    }
}

/// The list is a little behind.
async fn listed(lab: &Lab, wanted: &NewSchedule, seems: bool) {
    eventually(SOON, async || {
        let all = lab.temporal.schedules().await?;
        let found = all.iter().find(|listed| listed.view.schedule_id == wanted.id.as_str());
        ensure!(found.is_some_and(|found| found.seems(wanted) == seems), "{found:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_is_what_was_wanted_in_every_field() {
    let lab = Lab::new().await;
    let wanted = declared("whole");
    lab.temporal.create_schedule(&wanted).await.unwrap();
    let described = lab.temporal.describe_schedule(&wanted.id).await.unwrap();
    assert_eq!(described.differences(&wanted).unwrap(), Vec::<String>::new());
    assert_eq!(described.declared().as_deref(), Some("1"));
    let view = described.view(3);
    assert_eq!((view.declared, view.runs_left, view.time_zone.as_str()), (true, Some(7), "Europe/Paris"));
    listed(&lab, &wanted, true).await;
    assert_eq!(lab.temporal.change_schedule(&wanted).await.unwrap(), Changes::default());
    let again = NewSchedule { request_id: unique("request"), ..wanted.clone() };
    assert_eq!(lab.temporal.create_schedule(&again).await, Err(ScheduleError::Exists(wanted.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_and_mended() {
    let lab = Lab::new().await;
    let first = declared("mended");
    lab.temporal.create_schedule(&first).await.unwrap();
    let mut wanted = first.clone();
    wanted.declared = Some("2".into());
    wanted.specification.time_zone = "UTC".parse().unwrap();
    wanted.specification.jitter = Duration::ZERO;
    wanted.policies.overlap = Overlap::Skip;
    wanted.start.args = vec![];
    wanted.start.options.retry_policy = None;
    wanted.start.options.memo.clear();
    wanted.runs = None;
    wanted.paused = Some(true);
    wanted.note = "stop".into();
    let expected = [
        "args: none, Temporal has [{\"n\":1},\"t\"]",
        "jitter: none, Temporal has 5s",
        "memo.why: none, Temporal has {\"a\":\"x\"}",
        "overlap: SKIP, Temporal has BUFFER_ONE",
        "retry_policy.maximum_attempts: none, Temporal has 3",
        "time_zone: UTC, Temporal has Europe/Paris",
        "paused: true, Temporal has false",
        "note: \"stop\", Temporal has \"a note\"",
        "declaration: it was another one",
    ];
    let Changes { differences: mended, declared_anew } = lab.temporal.change_schedule(&wanted).await.unwrap();
    assert!(declared_anew);
    assert_eq!(mended.len(), expected.len(), "{mended:#?}");
    for (text, beginning) in mended.iter().zip(expected) {
        assert!(text.starts_with(beginning), "{text} is not {beginning}");
    }
    let described = lab.temporal.describe_schedule(&wanted.id).await.unwrap();
    assert_eq!(described.differences(&wanted).unwrap(), Vec::<String>::new());
    assert_eq!((described.view(0).paused, described.view(0).runs_left), (true, None));
    listed(&lab, &wanted, true).await;
    listed(&lab, &first, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_by_hand_is_no_difference_unless_it_is_declared() {
    let lab = Lab::new().await;
    let wanted = declared("paused");
    lab.temporal.create_schedule(&wanted).await.unwrap();
    let pause = SchedulePatch::Pause("by hand".into());
    lab.temporal.patch_schedule(&wanted.id, &unique("request"), pause).await.unwrap();
    let described = lab.temporal.describe_schedule(&wanted.id).await.unwrap();
    assert_eq!(described.differences(&wanted).unwrap(), Vec::<String>::new());
    // Another declaration leaves it paused, and says nothing over why.
    let mut other = NewSchedule { declared: Some("2".into()), note: "other".into(), ..wanted.clone() };
    assert!(!lab.temporal.change_schedule(&other).await.unwrap().differences.is_empty());
    let view = lab.temporal.describe_schedule(&wanted.id).await.unwrap().view(0);
    assert_eq!((view.paused, view.note.as_str()), (true, "by hand"));
    other.paused = Some(false);
    listed(&lab, &other, false).await;
    assert!(!lab.temporal.change_schedule(&other).await.unwrap().differences.is_empty());
    assert!(!lab.temporal.describe_schedule(&wanted.id).await.unwrap().view(0).paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_declared_no_more_is_not_touched() {
    let lab = Lab::new().await;
    let by_hand = NewSchedule { declared: None, ..declared("by-hand") };
    lab.temporal.create_schedule(&by_hand).await.unwrap();
    let wanted = NewSchedule { declared: Some("1".into()), ..by_hand.clone() };
    assert_eq!(lab.temporal.change_schedule(&wanted).await, Err(ScheduleError::Exists(wanted.id)));
    let described = lab.temporal.describe_schedule(&by_hand.id).await.unwrap();
    assert_eq!(described.declared(), None);
}
