//! A real Temporal server, shared by the tests that run at the same time, and commands for it. Nobody works for the
//! workflows, so they are open until they are terminated.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::ensure;
use chrono::Utc;
use serde_json::Value;
use signalbox_domain::{
    Action, Command, ConflictPolicy, EffectKey, EventRef, JsonText, Origin, Query, Signal, SignalAll, Start,
    StartOptions, Terms, TraceContext, Trigger, WorkflowAction,
};
use signalbox_servers::{Process, TemporalServer};
use signalbox_temporal::{Accepted, Failure, Options, Temporal};
use signalbox_testkit::{eventually, python_worker, temporal_server};
use temporalio_client::{
    NamespacedClient,
    grpc::WorkflowService,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::IndexedValueType,
    history::v1::{HistoryEvent, history_event::Attributes},
    operatorservice::v1::AddSearchAttributesRequest,
    workflowservice::v1::{
        DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse,
        GetWorkflowExecutionHistoryRequest, ListWorkflowExecutionsRequest, TerminateWorkflowExecutionRequest,
    },
};
use tokio::sync::Mutex;

pub const SOON: Duration = Duration::from_secs(30);

pub struct Lab {
    pub temporal: Temporal,
    server: Arc<TemporalServer>,
}

async fn shared_server() -> Arc<TemporalServer> {
    static SERVER: Mutex<Weak<TemporalServer>> = Mutex::const_new(Weak::new());
    let mut place = SERVER.lock().await;
    let server = match place.upgrade() {
        Some(server) => server,
        None => Arc::new(temporal_server(|options| options).await.unwrap()),
    };
    *place = Arc::downgrade(&server);
    server
}

/// The worker in Python, which knows `CronWorkflow`. It goes with the last test that uses it.
pub async fn worker(lab: &Lab) -> Arc<Process> {
    static WORKER: Mutex<Weak<Process>> = Mutex::const_new(Weak::new());
    let mut place = WORKER.lock().await;
    let worker = match place.upgrade() {
        Some(worker) => worker,
        None => {
            let worker = python_worker(&lab.server.address(), []).await.unwrap();
            let (id, name) = (unique("first"), "waiting_for".into());
            lab.first(&of(&id, WorkflowAction::Start(cron_workflow()))).await.unwrap();
            let asked = of(&id, WorkflowAction::Query(Query { name, args: vec![] }));
            eventually(SOON, async || Ok(lab.first(&asked).await?)).await;
            Arc::new(worker)
        }
    };
    *place = Arc::downgrade(&worker);
    worker
}

/// A command of an event of its own, accepted now.
pub fn command(action: Action) -> Command {
    let (source, id) = ("/test".parse().unwrap(), unique("event").parse().unwrap());
    Command {
        effect_key: EffectKey::derive(&source, &id, "r", 0, &action.label(), action.key()),
        origin: Origin {
            event: EventRef { id: id.to_string(), source: source.to_string(), ..Default::default() },
            route: Some("r".into()),
            route_set: String::new(),
            trigger: Trigger::Event,
        },
        reply_to: None,
        trace: TraceContext::default(),
        accepted_at: Utc::now(),
        repeated: false,
        matching: None,
        terms: Terms::default(),
        action,
    }
}

pub fn of(id: &str, action: WorkflowAction) -> Command {
    command(Action::Workflow(id.parse().unwrap(), action))
}

pub fn start() -> Start {
    Start {
        workflow_type: "Nobody".into(),
        task_queue: "nobody".into(),
        args: vec![],
        conflict_policy: ConflictPolicy::Fail,
        options: StartOptions::default(),
    }
}

/// For the worker in Python.
pub fn cron_workflow() -> Start {
    Start {
        workflow_type: "CronWorkflow".into(),
        task_queue: "lab6-queue".into(),
        args: vec![JsonText::from_value(&Value::from("t"))],
        ..start()
    }
}

pub fn signal(name: &str) -> Signal {
    Signal { name: name.into(), args: vec![JsonText::from_value(&Value::from(1))] }
}

pub fn signal_all(query: String, limit: u32) -> Command {
    command(Action::SignalAll(SignalAll { query, signal: signal("to-all"), limit }))
}

/// A text that no other test uses.
pub fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Lab {
    pub async fn new() -> Self {
        let server = shared_server().await;
        let options = Options {
            address: server.address(),
            namespace: "default".into(),
            api_key: None,
            tls: false,
            identity: "test".into(),
        };
        Self { temporal: Temporal::connect_when_up(&options, |_| {}).await.unwrap(), server }
    }

    /// The first time.
    pub async fn first(&self, command: &Command) -> Result<Accepted, Failure> {
        self.temporal.execute(command, false).await
    }

    /// Once more, as after a lost answer. Temporal's index of runs may be behind.
    pub async fn again(&self, command: &Command) -> Result<Accepted, Failure> {
        eventually(SOON, async || {
            let answer = self.temporal.execute(command, true).await;
            let behind = answer.as_ref().is_err_and(|failure| failure.detail.contains("is behind"));
            ensure!(!behind, "{answer:?}");
            Ok(answer)
        })
        .await
    }

    /// A new run of whoever else; gives its run id.
    pub async fn run(&self, id: &str) -> String {
        self.first(&of(id, WorkflowAction::Start(start()))).await.unwrap().run_id
    }

    /// Ends the open run, as whoever else does.
    pub async fn end(&self, id: &str) {
        let request = TerminateWorkflowExecutionRequest {
            namespace: "default".into(),
            workflow_execution: execution(id, ""),
            ..Default::default()
        };
        self.service().terminate_workflow_execution(request.into_request()).await.unwrap();
    }

    /// Ends the open run once it has taken so many updates.
    pub async fn end_after_updates(&self, id: &str, count: usize) {
        let run = self.current(id).await;
        eventually(SOON, async || {
            let taken = self.events(id, &run, |found| {
                matches!(found, Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(_))
            });
            ensure!(taken.await >= count, "fewer updates");
            Ok(())
        })
        .await;
        self.end(id).await;
    }

    pub async fn describe(&self, id: &str, run: &str) -> Result<DescribeWorkflowExecutionResponse, Status> {
        let request =
            DescribeWorkflowExecutionRequest { namespace: "default".into(), execution: execution(id, run) };
        Ok(self.service().describe_workflow_execution(request.into_request()).await?.into_inner())
    }

    /// The current run.
    pub async fn current(&self, id: &str) -> String {
        let described = self.describe(id, "").await.unwrap();
        described.workflow_execution_info.unwrap().execution.unwrap().run_id
    }

    pub async fn history(&self, id: &str, run: &str) -> Vec<HistoryEvent> {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".into(),
            execution: execution(id, run),
            ..Default::default()
        };
        let answer = self.service().get_workflow_execution_history(request.into_request()).await.unwrap();
        answer.into_inner().history.unwrap().events
    }

    /// How many events of a run have these attributes.
    pub async fn events(&self, id: &str, run: &str, wanted: fn(&Attributes) -> bool) -> usize {
        let history = self.history(id, run).await;
        history.iter().filter_map(|event| event.attributes.as_ref()).filter(|found| wanted(found)).count()
    }

    pub async fn signals(&self, id: &str, run: &str) -> usize {
        self.events(id, run, |found| matches!(found, Attributes::WorkflowExecutionSignaledEventAttributes(_)))
            .await
    }

    /// Waits until Temporal's index has so many runs.
    pub async fn indexed(&self, query: &str, count: usize) {
        eventually(SOON, async || {
            let request = ListWorkflowExecutionsRequest {
                namespace: "default".into(),
                query: query.into(),
                ..Default::default()
            };
            let listed = self.service().list_workflow_executions(request.into_request()).await?;
            let found = listed.into_inner().executions.len();
            ensure!(found == count, "{found} of {count} for {query}");
            Ok(())
        })
        .await;
    }

    pub async fn search_attributes(&self, attributes: &[(&str, IndexedValueType)]) {
        let add = AddSearchAttributesRequest {
            namespace: self.temporal.client().namespace(),
            search_attributes: attributes.iter().map(|(name, kind)| ((*name).into(), *kind as i32)).collect(),
        };
        let mut operator = self.temporal.client().connection().operator_service();
        operator.add_search_attributes(add.into_request()).await.unwrap();
    }

    fn service(&self) -> Box<dyn WorkflowService> {
        self.temporal.client().connection().workflow_service()
    }
}

fn execution(id: &str, run: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: id.into(), run_id: run.into() })
}
