//! What workflows say and return.

use std::time::Duration;

use chrono::Utc;
use clap::{Args, ValueHint};
use reqwest::Method;
use serde_json::Value;
use signalbox_domain::WorkflowId;

use super::{LookArgs, Run};
use crate::api::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::{self, Details, time};
use crate::watch::{Sight, WatchArgs};

/// Wait for the end of a workflow, and print its result
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox result hello
  signalbox result hello --timeout 30s
  signalbox result hello --json | tee result.json

Exits with 4 if the workflow still runs when the time is over, and with 1 if it ended without a result.")]
pub struct ResultOf {
    /// Id of the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    /// How long to wait, such as 30s; until the workflow ends, if it is not given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,

    #[command(flatten)]
    look: LookArgs,
}

/// Ask a workflow how far it is
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox query hello
  signalbox query hello progress --json
  signalbox query hello --watch --interval 500ms")]
pub struct Query {
    /// Id of the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    /// Name of the query
    #[arg(default_value = "progress", value_hint = ValueHint::Other)]
    name: String,

    #[command(flatten)]
    watch: WatchArgs,

    #[command(flatten)]
    look: LookArgs,
}

/// Tell what Temporal knows of a workflow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox describe hello
  signalbox describe hello --watch")]
pub struct Describe {
    /// Id of the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    #[command(flatten)]
    watch: WatchArgs,

    #[command(flatten)]
    look: LookArgs,
}

impl Run for ResultOf {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let api = Api::new(&self.look.api)?;
        let id = self.workflow_id.as_str();
        let mut call = api.call(Method::GET, &["workflow-result", id])?;
        call = match self.timeout {
            Some(wait) => call
                .query(&[("wait", humantime::format_duration(wait).to_string())])
                .timeout(wait.saturating_add(Duration::from_secs(30))),
            // As long as it takes: the answer comes with the workflow's end.
            None => call.timeout(Duration::MAX),
        };
        let answer = api.send(call).await?;
        if answer.is_pending() {
            self.look.output.show(&answer.body, || {
                Details::of("running", id).with("run", answer.text("run_id")).to_string()
            })?;
            return Ok(Exit::Pending);
        }
        self.look.output.show(&answer.body, || text::json(&answer.body))?;
        Ok(Exit::Done)
    }
}

impl Run for Query {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let api = Api::new(&self.look.api)?;
        let id = self.workflow_id.as_str();
        let look = async || {
            let run = if self.watch.goes_on() { Some(api.get(&["workflows", id]).await?) } else { None };
            let answer = api.get(&["workflows", id, "queries", &self.name]).await?;
            // What was asked after the end is the last word.
            let last = run.is_some_and(|run| run.text("status") != "running");
            Ok(Sight { text: text::json(&answer.body), value: answer.body, last })
        };
        self.watch.run(self.look.output, look).await
    }
}

impl Run for Describe {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let api = Api::new(&self.look.api)?;
        let id = self.workflow_id.as_str();
        let look = async || {
            let answer = api.get(&["workflows", id]).await?;
            let last = answer.text("status") != "running";
            Ok(Sight { text: description(&answer.body), value: answer.body, last })
        };
        self.watch.run(self.look.output, look).await
    }
}

fn description(run: &Value) -> String {
    let field = |pointer: &str| run.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let now = Utc::now();
    let at = |pointer: &str| {
        let time = time::read(field(pointer));
        time.map(|time| format!("{} ({})", time::local(time, now), time::relative(time, now)))
            .unwrap_or_default()
    };
    Details::of(field("/status"), field("/workflow_id"))
        .with("type", field("/type"))
        .with("run", field("/run_id"))
        .with("task queue", field("/task_queue"))
        .with("started", at("/start_time"))
        .with("closed", at("/close_time"))
        .with("triggered by", field("/search_attributes/SignalboxTrigger"))
        .with("route", field("/memo/signalbox/route"))
        .with("schedule", field("/memo/signalbox/schedule_id"))
        .with("event", field("/memo/signalbox/event_id"))
        .with("history", format!("{} events", run["history_length"]))
        .to_string()
}
