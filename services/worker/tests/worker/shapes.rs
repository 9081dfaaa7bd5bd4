//! No shape of a signal, an input or a query may wedge a workflow.

use serde_json::{Value, json};

use crate::lab::{Arguments, Lab, payload};
use crate::replay::record;

const WORKFLOWS: [&str; 4] = ["CronWorkflow", "BatchWorkflow", "CoordinatorWorkflow", "AggregateWorkflow"];

/// A good input of the workflow, which does not end by itself in a test.
fn input(workflow: &str) -> Value {
    match workflow {
        "CoordinatorWorkflow" => json!(["child"]),
        _ => json!("task"),
    }
}

fn short(workflow: &str) -> String {
    workflow.trim_end_matches("Workflow").to_lowercase()
}

/// Payloads of every odd shape, and whether they can be read as a text.
pub fn shapes() -> Vec<(&'static str, Arguments, bool)> {
    let one = |encoding, data: &[u8]| Arguments(vec![payload(encoding, data)]);
    let text = || payload("json/plain", "\"x\"");
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    let long = format!("\"{}\"", "x".repeat(70_000));
    vec![
        ("number", one("json/plain", b"7"), true),
        ("null", one("json/plain", b"null"), true),
        ("object", one("json/plain", br#"{ "a": [1, null] }"#), true),
        ("deep", one("json/plain", deep.as_bytes()), true),
        ("huge number", one("json/plain", b"1e999"), true),
        ("json/protobuf", one("json/protobuf", br#"{"a":1}"#), true),
        ("binary/plain", one("binary/plain", b"bytes"), true),
        ("binary/null", one("binary/null", b""), true),
        ("no payload", Arguments(vec![]), false),
        ("two payloads", Arguments(vec![text(), text()]), false),
        ("too long", one("json/plain", long.as_bytes()), false),
        ("invalid JSON", one("json/plain", b"{"), false),
        ("no data", one("json/plain", b""), false),
        ("not UTF-8", one("json/plain", &[b'"', 0xff, b'"']), false),
        ("binary/plain not UTF-8", one("binary/plain", &[0xff]), false),
        ("binary/protobuf", one("binary/protobuf", &[8, 1]), false),
        ("unknown encoding", one("text/xml", b"<a/>"), false),
        ("no encoding", Arguments(vec![Default::default()]), false),
    ]
}

#[tokio::test]
async fn odd_messages_are_taken_or_counted() {
    let mut lab = Lab::with_worker().await;
    for workflow in WORKFLOWS {
        for (shape, arguments, readable) in shapes() {
            let run = lab.run(workflow, input(workflow)).await;
            run.signal("add_message", arguments).await;
            run.until("rejected", u8::from(!readable)).await;
            run.stop().await;
            let result = run.result().await;
            let taken = match workflow {
                "CronWorkflow" | "BatchWorkflow" => result["messages_processed"].clone(),
                "CoordinatorWorkflow" => result["children"][0]["result"]["messages_processed"].clone(),
                _ => result["count"].clone(),
            };
            assert_eq!(taken, u8::from(readable), "{workflow}, {shape}: {result}");
            if shape == "invalid JSON" {
                record(&format!("{}-rejected-message", short(workflow)), &run).await;
            }
        }
    }
    lab.stop_worker().await;
}

#[tokio::test]
async fn odd_stops_stop() {
    let mut lab = Lab::with_worker().await;
    for workflow in WORKFLOWS {
        for (shape, arguments, _) in shapes() {
            let run = lab.run(workflow, input(workflow)).await;
            run.signal("stop_processing", arguments).await;
            assert!(run.result().await.is_object(), "{workflow}, {shape}");
        }
    }
    lab.stop_worker().await;
}

#[tokio::test]
async fn odd_queries_are_answered() {
    let mut lab = Lab::with_worker().await;
    for workflow in WORKFLOWS {
        let run = lab.run(workflow, input(workflow)).await;
        for (shape, arguments, _) in shapes() {
            for query in ["progress", "state"] {
                let answer = run.query(query, arguments.clone()).await;
                assert_eq!(answer["stopping"], false, "{workflow}, {query}, {shape}");
            }
        }
        run.stop().await;
        run.result().await;
    }
    lab.stop_worker().await;
}

#[tokio::test]
async fn odd_inputs_fail_the_run_or_name_its_task() {
    let mut lab = Lab::with_worker().await;
    for workflow in WORKFLOWS {
        for (shape, arguments, readable) in shapes() {
            let task_is_any_text = workflow == "CronWorkflow";
            let is_text = shape == "binary/plain" && workflow != "CoordinatorWorkflow";
            let run = lab.run(workflow, arguments).await;
            run.stop_if_running().await;
            if readable && (task_is_any_text || is_text) {
                assert!(run.result().await["task"].is_string(), "{workflow}, {shape}");
                continue;
            }
            let (kind, message) = run.failure().await;
            assert!(kind.contains("InvalidInput"), "{workflow}, {shape}: {kind}");
            assert!(kind.contains("non_retryable: true"), "{workflow}, {shape}: {kind}");
            assert!(!message.is_empty(), "{workflow}, {shape}");
            if shape == "no payload" {
                record(&format!("{}-invalid-input", short(workflow)), &run).await;
            }
        }
    }
    lab.stop_worker().await;
}

#[tokio::test]
async fn inputs_out_of_bounds_fail_the_run() {
    let mut lab = Lab::with_worker().await;
    for (workflow, input, expected) in [
        ("BatchWorkflow", json!({ "task": "t", "batch_size": 0 }), "batch_size must be 1"),
        ("BatchWorkflow", json!({ "task": "t", "max_wait_seconds": u64::MAX }), "max_wait_seconds must be 1"),
        ("BatchWorkflow", json!({ "task": "t", "batchsize": 3 }), "batchsize"),
        ("BatchWorkflow", json!({ "batch_size": 3 }), "task"),
        ("AggregateWorkflow", json!({ "task": "t", "until": { "count": 0 } }), "until.count must be 1"),
        (
            "AggregateWorkflow",
            json!({ "task": "t", "until": { "seconds": u64::MAX } }),
            "until.seconds must be 1",
        ),
        ("CoordinatorWorkflow", json!(["a", 1]), "sequence"),
    ] {
        let (kind, message) = lab.run(workflow, input.clone()).await.failure().await;
        assert!(kind.contains("InvalidInput"), "{input}: {kind}");
        assert!(message.contains(expected), "{input}: {message}");
    }
    lab.stop_worker().await;
}

#[tokio::test]
async fn a_made_up_past_cannot_wedge_it() {
    let mut lab = Lab::with_worker().await;
    let totals = json!({ "batches": u64::MAX, "messages_processed": u64::MAX });
    let pending =
        json!([{ "text": "x", "received_at": u64::MAX }, { "text": "x".repeat(70_000), "received_at": 0 }]);
    let continued = json!({ "totals": totals, "pending": pending, "rejected": u64::MAX, "stopping": true });
    let run = lab.run("BatchWorkflow", json!({ "task": "t", "continued": continued })).await;
    assert_eq!(run.result().await["messages_processed"], u64::MAX);
    let continued = json!({ "events": [], "rejected": u64::MAX, "sum": f64::MAX, "started_at": u64::MAX, "stopping": false });
    let until = json!({ "condition": { "field": "n", "sum_at_least": f64::MAX }, "seconds": 60 });
    let run =
        lab.run("AggregateWorkflow", json!({ "task": "t", "until": until, "continued": continued })).await;
    run.signal("add_message", json!({ "n": f64::MAX })).await;
    assert_eq!(run.result().await["ended"], "condition");
    lab.stop_worker().await;
}

#[tokio::test]
async fn more_than_fits_is_counted_and_the_result_still_fits() {
    let mut lab = Lab::without_worker().await;
    let run = lab.run("CronWorkflow", "task").await;
    let long = "\u{1}".repeat(10_000);
    for _ in 0..20 {
        run.add(&long).await;
    }
    lab.start_worker();
    assert_eq!(run.result().await["messages_processed"], 17);
    assert_eq!(run.progress().await["rejected"], 3);
    lab.stop_worker().await;
}
