//! One push webhook, from GitHub's call to the result of the workflow that it starts.

mod links;
mod push;
mod steps;

use clap::{Args, ValueHint};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use signalbox_ingress::Secrets;

use super::{LookArgs, Run};
use crate::api::{Answer, Api};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use links::Links;
use push::Push;
use steps::Steps;

/// What the workflow is told.
const MESSAGES: [&str; 2] = ["the build passed", "the tests passed"];

/// Drive a push webhook to the result of a workflow, and show each step
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox demo
  signalbox demo --json
  signalbox demo --jaeger-ui http://localhost:16686

It needs a running stack with the route `deploy-on-push` of routes/github.yaml, and may be run again and again.")]
pub struct Demo {
    /// Secret that the webhook is signed with; of several with commas between, the first
    #[arg(long, env = "SIGNALBOX_GITHUB_SECRETS", hide_env_values = true, value_name = "SECRET",
          value_hint = ValueHint::Other)]
    github_secret: Option<Secrets>,

    /// Where people find the Temporal Web UI
    #[arg(long, env = "SIGNALBOX_TEMPORAL_UI", default_value = "http://localhost:8233", value_name = "URL",
          value_hint = ValueHint::Url)]
    temporal_ui: String,

    /// Namespace that the links to the Temporal Web UI name
    #[arg(long, env = "TEMPORAL_NAMESPACE", default_value = "default", value_name = "NAME",
          value_hint = ValueHint::Other)]
    temporal_namespace: String,

    /// Where people find Jaeger
    #[arg(long, env = "SIGNALBOX_JAEGER_UI", default_value = "http://localhost:16686", value_name = "URL",
          value_hint = ValueHint::Url)]
    jaeger_ui: String,

    #[command(flatten)]
    look: LookArgs,
}

impl Run for Demo {
    fn output(&self) -> Output {
        self.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let api = Api::new(&self.look.api)?;
        let mut steps = Steps::new(self.look.output);
        let push = Push::fresh();
        let said = |answer: &Answer| format!("{}: {}", push.repository, started(answer));
        let answer = steps.take("push", api.send(self.signed(&api, &push)?), said).await?;
        let run = Started::read(&answer)?;
        let result = drive(&api, &mut steps, &run.workflow_id).await?;

        let links = Links {
            temporal: links::temporal(
                &self.temporal_ui,
                &self.temporal_namespace,
                &run.workflow_id,
                &run.run_id,
            ),
            trace: answer.trace_id().map(|id| links::trace(&self.jaeger_ui, id)),
        };
        let report = json!({
            "repository": push.repository, "event_id": answer.text("event_id"),
            "workflow_id": run.workflow_id, "run_id": run.run_id, "trace_id": answer.trace_id(),
            "steps": steps.values(), "result": result, "links": links.value(),
        });
        self.look.output.show(&report, || links.text())?;
        Ok(Exit::Done)
    }
}

impl Demo {
    fn signed(&self, api: &Api, push: &Push) -> Result<RequestBuilder, Failure> {
        let call = api.call(Method::POST, &["webhook", "github"])?;
        Ok(push.sent(call, self.github_secret.as_ref().and_then(|secrets| secrets.exposed().next())))
    }
}

/// Signals the workflow, asks it, stops it, and waits for its result.
async fn drive(api: &Api, steps: &mut Steps, id: &str) -> Result<Value, Failure> {
    for message in MESSAGES {
        let call = api.call(Method::POST, &["signal-workflow", id])?.query(&[("message", message)]);
        steps.take("signal", api.send(call), |_| format!("add_message: {message}")).await?;
    }
    let call = api.call(Method::GET, &["workflows", id, "queries", "progress"])?;
    steps.take("query", api.send(call), progress).await?;
    let call = api.call(Method::POST, &["stop-workflow", id])?;
    steps.take("stop", api.send(call), |_| "stop_processing".to_owned()).await?;
    let call = api.call(Method::GET, &["workflow-result", id])?.query(&[("wait", "30s")]);
    let answer = steps.take("result", api.send(call), |answer| answer.body.to_string()).await?;
    Ok(answer.body)
}

/// The run that the push has started.
struct Started {
    workflow_id: String,
    run_id: String,
}

impl Started {
    fn read(answer: &Answer) -> Result<Self, Failure> {
        let effect = &answer.body["workflows"][0];
        let field = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
        match field("result").as_str() {
            "started" | "deduplicated" => {
                Ok(Self { workflow_id: field("workflow_id"), run_id: field("run_id") })
            }
            "" => Err(Failure::other(Exit::Failed, "no route wants the push")
                .with_tip("the signal-router's --routes needs routes/github.yaml")),
            result => Err(Failure::other(Exit::Failed, format!("the push is {result}: {}", field("detail")))),
        }
    }
}

fn progress(answer: &Answer) -> String {
    format!("progress: {} messages so far", answer.body["messages_processed"])
}

fn started(answer: &Answer) -> String {
    let effect = &answer.body["workflows"][0];
    let field = |name: &str| effect[name].as_str().unwrap_or_default();
    match field("workflow_id") {
        "" => "stored".to_owned(),
        id => format!("{} {id} by the route {}", field("result"), field("route")),
    }
}
