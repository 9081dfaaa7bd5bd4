//! What an operator sees: logs, metrics, and the trigger in Temporal's own list.

use anyhow::{Context, ensure};
use serde_json::Value;
use signalbox_servers::local_http;
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, expect, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn each_service_on_the_way_logs_the_events_id() {
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let answer = stack.api.post("/trigger-workflow/logged").await.unwrap();
    expect(&answer, 200);
    let made = stack.api.post("/schedule-workflow/logged?cron=0%200%201%201%20*").await.unwrap();
    expect(&made, 200);
    for service in [Service::Ingress, Service::SignalRouter, Service::Worker] {
        let line = eventually(SOON, async || {
            let log = stack.log(service);
            let mut lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["event.id"] == answer.body["event_id"]).context(log.join("\n"))
        })
        .await;
        assert_eq!(line["workflow.id"], "logged", "{line}");
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    eventually(SOON, async || {
        let log = stack.log(Service::SchedulerManager).join("\n");
        ensure!(log.lines().any(|line| line.contains("schedule made") && line.contains("event.id")), "{log}");
        Ok(())
    })
    .await;
    for service in Service::ALL {
        assert_eq!(stack.ask(service, "/healthz").await.unwrap().status, 200);
        let metrics = stack.ask(service, "/metrics").await.unwrap();
        let text = metrics.body.as_str().unwrap();
        assert!(text.contains("signalbox_build_info") && text.ends_with("# EOF\n"), "{service:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporal_can_be_asked_for_what_was_triggered_how() {
    let (stack, api) = shared().await;
    let id = unique("searched");
    expect(&api.post(&format!("/trigger-workflow/{id}")).await.unwrap(), 200);
    let http = format!("http://127.0.0.1:{}/api/v1/namespaces/default/workflows", stack.temporal.http_port());
    let listed = async |trigger: &str| -> anyhow::Result<String> {
        let query = format!("SignalboxTrigger = '{trigger}' AND WorkflowId = '{id}'");
        let client = local_http().build()?;
        Ok(client.get(&http).query(&[("query", query)]).send().await?.error_for_status()?.text().await?)
    };
    eventually(SOON, async || {
        let found = listed("http").await?;
        ensure!(found.contains(&id), "{found}");
        Ok(())
    })
    .await;
    assert!(!listed("event").await.unwrap().contains(&id));
}
