//! What a start may say besides.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use signalbox_domain::{
    Fault, JsonText, Priority, Reason, RetryPolicy, ReusePolicy, Start, StartOptions, Update, UpdateWait,
    WorkflowAction,
};
use temporalio_common::protos::temporal::api::{
    common::v1::Payload,
    enums::v1::IndexedValueType,
    history::v1::{WorkflowExecutionStartedEventAttributes, history_event::Attributes},
};

use crate::lab::{Lab, of, signal, start, unique};

fn fields<const N: usize>(fields: [(&str, Value); N]) -> BTreeMap<String, JsonText> {
    fields.map(|(name, value)| (name.to_owned(), JsonText::from_value(&value))).into()
}

fn full() -> StartOptions {
    let span = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    StartOptions {
        reuse_policy: ReusePolicy::RejectDuplicate,
        execution_timeout: Some(Duration::from_secs(900)),
        run_timeout: Some(Duration::from_secs(600)),
        task_timeout: Some(Duration::from_secs(7)),
        retry_policy: Some(RetryPolicy {
            initial_interval: span(2),
            backoff_coefficient: 1.5,
            maximum_interval: span(30),
            maximum_attempts: 4,
            non_retryable_error_types: vec!["Refused".into()],
        }),
        memo: fields([("note", json!({"by": "ops"})), ("signalbox", json!("not theirs"))]),
        search_attributes: fields([
            ("Tenant", json!("acme")),
            ("Amount", json!(7)),
            ("Tags", json!(["a", "b"])),
            ("SignalboxTrigger", json!("not theirs")),
        ]),
        start_delay: Some(Duration::from_secs(60)),
        priority: Some(Priority { priority_key: 2, fairness_key: "acme".into(), fairness_weight: 2.0 }),
    }
}

fn read(payload: &Payload) -> Value {
    serde_json::from_slice(&payload.data).unwrap()
}

/// The first event tells what Temporal took.
async fn started(lab: &Lab, id: &str) -> WorkflowExecutionStartedEventAttributes {
    match lab.history(id, "").await.remove(0).attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
        other => panic!("{other:?}"),
    }
}

/// As Temporal noted it.
fn check(started: &WorkflowExecutionStartedEventAttributes, delay: Option<i64>) {
    let timeouts =
        [started.workflow_execution_timeout, started.workflow_run_timeout, started.workflow_task_timeout];
    assert_eq!(timeouts.map(|span| span.unwrap().seconds), [900, 600, 7]);
    let delayed = started.first_workflow_task_backoff.map(|span| span.seconds);
    assert_eq!(delayed.filter(|seconds| *seconds > 0), delay);
    let retry = started.retry_policy.clone().unwrap();
    assert_eq!((retry.backoff_coefficient, retry.maximum_attempts), (1.5, 4));
    assert_eq!([retry.initial_interval, retry.maximum_interval].map(|span| span.unwrap().seconds), [2, 30]);
    assert_eq!(retry.non_retryable_error_types, ["Refused"]);
    let memo = &started.memo.as_ref().unwrap().fields;
    assert_eq!(read(&memo["note"]), json!({"by": "ops"}));
    assert_eq!(read(&memo["signalbox"])["route"], "r", "where it comes from is ours to say");
    let found_by = &started.search_attributes.as_ref().unwrap().indexed_fields;
    let found_by = |name| read(&found_by[name]);
    assert_eq!(["Tenant", "Amount", "Tags"].map(found_by), [json!("acme"), json!(7), json!(["a", "b"])]);
    assert_eq!(found_by("SignalboxTrigger"), "event", "and how it was triggered");
    let priority = started.priority.clone().unwrap();
    assert_eq!((priority.priority_key, &*priority.fairness_key, priority.fairness_weight), (2, "acme", 2.0));
}

async fn lab() -> Lab {
    let lab = Lab::new().await;
    lab.search_attributes(&[
        ("Tenant", IndexedValueType::Keyword),
        ("Amount", IndexedValueType::Int),
        ("Tags", IndexedValueType::KeywordList),
    ])
    .await;
    lab
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_starts_takes_all_options() {
    let (lab, full) = (lab().await, Start { options: full(), ..start() });
    let [plain, signalled, updated] = ["plain", "signalled", "updated"].map(unique);
    lab.first(&of(&plain, WorkflowAction::Start(full.clone()))).await.unwrap();
    let signalling = WorkflowAction::SignalWithStart(full.clone(), signal("s"));
    lab.first(&of(&signalled, signalling)).await.unwrap();
    let update = || Update { name: "u".into(), args: vec![], wait: UpdateWait::Accepted };
    let updating = of(&updated, WorkflowAction::UpdateWithStart(full.clone(), update()));
    let refused = lab.first(&updating).await.unwrap_err();
    assert_eq!((refused.fault, refused.reason), (Fault::Permanent, Reason::InvalidArgument));
    assert!(refused.detail.contains("StartDelay"), "an update does not wait: {refused}");
    let options = StartOptions { start_delay: None, ..full.options.clone() };
    let updating = WorkflowAction::UpdateWithStart(Start { options, ..start() }, update());
    lab.first(&of(&updated, updating)).await.expect_err("nobody answers the update");
    for (id, delay) in [(&plain, Some(60)), (&signalled, Some(60)), (&updated, None)] {
        check(&started(&lab, id).await, delay);
        lab.end(id).await;
    }
    let query = "Tenant = 'acme' AND Amount = 7 AND Tags = 'b' AND SignalboxTrigger = 'event'";
    lab.indexed(&format!("WorkflowId = '{plain}' AND {query}"), 1).await;
    let again = lab.first(&of(&plain, WorkflowAction::Start(full))).await.unwrap_err();
    assert_eq!((again.fault, again.reason), (Fault::Permanent, Reason::WorkflowRunning), "no second run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_take_is_refused() {
    let (lab, id) = (lab().await, unique("refused"));
    let of_type =
        StartOptions { search_attributes: fields([("Amount", json!("many"))]), ..Default::default() };
    let unknown = StartOptions { search_attributes: fields([("Unheard", json!(1))]), ..Default::default() };
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let policy = RetryPolicy { initial_interval: negative, ..Default::default() };
    let interval = StartOptions { retry_policy: Some(policy), ..Default::default() };
    for (options, why) in [(of_type, "Amount"), (unknown, "Unheard"), (interval, "negative")] {
        let refused =
            lab.first(&of(&id, WorkflowAction::Start(Start { options, ..start() }))).await.unwrap_err();
        assert_eq!((refused.fault, refused.reason), (Fault::Permanent, Reason::InvalidArgument), "{refused}");
        assert!(refused.detail.contains(why), "{refused}");
    }
}
