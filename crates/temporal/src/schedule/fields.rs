//! What a schedule is, field by field in words for people, and in what two of them differ. Pure.

use std::collections::BTreeMap;

use serde_json::Value;
use temporalio_common::protos::temporal::api::{
    common::v1::{Payload, RetryPolicy},
    schedule::v1 as ps,
    workflow::v1::NewWorkflowExecutionInfo,
};

use super::{MEMO, started};
use crate::{payload::to_json, time::rfc3339};

/// The longest text that is shown of a value.
const SHOWN: usize = 100;

/// What the server fills in where nothing is said.
const FILLED_IN: [&str; 3] =
    ["retry_policy.initial_interval", "retry_policy.backoff_coefficient", "retry_policy.maximum_interval"];

/// What is said of each field; what is not said is not in it. Servers write the same in different ways: a step of zero
/// is one, an end before the start is the start, zero time is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Of a schedule without its state, which changes by itself.
    pub(super) fn of(schedule: &ps::Schedule) -> Self {
        let mut fields = schedule.spec.as_ref().map(Self::of_spec).unwrap_or_default();
        fields.policies(schedule.policies.as_ref());
        if let Some(start) = started(schedule.action.as_ref()) {
            fields.start(start);
        }
        fields
    }

    /// Of when it runs.
    pub(super) fn of_spec(spec: &ps::ScheduleSpec) -> Self {
        let mut fields = Self::default();
        fields.all("calendars", spec.structured_calendar.iter().map(calendar));
        fields.all("intervals", spec.interval.iter().map(interval));
        fields.all("excluded", spec.exclude_structured_calendar.iter().map(calendar));
        fields.say("start", rfc3339(spec.start_time).unwrap_or_default());
        fields.say("end", rfc3339(spec.end_time).unwrap_or_default());
        fields.say("jitter", span(spec.jitter));
        fields.say("time_zone", if spec.timezone_name.is_empty() { "UTC" } else { &spec.timezone_name });
        fields
    }

    /// How the other one differs from this one, which is wanted.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let mut names: Vec<_> = self.0.keys().chain(found.0.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let differ = names.into_iter().filter_map(|name| {
            let (wanted, has) = (self.0.get(name), found.0.get(name));
            let unsaid = wanted.is_none() && FILLED_IN.contains(&name.as_str());
            (wanted != has && !unsaid)
                .then(|| format!("{name}: {}, Temporal has {}", shown(wanted), shown(has)))
        });
        differ.collect()
    }

    fn say(&mut self, name: &str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.insert(name.to_owned(), text);
        }
    }

    fn all(&mut self, name: &str, texts: impl Iterator<Item = String>) {
        let mut texts: Vec<_> = texts.collect();
        texts.sort_unstable();
        self.say(name, texts.join("; "));
    }

    fn policies(&mut self, policies: Option<&ps::SchedulePolicies>) {
        let Some(policies) = policies else { return };
        self.say(
            "overlap",
            policies.overlap_policy().as_str_name().trim_start_matches("SCHEDULE_OVERLAP_POLICY_"),
        );
        self.say("catch_up", span(policies.catchup_window));
        self.say("pause_on_failure", policies.pause_on_failure.to_string());
        if policies.keep_original_workflow_id {
            self.say("keep_original_workflow_id", "true");
        }
    }

    fn start(&mut self, start: &NewWorkflowExecutionInfo) {
        self.say("workflow_id", start.workflow_id.as_str());
        self.say(
            "workflow_type",
            start.workflow_type.as_ref().map(|kind| kind.name.as_str()).unwrap_or_default(),
        );
        self.say(
            "task_queue",
            start.task_queue.as_ref().map(|queue| queue.name.as_str()).unwrap_or_default(),
        );
        if let Some(input) = start.input.as_ref().filter(|input| !input.payloads.is_empty()) {
            self.say("args", input.payloads.iter().map(to_json).collect::<Value>().to_string());
        }
        self.say("execution_timeout", span(start.workflow_execution_timeout));
        self.say("run_timeout", span(start.workflow_run_timeout));
        self.say("task_timeout", span(start.workflow_task_timeout));
        self.payloads("memo", start.memo.iter().flat_map(|memo| &memo.fields));
        self.payloads(
            "search_attributes",
            start.search_attributes.iter().flat_map(|attributes| &attributes.indexed_fields),
        );
        if let Some(policy) = &start.retry_policy {
            self.retry(policy);
        }
        if let Some(priority) = &start.priority {
            self.number("priority.key", f64::from(priority.priority_key));
            self.say("priority.fairness_key", priority.fairness_key.as_str());
            self.number("priority.fairness_weight", f64::from(priority.fairness_weight));
        }
    }

    fn retry(&mut self, policy: &RetryPolicy) {
        self.say("retry_policy.initial_interval", span(policy.initial_interval));
        self.number("retry_policy.backoff_coefficient", policy.backoff_coefficient);
        self.say("retry_policy.maximum_interval", span(policy.maximum_interval));
        self.number("retry_policy.maximum_attempts", f64::from(policy.maximum_attempts));
        self.all("retry_policy.non_retryable_error_types", policy.non_retryable_error_types.iter().cloned());
    }

    fn number(&mut self, name: &str, number: f64) {
        if number != 0.0 {
            self.say(name, number.to_string());
        }
    }

    fn payloads<'p>(&mut self, name: &str, fields: impl Iterator<Item = (&'p String, &'p Payload)>) {
        for (field, payload) in fields.filter(|(field, _)| *field != MEMO) {
            self.say(&format!("{name}.{field}"), to_json(payload).to_string());
        }
    }
}

fn shown(text: Option<&String>) -> String {
    match text {
        None => "none".to_owned(),
        Some(text) if text.chars().count() > SHOWN => text.chars().take(SHOWN).chain(['…']).collect(),
        Some(text) => text.clone(),
    }
}

fn span<T>(span: Option<T>) -> String
where
    std::time::Duration: TryFrom<T>,
{
    match span.and_then(|span| std::time::Duration::try_from(span).ok()) {
        Some(span) if !span.is_zero() => format!("{span:?}"),
        _ => String::new(),
    }
}

fn interval(interval: &ps::IntervalSpec) -> String {
    match span(interval.phase) {
        phase if phase.is_empty() => span(interval.interval),
        phase => format!("{} and {phase}", span(interval.interval)),
    }
}

/// As a cron expression with the seconds first, and the years where they are restricted.
fn calendar(calendar: &ps::StructuredCalendarSpec) -> String {
    let mut texts = [
        ranges(&calendar.second, 0, 59),
        ranges(&calendar.minute, 0, 59),
        ranges(&calendar.hour, 0, 23),
        ranges(&calendar.day_of_month, 1, 31),
        ranges(&calendar.month, 1, 12),
        ranges(&calendar.day_of_week, 0, 6),
    ]
    .join(" ");
    if !calendar.year.is_empty() {
        texts = format!("{texts} {}", ranges(&calendar.year, i32::MIN, i32::MAX));
    }
    texts
}

fn ranges(ranges: &[ps::Range], first: i32, last: i32) -> String {
    let mut sorted: Vec<_> =
        ranges.iter().map(|range| (range.start, range.end.max(range.start), range.step.max(1))).collect();
    sorted.sort_unstable();
    let text = |(start, end, step): (i32, i32, i32)| {
        let span = match (start, end) {
            (start, end) if (start, end) == (first, last) => "*".to_owned(),
            (start, end) if start == end => start.to_string(),
            (start, end) => format!("{start}-{end}"),
        };
        if step == 1 || start == end { span } else { format!("{span}/{step}") }
    };
    sorted.into_iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(second: ps::Range, jitter: Option<std::time::Duration>) -> ps::ScheduleSpec {
        let calendar = ps::StructuredCalendarSpec { second: vec![second], ..Default::default() };
        ps::ScheduleSpec {
            structured_calendar: vec![calendar],
            jitter: jitter.and_then(|jitter| jitter.try_into().ok()),
            ..Default::default()
        }
    }

    fn range(start: i32, end: i32, step: i32) -> ps::Range {
        ps::Range { start, end, step }
    }

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        let one = Fields::of_spec(&spec(range(5, 5, 1), None));
        for same in [range(5, 0, 0), range(5, 5, 0), range(5, 5, 7)] {
            assert_eq!(one.differences(&Fields::of_spec(&spec(same, Some(Default::default())))), [""; 0]);
        }
        let utc = ps::ScheduleSpec { timezone_name: "UTC".into(), ..spec(range(5, 5, 1), None) };
        assert_eq!(one, Fields::of_spec(&utc));
    }

    #[test]
    fn a_calendar_is_told_as_people_write_cron() {
        let calendar = |calendar| super::calendar(&calendar);
        let every = |last, step| vec![range(0, last, step)];
        let text = calendar(ps::StructuredCalendarSpec {
            second: every(0, 0),
            minute: every(59, 15),
            hour: vec![range(18, 0, 0), range(9, 12, 1)],
            day_of_month: vec![range(1, 31, 1)],
            month: vec![range(1, 12, 1)],
            day_of_week: vec![range(1, 5, 1)],
            ..Default::default()
        });
        assert_eq!(text, "0 */15 9-12,18 * * 1-5");
    }

    #[test]
    fn differences_name_the_field_and_both_values() {
        let wanted = Fields::of_spec(&spec(range(5, 5, 1), None));
        let found = Fields::of_spec(&ps::ScheduleSpec {
            timezone_name: "Asia/Tokyo".into(),
            ..spec(range(0, 59, 1), Some(std::time::Duration::from_secs(2)))
        });
        assert_eq!(
            wanted.differences(&found),
            [
                "calendars: 5     , Temporal has *     ",
                "jitter: none, Temporal has 2s",
                "time_zone: UTC, Temporal has Asia/Tokyo"
            ]
        );
        let long = Fields([("args".to_owned(), "x".repeat(200))].into());
        let told = long.differences(&Fields::default()).remove(0);
        assert_eq!(told, format!("args: {}…, Temporal has none", "x".repeat(SHOWN)));
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let filled_in = FILLED_IN.map(|name| (name.to_owned(), "1s".to_owned()));
        assert_eq!(Fields::default().differences(&Fields(filled_in.into())), [""; 0]);
    }
}
