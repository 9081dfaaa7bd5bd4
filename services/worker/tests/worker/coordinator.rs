use serde_json::{Value, json};

use crate::lab::{Lab, Run};
use crate::replay::record;

fn results(result: &Value) -> Vec<(&str, &Value)> {
    let children = result["children"].as_array().unwrap();
    children
        .iter()
        .map(|child| (child["workflow_id"].as_str().unwrap(), &child["result"]["messages"]))
        .collect()
}

async fn trigger(run: &Run) -> String {
    let description = run.handle.describe(Default::default()).await.unwrap();
    let info = description.raw().workflow_execution_info.clone().unwrap();
    let attributes = info.search_attributes.unwrap().indexed_fields;
    String::from_utf8(attributes["SignalboxTrigger"].data.clone()).unwrap()
}

#[tokio::test]
async fn it_signals_all_children_and_collects_their_results() {
    let mut lab = Lab::with_worker().await;
    let input = json!({ "tasks": ["Check stock", "Ship!"], "message": "hello" });
    let run = lab.run("CoordinatorWorkflow", input).await;
    let ids = [format!("{}/1-check-stock", run.id), format!("{}/2-ship", run.id)];
    run.until("started", 2).await;
    run.add("more").await;
    for id in &ids {
        lab.existing(id).until("messages_processed", 2).await;
        assert_eq!(trigger(&lab.existing(id)).await, r#""workflow""#);
    }
    run.stop().await;
    let result = run.result().await;
    let both = json!(["hello", "more"]);
    assert_eq!(results(&result), [(ids[0].as_str(), &both), (ids[1].as_str(), &both)]);
    assert_eq!(result["children"][0]["result"]["task"], "Check stock");
    record("coordinator-signalled-and-stopped", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn children_may_end_by_themselves() {
    let mut lab = Lab::with_worker().await;
    let run = lab.skipping_time("CoordinatorWorkflow", json!(["a", "b", "c"])).await;
    let result = run.result().await;
    assert_eq!(result["children"].as_array().unwrap().len(), 3);
    assert!(results(&result).iter().all(|(_, messages)| **messages == json!([])));
    record("coordinator-not-signalled", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn more_than_one_wave_is_started_and_signalled() {
    let mut lab = Lab::with_worker().await;
    let tasks: Vec<_> = (1..=40).map(|n| format!("task {n}")).collect();
    let run = lab.run("CoordinatorWorkflow", json!({ "tasks": tasks, "message": "x" })).await;
    run.stop().await;
    let result = run.result().await;
    let all = results(&result);
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|(_, messages)| **messages == json!(["x"])), "{all:?}");
    assert!(all[39].0.ends_with("/40-task-40"));
    record("coordinator-two-waves", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_child_that_cannot_start_is_an_error_in_the_result() {
    let mut lab = Lab::without_worker().await;
    let run = lab.run("CoordinatorWorkflow", json!(["taken"])).await;
    let taken = lab.run_as(&format!("{}/1-taken", run.id), "CronWorkflow", "other").await;
    lab.start_worker();
    let result = run.result().await;
    assert_eq!(result["children"][0]["result"], Value::Null);
    assert!(result["children"][0]["error"].is_string(), "{result}");
    record("coordinator-child-not-started", &run).await;
    taken.stop().await;
    taken.result().await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn too_many_children_are_refused() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("CoordinatorWorkflow", json!(vec!["x"; 1_001])).await;
    let (kind, message) = run.failure().await;
    assert!(kind.contains("InvalidInput"), "{kind}");
    assert!(message.contains("1001 tasks are more than 1000"), "{message}");
    lab.stop_worker().await;
}
