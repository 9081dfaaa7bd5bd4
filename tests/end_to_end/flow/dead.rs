//! A batch that died.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_redriven_is_one_signal_for_all_its_events() {
    let flowing = Flowing::start().await;
    for n in 1..=2 {
        flowing.publish("late-a", n).await;
    }
    let mut letters = Vec::new();
    for n in 1..=2 {
        letters.push(flowing.comes_to("late-a", n, "dead").await["dead_letters"].clone());
    }
    assert_eq!(letters[0], letters[1], "one letter for both");
    let redrive = format!("/dead-letters/{}/redrive", letters[0][0]);

    let run = json!({ "workflow_id": "late-a", "type": "Marks", "task_queue": "nobody" }).to_string();
    let started = flowing.api.post_body("/workflows", &[("content-type", "application/json")], run).await;
    assert_eq!(started.unwrap().status, 200);
    let (one, two) = tokio::join!(flowing.api.post(&redrive), flowing.api.post(&redrive));
    let statuses = [one.unwrap().status, two.unwrap().status];
    assert!(statuses.contains(&200), "{statuses:?}");
    for n in 1..=2 {
        flowing.comes_to("late-a", n, "signalled").await;
    }
    assert_eq!(flowing.api.post(&redrive).await.unwrap().status, 404);

    // Published again it is known, and what comes later in this lane finds all before it done.
    flowing.publish_as("late-a-1", "another-message", "late-a", 1).await;
    for n in 3..=4 {
        flowing.publish("late-a", n).await;
    }
    flowing.comes_to("late-a", 4, "signalled").await;
    flowing.settled().await;
    assert_eq!(flowing.signals("late-a").await.unwrap(), [json!([1, 2]), json!([3, 4])]);
}
