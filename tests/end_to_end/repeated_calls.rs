//! Calls that are repeated under their key when JetStream has forgotten their message.

use serde_json::json;
use signalbox_testkit::{Answer, Api, Service, Stack};

use crate::{SIGNALBOX, described, expect};

async fn call(api: &Api, path: &str, key: &str) -> Answer {
    let answer = api.post_body(path, &[("Idempotency-Key", key)], "").await.unwrap();
    expect(&answer, 200);
    answer
}

async fn ends(api: &Api, workflow_id: &str) {
    expect(&api.post(&format!("/stop-workflow/{workflow_id}")).await.unwrap(), 200);
    expect(&api.get(&format!("/workflow-result/{workflow_id}")).await.unwrap(), 200);
}

/// JetStream knows a message again for two minutes, but one that is gone from a work queue only until the server ends.
/// Temporal knows a request again in the latest run, and there has been another since.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_again_after_all_have_died_have_no_effect() {
    let mut stack = Stack::start(SIGNALBOX).await.unwrap();
    let api = stack.api();
    let started = call(&api, "/trigger-workflow/late", "start-late").await;
    call(&api, "/signal-workflow/late?message=once", "signal-late").await;
    ends(&api, "late").await;
    let other = call(&api, "/trigger-workflow/late", "another").await;
    stack.kill(Service::SignalRouter).unwrap();
    stack.nats.kill().unwrap();
    stack.nats.start_again().await.unwrap();
    stack.launch(Service::SignalRouter).unwrap();
    stack.wait_until_open().await;

    call(&api, "/signal-workflow/late?message=once", "signal-late").await;
    ends(&api, "late").await;
    let result = api.get("/workflow-result/late").await.unwrap();
    assert_eq!(result.body["messages"], json!([]), "the other run has not been signalled");
    let again = call(&api, "/trigger-workflow/late", "start-late").await;
    assert_eq!(again.text("run_id"), started.text("run_id"));
    assert_eq!(described(&api, "late").await["run_id"], other.body["run_id"], "no third run");
}
