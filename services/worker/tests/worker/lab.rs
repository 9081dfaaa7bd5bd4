//! A real Temporal server, shared by the tests that run at the same time, and a worker for each test.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use signalbox_servers::{Binary, INSTALL_DIR, TemporalOptions, TemporalServer, locate};
use signalbox_service::Process;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::grpc::WorkflowService;
use temporalio_client::tonic::IntoRequest;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, NamespacedClient, UntypedQuery, UntypedSignal,
    WorkflowExecutionInfo, WorkflowHandle, WorkflowQueryOptions, WorkflowSignalOptions,
};
use temporalio_common::UntypedWorkflow;
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::{
    Payload, Payloads, TimeSkippingConfig, WorkflowType,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A history of this many events is long: workflows continue as new.
pub const LONG_HISTORY: usize = 60;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

static SERVER: Mutex<Weak<TemporalServer>> = Mutex::const_new(Weak::new());

async fn shared_server() -> Arc<TemporalServer> {
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(TemporalServer::start(server_options()).await.unwrap());
    *shared = Arc::downgrade(&server);
    server
}

/// A server that skips time for runs that ask for it.
pub fn server_options() -> TemporalOptions {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let binary = locate(Binary::Temporal, &workspace.join(INSTALL_DIR)).unwrap();
    TemporalOptions::new(binary).dynamic_config([
        "frontend.WorkflowTimeSkippingEnabled=true".to_owned(),
        format!("limit.historyCount.suggestContinueAsNew={LONG_HISTORY}"),
    ])
}

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    options: signalbox_worker::Options,
}

/// The options of a worker for `queue`, as the command line gives them.
pub fn worker_options(address: &str, queue: &str) -> signalbox_worker::Options {
    let flags = ["worker", "--listen", "127.0.0.1:0", "--temporal-address", address, "--task-queue", queue];
    CommandLine::parse_from(flags).options
}

/// A task queue of its own with a worker on it.
pub struct Lab {
    pub client: Client,
    pub queue: String,
    pub address: String,
    stop: CancellationToken,
    worker: JoinSet<anyhow::Result<()>>,
    _server: Option<Arc<TemporalServer>>,
}

impl Lab {
    pub async fn with_worker() -> Self {
        let mut lab = Self::without_worker().await;
        lab.start_worker();
        lab
    }

    pub async fn without_worker() -> Self {
        let server = shared_server().await;
        let lab = Self::at(&server.address(), &format!("test-{}", uuid::Uuid::now_v7())).await;
        Self { _server: Some(server), ..lab }
    }

    /// On a server that the test owns.
    pub async fn at(address: &str, queue: &str) -> Self {
        Self {
            client: client(&format!("http://{address}")).await,
            queue: queue.to_owned(),
            address: address.to_owned(),
            stop: CancellationToken::new(),
            worker: JoinSet::new(),
            _server: None,
        }
    }

    pub fn start_worker(&mut self) {
        self.stop = CancellationToken::new();
        let process = Process::with_stop("worker", self.stop.clone());
        self.worker.spawn(signalbox_worker::run_in(process, worker_options(&self.address, &self.queue)));
    }

    /// Stops the worker, which must end without an error.
    pub async fn stop_worker(&mut self) {
        self.stop.cancel();
        let ended = within("the worker's end", self.worker.join_next()).await;
        ended.expect("there is no worker").unwrap().unwrap();
    }

    /// Starts a run; its timers fire without waiting when nothing else is to be done.
    pub async fn skipping_time(&self, workflow: &str, input: impl Into<Arguments>) -> Run {
        self.start(&new_id(workflow), workflow, input.into(), true).await
    }

    /// Starts a run.
    pub async fn run(&self, workflow: &str, input: impl Into<Arguments>) -> Run {
        self.run_as(&new_id(workflow), workflow, input).await
    }

    /// Starts a run under this id.
    pub async fn run_as(&self, id: &str, workflow: &str, input: impl Into<Arguments>) -> Run {
        self.start(id, workflow, input.into(), false).await
    }

    async fn start(&self, id: &str, workflow: &str, input: Arguments, skip: bool) -> Run {
        let request = StartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            request_id: id.to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(WorkflowType { name: workflow.to_owned() }),
            task_queue: Some(TaskQueue { name: self.queue.clone(), ..TaskQueue::default() }),
            input: Some(Payloads { payloads: input.0 }),
            time_skipping_config: skip
                .then(|| TimeSkippingConfig { enabled: true, ..TimeSkippingConfig::default() }),
            ..StartWorkflowExecutionRequest::default()
        };
        self.client.connection().clone().start_workflow_execution(request.into_request()).await.unwrap();
        self.existing(id)
    }

    /// The run of a workflow that something else started.
    pub fn existing(&self, id: &str) -> Run {
        Run { id: id.to_owned(), handle: self.client.get_workflow_handle(id) }
    }

    /// One of the runs that continue each other.
    pub fn one_run(&self, id: &str, run_id: &str) -> Run {
        let info =
            WorkflowExecutionInfo::builder().namespace("default").workflow_id(id).run_id(run_id).build();
        Run { id: id.to_owned(), handle: info.bind_untyped(self.client.clone()) }
    }
}

fn new_id(workflow: &str) -> String {
    format!("{workflow}-{}", uuid::Uuid::now_v7())
}

pub async fn client(url: &str) -> Client {
    let connection = Connection::connect(
        ConnectionOptions::new(url.parse::<temporalio_client::Url>().unwrap()).identity("test").build(),
    )
    .await
    .unwrap();
    Client::new(connection, ClientOptions::new("default").build()).unwrap()
}

/// Payloads as they are sent.
#[derive(Clone, Debug)]
pub struct Arguments(pub Vec<Payload>);

impl From<Value> for Arguments {
    fn from(json: Value) -> Self {
        Self(vec![payload("json/plain", json.to_string())])
    }
}

impl From<&str> for Arguments {
    fn from(text: &str) -> Self {
        Value::from(text).into()
    }
}

pub fn payload(encoding: &str, data: impl Into<Vec<u8>>) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), encoding.into())].into(),
        data: data.into(),
        ..Payload::default()
    }
}

/// A workflow that was started, and the runs that continue it.
pub struct Run {
    pub id: String,
    pub handle: WorkflowHandle<Client, UntypedWorkflow>,
}

impl Run {
    pub async fn signal(&self, name: &str, arguments: impl Into<Arguments>) {
        let arguments = RawValue::new(arguments.into().0);
        let options = WorkflowSignalOptions::default();
        self.handle.signal(UntypedSignal::new(name), arguments, options).await.unwrap();
    }

    pub async fn add(&self, text: &str) {
        self.signal("add_message", text).await;
    }

    pub async fn stop(&self) {
        self.signal("stop_processing", Arguments(vec![])).await;
    }

    /// The same for a run that may have ended.
    pub async fn stop_if_running(&self) {
        let options = WorkflowSignalOptions::default();
        self.handle.signal(UntypedSignal::new("stop_processing"), RawValue::new(vec![]), options).await.ok();
    }

    pub async fn query(&self, name: &str, arguments: impl Into<Arguments>) -> Value {
        let arguments = RawValue::new(arguments.into().0);
        let query = self.handle.query(UntypedQuery::new(name), arguments, WorkflowQueryOptions::default());
        json(&within("a query", query).await.unwrap())
    }

    pub async fn progress(&self) -> Value {
        self.query("progress", Arguments(vec![])).await
    }

    /// Queries until `field` is `expected`.
    pub async fn until(&self, field: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        let reached = async {
            while self.progress().await[field] != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        within(&format!("{field} = {expected}"), reached).await;
    }

    /// What the last run returned.
    pub async fn result(&self) -> Value {
        let result = within("the result", self.handle.get_result(Default::default())).await;
        json(&result.unwrap())
    }

    /// The failure's type and message.
    pub async fn failure(&self) -> (String, String) {
        match within("the failure", self.handle.get_result(Default::default())).await {
            Err(WorkflowGetResultError::Failed(error)) => {
                let failure = error.failure().clone();
                (format!("{:?}", failure.failure_info), failure.message)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn json(value: &RawValue) -> Value {
    serde_json::from_slice(&value.payloads[0].data).unwrap()
}

/// Fails the test when `future` takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}
