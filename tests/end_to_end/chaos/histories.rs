//! What happened in Temporal, as its histories have it, whatever workflows and workers say.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Client;
use serde_json::Value;
use signalbox_servers::local_http;
use signalbox_testkit::eventually;

/// Histories that are read at once.
const AT_ONCE: usize = 8;

/// The marks of each workflow in the order in which they came, all its runs one after the other.
pub type Marks = BTreeMap<String, Vec<String>>;

pub struct Histories {
    http: Client,
    base: String,
}

impl Histories {
    pub fn of(http_port: u16) -> anyhow::Result<Self> {
        let http = local_http().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, base: format!("http://127.0.0.1:{http_port}/api/v1/namespaces/default/workflows") })
    }

    /// Of all runs that there are.
    pub async fn marks(&self) -> anyhow::Result<Marks> {
        let runs = self.runs().await?;
        let read = runs.into_iter().map(async |(workflow, run)| {
            let events = self.events(&workflow, &run).await?;
            let began = events.first().map(|event| event["eventTime"].to_string()).unwrap_or_default();
            let marks: Vec<_> = events.iter().flat_map(marks_of).collect();
            anyhow::Ok((workflow, began, marks))
        });
        let mut runs: Vec<_> = stream::iter(read).buffer_unordered(AT_ONCE).try_collect().await?;
        runs.sort();
        let mut all = Marks::new();
        for (workflow, _, marks) in runs {
            all.entry(workflow).or_default().extend(marks);
        }
        Ok(all)
    }

    /// Waits until Temporal's index of runs, which lags behind, knows this one.
    pub async fn are_indexed_up_to(&self, workflow_id: &str) {
        eventually(Duration::from_secs(60), async || {
            let known = self.runs().await?.into_iter().any(|(known, _)| known == workflow_id);
            ensure!(known, "{workflow_id} is not in the index");
            Ok(())
        })
        .await;
    }

    /// One workflow's history, run by run, for whoever looks for what went wrong.
    pub async fn told(&self, workflow_id: &str) -> anyhow::Result<String> {
        let mut told = String::new();
        for (_, run) in self.runs().await?.into_iter().filter(|(workflow, _)| workflow == workflow_id) {
            told.push_str(&format!("  run {run}\n"));
            for event in self.events(workflow_id, &run).await? {
                let (kind, time) = (event["eventType"].as_str().unwrap_or_default(), &event["eventTime"]);
                let interesting = !kind.contains("WORKFLOW_TASK");
                if interesting {
                    told.push_str(&format!("    {time} {kind} {}\n", marks_of(&event).join(" ")));
                }
            }
        }
        Ok(told)
    }

    async fn runs(&self) -> anyhow::Result<Vec<(String, String)>> {
        let pages = self.pages(&self.base, &[("pageSize", "500")], "/executions").await?;
        let text = |run: &Value, field: &str| {
            run["execution"][field].as_str().map(str::to_owned).context("a run without ids")
        };
        pages.iter().map(|run| Ok((text(run, "workflowId")?, text(run, "runId")?))).collect()
    }

    async fn events(&self, workflow: &str, run: &str) -> anyhow::Result<Vec<Value>> {
        let url = format!("{}/{workflow}/history", self.base);
        self.pages(&url, &[("execution.runId", run)], "/history/events").await
    }

    async fn pages(&self, url: &str, query: &[(&str, &str)], items: &str) -> anyhow::Result<Vec<Value>> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let request = self.http.get(url).query(query).query(&[("nextPageToken", &token)]);
            let answer = request.send().await?.error_for_status()?;
            let page: Value = answer.json().await?;
            all.extend(page.pointer(items).and_then(Value::as_array).into_iter().flatten().cloned());
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => return Ok(all),
            }
        }
    }
}

/// The marks that came with one event of a history: those of a start, a signal or an update.
fn marks_of(event: &Value) -> Vec<String> {
    const ARGUMENTS: [&str; 3] = [
        "/workflowExecutionStartedEventAttributes/input",
        "/workflowExecutionSignaledEventAttributes/input",
        "/workflowExecutionUpdateAcceptedEventAttributes/acceptedRequest/input/args",
    ];
    let payloads = ARGUMENTS.into_iter().filter_map(|place| event.pointer(place)).flat_map(payloads);
    payloads.filter(|text| is_mark(text)).collect()
}

/// As the HTTP API has them: plain JSON, or an object with their bytes.
fn payloads(arguments: &Value) -> Vec<String> {
    let of = |payload: &Value| match payload {
        Value::String(text) => Some(text.clone()),
        other => {
            let data = STANDARD.decode(other["data"].as_str()?).ok()?;
            serde_json::from_slice(&data).ok()
        }
    };
    let list = arguments.as_array().or_else(|| arguments["payloads"].as_array());
    list.into_iter().flatten().filter_map(of).collect()
}

/// `k<key>-<number>`.
fn is_mark(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('k').and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(key, count)| number(key) && number(count))
}
