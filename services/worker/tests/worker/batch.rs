use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

use crate::lab::{Arguments, LONG_HISTORY, Lab, Run, payload};
use crate::replay::record;

/// The batches that the runs of a workflow handed on.
async fn batches(run: &Run) -> Vec<Value> {
    let events = run.handle.fetch_history(Default::default()).into_events().await.unwrap();
    let scheduled = events.into_iter().filter_map(|event| {
        let attributes = event.attributes?;
        use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
        match attributes {
            Attributes::ActivityTaskScheduledEventAttributes(it) => it.input,
            _ => None,
        }
    });
    scheduled.map(|input| serde_json::from_slice(&input.payloads[0].data).unwrap()).collect()
}

#[tokio::test]
async fn it_hands_on_tens_and_leaves_nothing_behind() {
    let mut lab = Lab::without_worker().await;
    let run = lab.run("BatchWorkflow", "sensors").await;
    for n in 1..=23 {
        run.add(&n.to_string()).await;
    }
    lab.start_worker();
    run.until("batches", 2).await;
    assert_eq!(run.progress().await["pending"], 3);
    run.stop().await;
    let result = run.result().await;
    assert_eq!((&result["batches"], &result["messages_processed"]), (&json!(3), &json!(23)));
    let handed_on = batches(&run).await;
    let sizes: Vec<_> = handed_on.iter().map(|batch| batch["messages"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [10, 10, 3]);
    assert_eq!(handed_on[2], json!({ "task": "sensors", "batch": 3, "messages": ["21", "22", "23"] }));
    record("batch-tens-then-stopped", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_small_batch_goes_after_five_minutes() {
    let mut lab = Lab::without_worker().await;
    let run = lab.skipping_time("BatchWorkflow", "sensors").await;
    run.add("a").await;
    run.add("b").await;
    lab.start_worker();
    run.until("batches", 1).await;
    assert_eq!(run.progress().await["messages_processed"], 2);
    run.stop().await;
    assert_eq!(run.result().await["batches"], 1);
    record("batch-after-five-minutes", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn stopped_without_messages_it_hands_on_nothing() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("BatchWorkflow", "sensors").await;
    run.stop().await;
    assert_eq!(run.result().await["batches"], 0);
    record("batch-empty", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn size_and_wait_can_be_given() {
    let mut lab = Lab::with_worker().await;
    let input = json!({ "task": "t", "batch_size": 2, "max_wait_seconds": 1 });
    let run = lab.run("BatchWorkflow", input).await;
    for text in ["a", "b", "c"] {
        run.add(text).await;
    }
    run.until("messages_processed", 3).await;
    run.stop().await;
    assert_eq!(run.result().await["batches"], 2);
    record("batch-own-size-and-wait", &run).await;
    lab.stop_worker().await;
}

#[tokio::test]
async fn no_message_is_lost_where_it_continues_as_new() {
    const MESSAGES: usize = 4 * LONG_HISTORY;
    let mut lab = Lab::with_worker().await;
    let run = lab.run("BatchWorkflow", json!({ "task": "t", "batch_size": 7, "max_wait_seconds": 1 })).await;
    for n in 0..MESSAGES {
        run.add(&n.to_string()).await;
        if n % 50 == 0 {
            run.signal("add_message", Arguments(vec![payload("json/plain", "{")])).await;
        }
    }
    run.stop().await;
    let result = run.result().await;
    assert_eq!(result["messages_processed"], MESSAGES);
    assert_eq!(run.progress().await["rejected"], 5);
    let mut runs = lab.client.list_workflows(format!("WorkflowId = '{}'", run.id), Default::default());
    let mut continued = vec![];
    while let Some(execution) = futures::StreamExt::next(&mut runs).await {
        continued.push(execution.unwrap().run_id().to_owned());
    }
    assert!(continued.len() > 1, "{continued:?}");
    let mut texts = vec![];
    for run_id in continued.iter().rev() {
        let one = lab.one_run(&run.id, run_id);
        for batch in batches(&one).await {
            texts.extend(
                batch["messages"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()),
            );
        }
        let events = one.handle.fetch_history(Default::default()).into_events().await.unwrap();
        if events.last().unwrap().event_type() == EventType::WorkflowExecutionContinuedAsNew {
            record("batch-continued-as-new", &one).await;
        }
    }
    let expected: Vec<_> = (0..MESSAGES).map(|n| n.to_string()).collect();
    assert_eq!(texts, expected);
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_partial_batch_is_carried_over_with_its_age() {
    let mut lab = Lab::with_worker().await;
    let run = lab
        .run("BatchWorkflow", json!({ "task": "t", "batch_size": 10_000, "max_wait_seconds": 3_600 }))
        .await;
    for n in 0..2 * LONG_HISTORY {
        run.add(&n.to_string()).await;
    }
    run.until("pending", 2 * LONG_HISTORY).await;
    assert_eq!(run.progress().await["batches"], 0);
    run.stop().await;
    assert_eq!(run.result().await["messages_processed"], 2 * LONG_HISTORY);
    lab.stop_worker().await;
}

#[tokio::test]
async fn the_worker_may_go_away_in_the_middle() {
    let mut lab = Lab::with_worker().await;
    let run = lab.run("BatchWorkflow", json!({ "task": "t", "batch_size": 2 })).await;
    for text in ["a", "b", "c"] {
        run.add(text).await;
    }
    run.until("batches", 1).await;
    lab.stop_worker().await;
    run.add("d").await;
    run.stop().await;
    lab.start_worker();
    let result = run.result().await;
    assert_eq!((&result["batches"], &result["messages_processed"]), (&json!(2), &json!(4)));
    lab.stop_worker().await;
}
