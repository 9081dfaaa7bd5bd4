//! Commands, written as route files write actions.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Number, Value, json};
use signalbox_domain::{
    Action, Command, ConflictPolicy, Data, Event, Flow, IfMissing, JsonText, Priority, RetryPolicy,
    ReusePolicy, ScheduleCall, ScheduleSpec, Signal, Start, StartOptions, Update, UpdateWait, WorkflowAction,
    WorkflowId,
};

use crate::language::actions::DEFAULT_TASK_QUEUE;

/// The command as route files write actions, with every field, and its route and effect key beside the action:
/// `{"signal": {"workflow_id": "order-7", …}, "route": "paid", "flow": {"debounce": "5s"}, "effect_key": "…"}`.
pub fn rendered(command: &Command) -> Value {
    let (name, fields) = action(command);
    let mut all = Map::new();
    all.insert(name.to_owned(), Value::Object(fields));
    all.extend(deadline(command).map(|deadline| ("deadline".to_owned(), deadline)));
    if let Some(route) = &command.origin.route {
        all.insert("route".to_owned(), route.as_str().into());
    }
    if let Some(command_flow) = &command.terms.flow {
        all.insert("flow".to_owned(), flow(command_flow));
    }
    all.insert("effect_key".to_owned(), command.effect_key.as_str().into());
    Value::Object(all)
}

/// The same without what is as it is where nobody says: what a person would write.
pub fn brief(command: &Command) -> Value {
    let (name, mut fields) = action(command);
    fields.retain(|name, value| match (name.as_str(), &*value) {
        ("task_queue", queue) => queue != DEFAULT_TASK_QUEUE,
        ("id_conflict_policy", policy) => policy != "fail",
        ("args", Value::Array(args)) => !args.is_empty(),
        ("wait", wait) => wait != "accepted",
        ("if_missing", then) => then != "dead",
        ("limit", limit) => *limit != 1000,
        ("extensions", Value::Object(extensions)) => extensions.len() > 1,
        _ => true,
    });
    let mut all = of([(name, Value::Object(fields))]);
    all.extend(deadline(command).map(|deadline| ("deadline".to_owned(), deadline)));
    if let Some(command_flow) = &command.terms.flow {
        all.insert("flow".to_owned(), flow(command_flow));
    }
    Value::Object(all)
}

fn flow(flow: &Flow) -> Value {
    let debounce = flow.debounce.map(|debounce| match debounce.at_most {
        Some(at_most) => Value::Object(of([("quiet", span(debounce.quiet)), ("at_most", span(at_most))])),
        None => span(debounce.quiet),
    });
    let batch = flow.batch.map(|batch| of([("size", batch.size.into()), ("within", span(batch.within))]));
    let throttle =
        flow.throttle.map(|throttle| of([("limit", throttle.limit.into()), ("per", span(throttle.per))]));
    Value::Object(given([
        ("debounce", debounce),
        ("batch", batch.map(Value::Object)),
        ("throttle", throttle.map(Value::Object)),
        ("signals_per_run", flow.signals_per_run.map(Value::from)),
    ]))
}

/// Commands and values as a file would have them.
pub fn to_yaml(values: &[Value]) -> String {
    let options = serde_saphyr::ser_options! { compact_list_indent: false };
    serde_saphyr::to_string_with_options(&values, options).unwrap_or_default()
}

/// For how long, from when its event was stored, it is tried.
fn deadline(command: &Command) -> Option<Value> {
    let left = command.terms.give_up_at? - command.accepted_at;
    Some(span(left.to_std().unwrap_or_default()))
}

/// What an action says that needs a run.
fn if_missing(command: &Command) -> Option<Value> {
    let Action::Workflow(_, action) = &command.action else { return None };
    match action {
        WorkflowAction::Start(_)
        | WorkflowAction::SignalWithStart(..)
        | WorkflowAction::UpdateWithStart(..) => None,
        _ => Some(match command.terms.if_missing {
            IfMissing::Dead => "dead".into(),
            IfMissing::Drop => "drop".into(),
            IfMissing::Park { until } => {
                json!({ "park": span((until - command.accepted_at).to_std().unwrap_or_default()) })
            }
        }),
    }
}

fn action(command: &Command) -> (&'static str, Map<String, Value>) {
    let (name, mut fields) = what(&command.action);
    fields.extend(if_missing(command).map(|then| ("if_missing".to_owned(), then)));
    (name, fields)
}

fn what(action: &Action) -> (&'static str, Map<String, Value>) {
    match action {
        Action::Workflow(id, action) => on_workflow(id, action),
        Action::SignalAll(all) => {
            let mut fields = of([("query", all.query.as_str().into())]);
            fields.append(&mut signal(&all.signal));
            fields.insert("limit".to_owned(), all.limit.into());
            ("signal_all", fields)
        }
        Action::Schedule(id, call) => ("schedule", schedule(id.as_str(), action.kind(), call)),
        Action::Publish(event) => ("publish", publish(event)),
    }
}

fn on_workflow(id: &WorkflowId, action: &WorkflowAction) -> (&'static str, Map<String, Value>) {
    let target = || of([("workflow_id", id.as_str().into())]);
    let with = |mut first: Map<String, Value>, mut then: Map<String, Value>| {
        first.append(&mut then);
        first
    };
    let reason = |reason: &String| of([("reason", reason.as_str().into())]);
    match action {
        WorkflowAction::Start(what) => ("start", start(id.as_str(), what, true)),
        WorkflowAction::Signal(what) => ("signal", with(target(), signal(what))),
        WorkflowAction::SignalWithStart(what, then) => {
            let then = of([("signal", Value::Object(signal(then)))]);
            ("signal_with_start", with(start(id.as_str(), what, false), then))
        }
        WorkflowAction::Update(what) => ("update", with(target(), update(what))),
        WorkflowAction::UpdateWithStart(what, then) => {
            let then = of([("update", Value::Object(update(then)))]);
            ("update_with_start", with(start(id.as_str(), what, false), then))
        }
        WorkflowAction::Query(what) => {
            ("query", with(target(), of([("name", what.name.as_str().into()), ("args", args(&what.args))])))
        }
        WorkflowAction::Cancel { reason: why } => ("cancel", with(target(), reason(why))),
        WorkflowAction::Terminate { reason: why } => ("terminate", with(target(), reason(why))),
    }
}

fn start(id: &str, start: &Start, alone: bool) -> Map<String, Value> {
    let Start { workflow_type, task_queue, args: arguments, conflict_policy, options } = start;
    let mut fields = of([
        ("workflow", workflow_type.as_str().into()),
        ("workflow_id", id.into()),
        ("task_queue", task_queue.as_str().into()),
        ("args", args(arguments)),
    ]);
    if alone {
        let policy = match conflict_policy {
            ConflictPolicy::Unspecified | ConflictPolicy::Fail => "fail",
            ConflictPolicy::UseExisting => "use_existing",
            ConflictPolicy::TerminateExisting => "terminate_existing",
        };
        fields.insert("id_conflict_policy".to_owned(), policy.into());
    }
    fields.append(&mut start_options(options));
    fields
}

fn start_options(options: &StartOptions) -> Map<String, Value> {
    let reuse = match options.reuse_policy {
        ReusePolicy::Unspecified => None,
        ReusePolicy::AllowDuplicate => Some("allow_duplicate".into()),
        ReusePolicy::AllowDuplicateFailedOnly => Some("allow_duplicate_failed_only".into()),
        ReusePolicy::RejectDuplicate => Some("reject_duplicate".into()),
    };
    let values = |values: &BTreeMap<String, JsonText>| {
        let values: Map<_, _> =
            values.iter().map(|(name, text)| (name.clone(), json(text.bytes()))).collect();
        (!values.is_empty()).then_some(Value::Object(values))
    };
    given([
        ("id_reuse_policy", reuse),
        ("execution_timeout", options.execution_timeout.map(span)),
        ("run_timeout", options.run_timeout.map(span)),
        ("task_timeout", options.task_timeout.map(span)),
        ("start_delay", options.start_delay.map(span)),
        ("retry", options.retry_policy.as_ref().map(retry)),
        ("memo", values(&options.memo)),
        ("search_attributes", values(&options.search_attributes)),
        ("priority", options.priority.as_ref().map(priority)),
    ])
}

fn retry(policy: &RetryPolicy) -> Value {
    let interval = |given: &Option<prost_types::Duration>| {
        given.and_then(|duration| Duration::try_from(duration).ok()).map(span)
    };
    let types = &policy.non_retryable_error_types;
    Value::Object(given([
        ("initial_interval", interval(&policy.initial_interval)),
        ("backoff_coefficient", number(policy.backoff_coefficient)),
        ("maximum_interval", interval(&policy.maximum_interval)),
        ("maximum_attempts", (policy.maximum_attempts != 0).then(|| policy.maximum_attempts.into())),
        ("non_retryable_error_types", (!types.is_empty()).then(|| types.as_slice().into())),
    ]))
}

fn priority(priority: &Priority) -> Value {
    Value::Object(given([
        ("key", (priority.priority_key != 0).then(|| priority.priority_key.into())),
        ("fairness_key", (!priority.fairness_key.is_empty()).then(|| priority.fairness_key.as_str().into())),
        ("fairness_weight", number(priority.fairness_weight.into())),
    ]))
}

fn signal(signal: &Signal) -> Map<String, Value> {
    of([("name", signal.name.as_str().into()), ("args", args(&signal.args))])
}

fn update(update: &Update) -> Map<String, Value> {
    let wait = match update.wait {
        UpdateWait::Unspecified | UpdateWait::Accepted => "accepted",
        UpdateWait::Completed => "completed",
    };
    of([("name", update.name.as_str().into()), ("args", args(&update.args)), ("wait", wait.into())])
}

fn schedule(id: &str, kind: &str, call: &ScheduleCall) -> Map<String, Value> {
    let operation = kind.trim_start_matches("schedule-");
    let mut fields = of([("schedule_id", id.into()), ("operation", operation.into())]);
    let texts = |texts: &[Bytes]| texts.iter().map(json).collect::<Value>();
    let text = |text: &String| (!text.is_empty()).then(|| text.as_str().into());
    let mut more = match call {
        ScheduleCall::Create(create) => create.schedule.as_ref().map(scheduled).unwrap_or_default(),
        ScheduleCall::Change(change) => given([
            ("cron", change.cron.as_ref().and_then(text)),
            ("time_zone", change.time_zone.as_ref().and_then(text)),
            ("args", change.args.as_ref().map(|args| texts(&args.args))),
        ]),
        ScheduleCall::Pause(pause) => given([("note", text(&pause.note))]),
        _ => Map::new(),
    };
    fields.append(&mut more);
    fields
}

fn scheduled(schedule: &ScheduleSpec) -> Map<String, Value> {
    let text = |text: &String| (!text.is_empty()).then(|| text.as_str().into());
    let start = schedule.start.as_ref();
    given([
        ("cron", text(&schedule.cron)),
        ("time_zone", text(&schedule.time_zone)),
        ("workflow", start.and_then(|start| text(&start.workflow_type))),
        ("workflow_id", text(&schedule.workflow_id)),
        ("task_queue", start.and_then(|start| text(&start.task_queue))),
        ("args", start.map(|start| start.args.iter().map(json).collect())),
    ])
}

fn publish(event: &Event) -> Map<String, Value> {
    let data = match &event.data {
        Data::Empty => None,
        Data::Json(value) => Some(value.clone()),
        Data::Bytes(bytes) => Some(format!("{} bytes", bytes.len()).into()),
    };
    let extensions = event.extensions.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    given([
        ("subject", Some(event.nats_subject.as_str().into())),
        ("type", Some(event.kind.as_str().into())),
        ("source", Some(event.source.as_str().into())),
        ("data", data),
        ("extensions", Some(Value::Object(extensions.collect()))),
    ])
}

fn args(args: &[JsonText]) -> Value {
    args.iter().map(|arg| json(arg.bytes())).collect()
}

/// What was written as JSON a moment ago.
fn json(text: &Bytes) -> Value {
    serde_json::from_slice(text).unwrap_or(Value::Null)
}

/// A span of time, as files have it: `1m 30s`.
pub(crate) fn span(span: Duration) -> Value {
    humantime::format_duration(span).to_string().into()
}

fn number(number: f64) -> Option<Value> {
    (number != 0.0).then(|| Number::from_f64(number)).flatten().map(Value::Number)
}

fn of<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn given<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
