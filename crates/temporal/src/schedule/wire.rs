//! A schedule in Temporal's words. Pure.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use signalbox_proto::names::search_attribute;
use signalbox_schedules::{Calendar, Interval, Overlap, Policies, Range, Specification};
use temporalio_common::protos::temporal::api::{
    common::v1::{Memo, SearchAttributes, WorkflowType},
    enums::v1::{ScheduleOverlapPolicy, TaskQueueKind},
    schedule::v1 as ps,
    taskqueue::v1::TaskQueue,
    workflow::v1::NewWorkflowExecutionInfo,
};

use super::{MEMO, NewSchedule, Source};
use crate::{
    Failure,
    execute::{priority, retry_policy},
    payload::{arguments, keyword, memo, payload},
};

/// All of it. It is never half made, because Temporal is told of everything at once.
pub(super) fn schedule(new: &NewSchedule) -> Result<ps::Schedule, Failure> {
    Ok(ps::Schedule {
        spec: Some(spec(&new.specification)),
        action: Some(action(new)?),
        policies: Some(policies(&new.policies)),
        state: Some(ps::ScheduleState {
            notes: new.note.clone(),
            paused: new.paused.unwrap_or_default(),
            ..runs(new.runs)
        }),
    })
}

/// The part of the state that says how many runs are left.
pub(super) fn runs(runs: Option<u64>) -> ps::ScheduleState {
    ps::ScheduleState {
        limited_actions: runs.is_some(),
        remaining_actions: runs.and_then(|runs| runs.try_into().ok()).unwrap_or_default(),
        ..Default::default()
    }
}

pub(super) fn spec(specification: &Specification) -> ps::ScheduleSpec {
    let instant = |at: DateTime<Utc>| SystemTime::from(at).into();
    ps::ScheduleSpec {
        structured_calendar: specification.calendars.iter().map(calendar).collect(),
        interval: specification.intervals.iter().map(interval).collect(),
        exclude_structured_calendar: specification.excluded.iter().map(calendar).collect(),
        start_time: specification.start.map(instant),
        end_time: specification.end.map(instant),
        jitter: some(specification.jitter),
        timezone_name: specification.time_zone.name().to_owned(),
        ..Default::default()
    }
}

fn calendar(calendar: &Calendar) -> ps::StructuredCalendarSpec {
    let ranges = |ranges: &[Range]| ranges.iter().map(range).collect();
    ps::StructuredCalendarSpec {
        second: ranges(&calendar.second),
        minute: ranges(&calendar.minute),
        hour: ranges(&calendar.hour),
        day_of_month: ranges(&calendar.day_of_month),
        month: ranges(&calendar.month),
        year: ranges(&calendar.year),
        day_of_week: ranges(&calendar.day_of_week),
        comment: String::new(),
    }
}

fn range(range: &Range) -> ps::Range {
    ps::Range { start: range.start.into(), end: range.end.into(), step: range.step.into() }
}

fn interval(interval: &Interval) -> ps::IntervalSpec {
    ps::IntervalSpec { interval: interval.every.try_into().ok(), phase: some(interval.phase) }
}

/// Temporal takes zero for none.
fn some<T: TryFrom<Duration>>(span: Duration) -> Option<T> {
    if span.is_zero() { None } else { span.try_into().ok() }
}

pub(super) fn policies(policies: &Policies) -> ps::SchedulePolicies {
    ps::SchedulePolicies {
        overlap_policy: overlap(policies.overlap) as i32,
        catchup_window: policies.catch_up.try_into().ok(),
        pause_on_failure: policies.pause_on_failure,
        keep_original_workflow_id: false,
    }
}

fn overlap(overlap: Overlap) -> ScheduleOverlapPolicy {
    match overlap {
        Overlap::Skip => ScheduleOverlapPolicy::Skip,
        Overlap::BufferOne => ScheduleOverlapPolicy::BufferOne,
        Overlap::BufferAll => ScheduleOverlapPolicy::BufferAll,
        Overlap::CancelOther => ScheduleOverlapPolicy::CancelOther,
        Overlap::TerminateOther => ScheduleOverlapPolicy::TerminateOther,
        Overlap::AllowAll => ScheduleOverlapPolicy::AllowAll,
    }
}

pub(super) fn action(new: &NewSchedule) -> Result<ps::ScheduleAction, Failure> {
    let (start, options) = (&new.start, &new.start.options);
    let found_by = options.search_attributes.iter().map(|(name, text)| (name.clone(), payload(text)));
    let noted = options.memo.iter().map(|(name, text)| (name.clone(), payload(text)));
    let start = NewWorkflowExecutionInfo {
        workflow_id: new.workflow_id.clone(),
        workflow_type: Some(WorkflowType { name: start.workflow_type.clone() }),
        task_queue: Some(TaskQueue {
            name: start.task_queue.clone(),
            kind: TaskQueueKind::Normal as i32,
            ..Default::default()
        }),
        input: arguments(&start.args),
        workflow_execution_timeout: options.execution_timeout.and_then(|span| span.try_into().ok()),
        workflow_run_timeout: options.run_timeout.and_then(|span| span.try_into().ok()),
        workflow_task_timeout: options.task_timeout.and_then(|span| span.try_into().ok()),
        retry_policy: options.retry_policy.as_ref().map(retry_policy).transpose()?,
        memo: Some(Memo { fields: noted.chain(memo_of_runs(new).fields).collect() }),
        search_attributes: Some(SearchAttributes {
            indexed_fields: found_by.chain(triggered().indexed_fields).collect(),
        }),
        priority: options.priority.clone().map(priority),
        ..Default::default()
    };
    Ok(ps::ScheduleAction { action: Some(ps::schedule_action::Action::StartWorkflow(start)) })
}

fn triggered() -> SearchAttributes {
    keyword(search_attribute::TRIGGER, "schedule")
}

/// What a schedule keeps of its source.
pub(super) fn memo_of_schedule(source: &Source) -> Memo {
    let fields =
        [("cron", &source.cron), ("time_zone", &source.time_zone), ("declaration", &source.declaration)];
    memo([(MEMO, texts(fields))])
}

/// Tells a run, and whoever describes the schedule, which call, or which declaration, wanted it so.
pub(super) fn memo_of_runs(new: &NewSchedule) -> Memo {
    let (id, digest) = (new.id.to_string(), new.declared.clone().unwrap_or_default());
    // The request id under which a declared one is made is nobody's.
    let request_id = if new.declared.is_some() { String::new() } else { new.request_id.clone() };
    let fields = [
        ("schedule_id", &id),
        ("cron", &new.source.cron),
        ("request_id", &request_id),
        ("declared", &digest),
    ];
    memo([(MEMO, texts(fields))])
}

/// Those that are not empty.
fn texts<const N: usize>(fields: [(&str, &String); N]) -> Value {
    let given = fields.into_iter().filter(|(_, text)| !text.is_empty());
    let fields: Map<_, _> = given.map(|(name, text)| (name.to_owned(), Value::from(text.as_str()))).collect();
    Value::Object(fields)
}
