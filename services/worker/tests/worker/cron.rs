use serde_json::json;

use crate::lab::Lab;
use crate::replay::record;

#[tokio::test]
async fn it_ends_when_stopped() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("CronWorkflow", "report").await;
    run.add("a").await;
    run.add("b").await;
    run.until("messages_processed", 2).await;
    let progress = json!({
        "task": "report", "messages": ["a", "b"], "messages_processed": 2, "stopping": false, "rejected": 0
    });
    assert_eq!(run.progress().await, progress);
    assert_eq!(run.query("state", "x").await, progress);
    run.stop().await;
    let result = run.result().await;
    assert_eq!(result["task"], "report");
    assert_eq!(result["messages"], json!(["a", "b"]));
    assert_eq!(result["messages_processed"], 2);
    let mut keys: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["completed_at", "messages", "messages_processed", "task"]);
    record("cron-stopped", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn it_ends_at_five_messages() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("CronWorkflow", "report").await;
    for text in ["1", "2", "3", "4", "5"] {
        run.add(text).await;
    }
    let result = run.result().await;
    assert_eq!(result["messages"], json!(["1", "2", "3", "4", "5"]));
    record("cron-five-messages", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn messages_that_come_together_are_all_returned() {
    let mut lab = Lab::without_worker().await;
    let run = lab.run("CronWorkflow", "report").await;
    for text in ["1", "2", "3", "4", "5", "6", "7"] {
        run.add(text).await;
    }
    lab.start_worker();
    assert_eq!(run.result().await["messages_processed"], 7);
    record("cron-seven-at-once", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn it_ends_after_thirty_seconds_with_what_it_has() {
    let mut lab = Lab::without_worker().await;
    let run = lab.skipping_time("CronWorkflow", "report").await;
    run.add("only").await;
    lab.start_worker();
    let result = run.result().await;
    assert_eq!(result["messages"], json!(["only"]));
    let description = run.handle.describe(Default::default()).await.unwrap();
    let start = description.raw().workflow_execution_info.as_ref().unwrap().start_time.unwrap();
    let lasted = epoch_seconds(result["completed_at"].as_str().unwrap()) - start.seconds;
    assert!((29..=32).contains(&lasted), "{lasted} s");
    record("cron-timed-out", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_cancelled_run_ends_as_cancelled() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("CronWorkflow", "report").await;
    run.add("a").await;
    run.until("messages_processed", 1).await;
    run.handle.cancel(Default::default()).await.unwrap();
    let end = crate::lab::within("the end", run.handle.get_result(Default::default())).await.unwrap_err();
    assert!(matches!(end, temporalio_client::errors::WorkflowGetResultError::Cancelled { .. }), "{end}");
    record("cron-cancelled", &run).await;
    lab.stop_worker().await;
}

fn epoch_seconds(rfc3339: &str) -> i64 {
    assert!(rfc3339.ends_with('Z'), "{rfc3339}");
    humantime::parse_rfc3339(rfc3339).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}
