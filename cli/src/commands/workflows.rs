//! Start, signal and stop.

use clap::{Args, ValueHint};
use reqwest::Method;
use signalbox_domain::WorkflowId;

use super::{CallArgs, Run, pending, traced};
use crate::api::{Answer, Api};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::Details;

/// Start a workflow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox trigger hello
  signalbox trigger hello-ada --name Ada
  signalbox trigger order-7 --idempotency-key order-7-paid --json")]
pub struct Trigger {
    /// Id for the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    /// What the workflow calls its task
    #[arg(long, default_value = "CLI Triggered", value_name = "TEXT", value_hint = ValueHint::Other)]
    name: String,

    #[command(flatten)]
    call: CallArgs,
}

/// Send a message to a running workflow
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox signal hello 'the first message'
  signalbox signal hello -- --json is not a flag here")]
pub struct Signal {
    /// Id of the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    /// The message; several words become one text
    #[arg(required = true, value_hint = ValueHint::Other)]
    message: Vec<String>,

    #[command(flatten)]
    call: CallArgs,
}

/// Have a running workflow end with what it has
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox stop hello")]
pub struct Stop {
    /// Id of the workflow
    #[arg(value_hint = ValueHint::Other)]
    workflow_id: WorkflowId,

    #[command(flatten)]
    call: CallArgs,
}

impl Run for Trigger {
    fn output(&self) -> Output {
        self.call.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        post(&self.call, "trigger-workflow", &self.workflow_id, &[("name", &self.name)]).await
    }
}

impl Run for Signal {
    fn output(&self) -> Output {
        self.call.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let message = self.message.join(" ");
        post(&self.call, "signal-workflow", &self.workflow_id, &[("message", &message)]).await
    }
}

impl Run for Stop {
    fn output(&self) -> Output {
        self.call.look.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        post(&self.call, "stop-workflow", &self.workflow_id, &[]).await
    }
}

async fn post(
    call: &CallArgs,
    what: &str,
    workflow_id: &WorkflowId,
    query: &[(&str, &str)],
) -> Result<Exit, Failure> {
    let api = Api::new(&call.look.api)?;
    let request = api.call(Method::POST, &[what, workflow_id.as_str()])?.query(query);
    let answer = call.send(&api, request).await?;
    let output = call.look.output;
    if answer.is_pending() {
        return pending(output, workflow_id.as_str(), &answer);
    }
    output.show(&traced(&answer), || done(workflow_id, &answer))?;
    Ok(Exit::Done)
}

fn done(workflow_id: &WorkflowId, answer: &Answer) -> String {
    // A start tells its status, a signal that it was sent.
    let status = [answer.text("status"), answer.text("signal")].concat();
    Details::of(status, workflow_id.as_str())
        .with("message", answer.text("message"))
        .with("run", answer.text("run_id"))
        .with("event", answer.text("event_id"))
        .with("trace", answer.trace_id().unwrap_or_default())
        .to_string()
}
