//! The schedules of the scenarios, as `examples/schedules` declares them.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use signalbox_testkit::{Api, Stack, eventually};

use crate::{SIGNALBOX, SOON, cli::Cli, described, expect};

/// Triggers a schedule, and tells its run.
async fn fire(api: &Api, id: &str) -> String {
    let fired = api.request(Method::POST, &format!("/schedules/{id}/trigger")).send().await.unwrap();
    assert_eq!(fired.status(), 200, "{id}");
    eventually(SOON, async || {
        let view = api.get(&format!("/schedules/{id}")).await?.body;
        let run = view["recent_runs"][0]["workflow_id"].as_str().map(str::to_owned);
        ensure!(run.is_some(), "{view}");
        Ok(run.unwrap_or_default())
    })
    .await
}

async fn result(api: &Api, id: &str) -> Value {
    let result = api.get(&format!("/workflow-result/{id}")).await.unwrap();
    expect(&result, 200);
    result.body
}

async fn post(api: &Api, path: &str, body: Value) {
    let answer = api.request(Method::POST, path).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_has_its_schedule() {
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let (api, cli) = (stack.api(), Cli::to(&stack));
    let examples = signalbox_testkit::root().join("examples/schedules");
    cli.json(&["apply", examples.to_str().unwrap(), "--wait=30s"]).await;
    eventually(SOON, async || {
        let plan = cli.json(&["schedule", "plan"]).await;
        ensure!(plan["steps"] == json!([]) && plan["unchanged"] == 5, "{plan}");
        Ok(())
    })
    .await;

    // The shop: the day's orders are what its report tells.
    for total in [20, 30] {
        post(&api, "/events/shop.order.placed", json!({ "total": total })).await;
    }
    eventually(SOON, async || {
        let day = api.get("/workflows/shop-day/queries/progress").await?;
        ensure!(day.body["count"] == 2, "{}", day.body);
        Ok(())
    })
    .await;
    fire(&api, "daily-report").await;
    let report = result(&api, "shop-day").await;
    assert_eq!((&report["count"], &report["ended"]), (&json!(2), &json!("stopped")), "{report}");

    // The pipeline: a build that would go on for ever ends.
    let build = json!({ "workflow_id": "build-7", "type": "AggregateWorkflow", "args": ["a build"] });
    post(&api, "/workflows", build).await;
    eventually(SOON, async || {
        let listed = api.get("/workflows?query=WorkflowId%20STARTS_WITH%20'build-'").await?.body;
        ensure!(listed["workflows"].as_array().is_some_and(|found| found.len() == 1), "{listed}");
        Ok(())
    })
    .await;
    fire(&api, "nightly-clean-up").await;
    assert_eq!(result(&api, "build-7").await["ended"], "stopped");

    // Financial data: a child for each part, which has heard that the exchange has closed.
    let run = fire(&api, "end-of-day-report").await;
    let report = eventually(SOON, async || {
        let told = api.get(&format!("/workflows/{run}/queries/progress")).await?;
        ensure!(told.body["started"] == 3, "{}", told.body);
        Ok(told.body)
    })
    .await;
    assert_eq!(described(&api, &run).await["search_attributes"]["SignalboxTrigger"], "schedule", "{report}");

    // Devices: status is gathered, and readings are taken.
    for (id, kind) in [("hourly-health-check", "AggregateWorkflow"), ("readings", "BatchWorkflow")] {
        let run = described(&api, &fire(&api, id).await).await;
        assert_eq!((&run["type"], &run["status"]), (&json!(kind), &json!("running")), "{run}");
    }
}
