use serde_json::{Value, json};

use crate::lab::{LONG_HISTORY, Lab};
use crate::replay::record;

/// What a run with these ends returns when it gets these events before its first task, and then the stop.
async fn gathered(name: &str, until: Value, events: &[Value], stop: bool) -> Value {
    let mut lab = Lab::without_worker().await;
    let run = lab.skipping_time("AggregateWorkflow", json!({ "task": "orders", "until": until })).await;
    for event in events {
        run.signal("add_message", event.clone()).await;
    }
    if stop {
        run.stop().await;
    }
    lab.start_worker();
    let result = run.result().await;
    record(name, &run).await;
    lab.stop_worker().await;
    result
}

#[tokio::test]
async fn it_ends_by_count() {
    let result =
        gathered("aggregate-count", json!({ "count": 2, "seconds": 60 }), &[json!("a"), json!(1)], false)
            .await;
    assert_eq!((&result["ended"], &result["messages"]), (&json!("count"), &json!(["a", "1"])));
    assert_eq!(result["sum"], Value::Null);
}

#[tokio::test]
async fn it_ends_by_time() {
    let result =
        gathered("aggregate-seconds", json!({ "count": 2, "seconds": 600 }), &[json!("a")], false).await;
    assert_eq!((&result["ended"], &result["count"]), (&json!("seconds"), &json!(1)));
}

#[tokio::test]
async fn it_ends_by_condition() {
    let until = json!({ "condition": { "field": "order.total", "sum_at_least": 100 } });
    let events =
        [json!({ "order": { "total": 60 } }), json!("no number"), json!({ "order": { "total": 40.5 } })];
    let result = gathered("aggregate-condition", until, &events, false).await;
    assert_eq!((&result["ended"], &result["sum"]), (&json!("condition"), &json!(100.5)));
    assert_eq!(result["messages"][0], r#"{"order":{"total":60}}"#);
}

#[tokio::test]
async fn it_ends_when_stopped() {
    let result = gathered("aggregate-stopped", json!({}), &[json!("a")], true).await;
    assert_eq!((&result["ended"], &result["count"]), (&json!("stopped"), &json!(1)));
}

#[tokio::test]
async fn it_keeps_what_it_gathered_where_it_continues_as_new() {
    let mut lab = Lab::with_worker().await;
    let until = json!({ "condition": { "field": "n", "sum_at_least": 2 * LONG_HISTORY } });
    let run = lab.run("AggregateWorkflow", json!({ "task": "t", "until": until })).await;
    for _ in 0..2 * LONG_HISTORY {
        run.signal("add_message", json!({ "n": 1 })).await;
    }
    let result = run.result().await;
    assert_eq!((&result["ended"], &result["count"]), (&json!("condition"), &json!(2 * LONG_HISTORY)));
    let mut runs = lab.client.list_workflows(format!("WorkflowId = '{}'", run.id), Default::default());
    let mut first = String::new();
    let mut count = 0;
    while let Some(execution) = futures::StreamExt::next(&mut runs).await {
        first = execution.unwrap().run_id().to_owned();
        count += 1;
    }
    assert!(count > 1);
    record("aggregate-continued-as-new", &lab.one_run(&run.id, &first)).await;
    lab.stop_worker().await;
}
