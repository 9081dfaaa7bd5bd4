use reqwest::Method;
use signalbox_domain::{ConflictPolicy, EventRef, JsonText, Origin, Start, StartOptions, Trigger};
use signalbox_proto::names::lab;
use signalbox_service::TemporalArgs;
use signalbox_telemetry::Chain;
use signalbox_temporal::{Options, Temporal};
use uuid::Uuid;

use crate::api::{Answer, Api, ApiArgs};
use crate::exit::Exit;
use crate::failure::Failure;

/// What the workflows that are started call their task.
const TASK: &str = "bench";

/// One of the two that are compared.
pub struct Side {
    /// For people.
    pub name: String,
    api: Api,
    /// Starts go this way, if there is one; all else goes over the API.
    direct: Option<Temporal>,
}

impl Side {
    /// Starts over HTTP.
    ///
    /// # Errors
    /// When nobody can vouch for the API.
    pub fn http(api: &ApiArgs) -> Result<Self, Failure> {
        let api = Api::new(api)?;
        Ok(Self { name: api.shown(), api, direct: None })
    }

    /// Starts with Temporal's own client, in the Temporal of the API.
    pub async fn direct(temporal: &TemporalArgs, api: &ApiArgs) -> Result<Self, Failure> {
        let connected = Temporal::connect(&Options::new(temporal, "signalbox-bench")).await;
        let temporal = connected.map_err(|error| {
            Failure::other(Exit::Unavailable, Chain(&error).to_string())
                .with_tip("--temporal-address or TEMPORAL_ADDRESS says where the API's Temporal is")
        })?;
        Ok(Self { name: "direct client".to_owned(), api: Api::new(api)?, direct: Some(temporal) })
    }

    /// Starts a workflow; Temporal has accepted it when this returns.
    pub async fn start(&self, workflow_id: &str) -> Result<(), Failure> {
        let Some(temporal) = &self.direct else {
            let call = self.api.call(Method::POST, &["trigger-workflow", workflow_id])?;
            return done(self.api.send(call.query(&[("name", TASK)])).await?);
        };
        let started = temporal.start_directly(workflow_id, &start(), &origin()).await;
        started.map_err(|error| Failure::other(Exit::Failed, Chain(&error).to_string()))
    }

    /// Stops a workflow and waits for its result.
    pub async fn end(&self, workflow_id: &str) -> Result<(), Failure> {
        let stop = self.api.call(Method::POST, &["stop-workflow", workflow_id])?;
        let stopped = self.api.send(stop).await;
        done(stopped.map_err(|error| match error.exit() {
            Exit::NotFound => self.unknown(workflow_id),
            _ => error.into(),
        })?)?;
        done(self.api.get(&["workflow-result", workflow_id]).await?)
    }

    fn unknown(&self, workflow_id: &str) -> Failure {
        let detail = format!("{} does not know {workflow_id}, which was started", self.api.shown());
        Failure::other(Exit::Failed, detail)
            .with_tip("does --temporal-address say where this API's Temporal is?")
    }
}

/// What the API starts when it is told to trigger.
fn start() -> Start {
    Start {
        workflow_type: lab::CRON_WORKFLOW.into(),
        task_queue: lab::TASK_QUEUE.into(),
        args: vec![JsonText::from_value(&TASK.into())],
        conflict_policy: ConflictPolicy::Fail,
        options: StartOptions::default(),
    }
}

/// What a run says of where it comes from, in the same words and length as one through the API.
fn origin() -> Origin {
    let event = EventRef {
        id: Uuid::now_v7().to_string(),
        source: "/signalbox/bench".into(),
        r#type: "signalbox.bench.start".into(),
        ..Default::default()
    };
    Origin { event, route: None, route_set: String::new(), trigger: Trigger::Cli }
}

/// What is only accepted cannot be measured.
fn done(answer: Answer) -> Result<(), Failure> {
    if !answer.is_pending() {
        return Ok(());
    }
    Err(Failure::other(Exit::Pending, format!("no end within the API's wait: {}", answer.text("detail")))
        .with_tip("`signalbox doctor` looks for what is wrong"))
}
