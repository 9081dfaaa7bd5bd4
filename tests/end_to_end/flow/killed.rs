//! `kill -9` of the router in the middle: no mark is lost, none is doubled, and they keep their order.

use std::time::Instant;

use serde_json::{Value, json};

use super::Flowing;

const MARKS: u32 = 60;
const KEYS: [&str; 3] = ["a", "b", "c"];

/// Publishes marks for workflows of this flow while the router dies twice, and tells the marks that each workflow has.
async fn marks_of(flow: &str) -> (Flowing, Vec<(String, Vec<u64>)>) {
    let mut flowing = Flowing::start().await;
    for n in 1..=MARKS {
        for key in KEYS {
            flowing.publish(&format!("{flow}-{key}"), n).await;
        }
        if n == MARKS / 3 || n == MARKS * 2 / 3 {
            flowing.kill_and_launch().await;
        }
    }
    // Also with nothing more to come.
    flowing.kill_and_launch().await;
    flowing.settled().await;
    let mut marks = Vec::new();
    for key in KEYS {
        let workflow = format!("{flow}-{key}");
        let signals = flowing.signals(&workflow).await.unwrap();
        marks.push((workflow, signals.iter().flat_map(numbers).collect()));
    }
    (flowing, marks)
}

fn numbers(value: &Value) -> Vec<u64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        one => one.as_u64().into_iter().collect(),
    }
}

fn all() -> Vec<u64> {
    (1..=u64::from(MARKS)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_lose_and_double_nothing() {
    let (_flowing, marks) = marks_of("batched").await;
    for (workflow, marks) in marks {
        assert_eq!(marks, all(), "{workflow}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_loses_and_doubles_nothing() {
    let begun = Instant::now();
    let (_flowing, marks) = marks_of("throttled").await;
    for (workflow, marks) in marks {
        assert_eq!(marks, all(), "{workflow}");
    }
    assert!(begun.elapsed().as_secs() >= u64::from(MARKS / 3 - 1), "three a second: {:?}", begun.elapsed());
}

/// Who was not superseded has had its effect, and nobody else.
async fn the_rest_is_superseded(flow: &str) {
    let (flowing, marks) = marks_of(flow).await;
    for (workflow, marks) in marks {
        assert!(marks.is_sorted_by(|one, next| one < next), "{workflow}: {marks:?}");
        assert_eq!(marks.last(), Some(&u64::from(MARKS)), "{workflow}: {marks:?}");
        let mut signalled = Vec::new();
        for n in 1..=MARKS {
            let outcome = flowing.outcome(&workflow, n).await.unwrap();
            match outcome["result"].as_str() {
                Some("signalled" | "deduplicated") => signalled.push(u64::from(n)),
                Some("superseded") => {}
                _ => panic!("{workflow} {n}: {outcome}"),
            }
        }
        assert_eq!(marks, signalled, "{workflow}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debounce_has_each_mark_once_or_superseded() {
    the_rest_is_superseded("debounced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_have_each_mark_once_or_superseded() {
    the_rest_is_superseded("all").await;
}

/// Both commands of the second event lie in one message: one of them has gone on, in a batch, when the router dies, and
/// the other waits.
#[tokio::test(flavor = "multi_thread")]
async fn what_went_on_does_not_go_on_again_with_what_waits() {
    let mut flowing = Flowing::start().await;
    flowing.publish("pairs-a", 1).await;
    flowing.publish("kept-a", 2).await;
    assert_eq!(flowing.signalled("pairs-a", 1).await, [json!([1, 2])]);
    flowing.comes_to("pairs-a", 1, "signalled").await;
    flowing.kill_and_launch().await;
    flowing.publish("kept-a", 3).await;
    assert_eq!(flowing.signalled("pairs-a", 2).await, [json!([1, 2]), json!([2, 3])]);
    flowing.publish("pairs-a", 4).await;
    flowing.settled().await;
    let signals = flowing.signals("pairs-a").await.unwrap();
    assert_eq!(signals, [json!([1, 2]), json!([2, 3]), json!([3, 4])]);
}
