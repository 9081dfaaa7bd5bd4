//! A real Temporal server, shared by the tests that run at the same time, and a worker for each test.

use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use signalbox_servers::{Binary, NatsServer, TemporalOptions, TemporalServer};
use signalbox_service::Process;
use signalbox_testkit::{binary, nats_server};
use signalbox_workflows::TRACE_HEADER;
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
    Header, Payload, Payloads, TimeSkippingConfig, WorkflowType,
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

/// The servers that tests share.
pub struct Servers {
    pub temporal: TemporalServer,
    pub nats: NatsServer,
}

static SERVERS: Mutex<Weak<Servers>> = Mutex::const_new(Weak::new());

async fn shared_servers() -> Arc<Servers> {
    let mut shared = SERVERS.lock().await;
    if let Some(servers) = shared.upgrade() {
        return servers;
    }
    let temporal = TemporalServer::start(server_options()).await.unwrap();
    let servers = Arc::new(Servers { temporal, nats: nats_server().await.unwrap() });
    *shared = Arc::downgrade(&servers);
    servers
}

/// A server that skips time for runs that ask for it.
pub fn server_options() -> TemporalOptions {
    TemporalOptions::new(binary(Binary::Temporal).unwrap()).dynamic_config([
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
pub fn worker_options(address: &str, queue: &str, nats: &str) -> signalbox_worker::Options {
    let flags = ["worker", "--listen", "127.0.0.1:0", "--nats-url", nats];
    let temporal = ["--temporal-address", address, "--task-queue", queue];
    CommandLine::parse_from(flags.iter().chain(&temporal)).options
}

/// A task queue of its own with a worker on it.
pub struct Lab {
    pub client: Client,
    pub queue: String,
    pub address: String,
    pub nats: String,
    stop: CancellationToken,
    worker: JoinSet<anyhow::Result<()>>,
    _servers: Option<Arc<Servers>>,
}

impl Lab {
    pub async fn with_worker() -> Self {
        let mut lab = Self::without_worker().await;
        lab.start_worker();
        lab
    }

    pub async fn without_worker() -> Self {
        let servers = shared_servers().await;
        let queue = format!("test-{}", uuid::Uuid::now_v7());
        let lab = Self::at(&servers.temporal.address(), &queue, &servers.nats.url()).await;
        Self { _servers: Some(servers), ..lab }
    }

    /// On servers that the test owns.
    pub async fn at(address: &str, queue: &str, nats: &str) -> Self {
        Self {
            client: client(&format!("http://{address}")).await,
            queue: queue.to_owned(),
            address: address.to_owned(),
            nats: nats.to_owned(),
            stop: CancellationToken::new(),
            worker: JoinSet::new(),
            _servers: None,
        }
    }

    pub fn start_worker(&mut self) {
        self.stop = CancellationToken::new();
        let process = Process::with_stop("worker", self.stop.clone());
        let options = worker_options(&self.address, &self.queue, &self.nats);
        self.worker.spawn(signalbox_worker::run_in(process, options));
    }

    /// Stops the worker, which must end without an error.
    pub async fn stop_worker(&mut self) {
        self.stop.cancel();
        let ended = within("the worker's end", self.worker.join_next()).await;
        ended.expect("there is no worker").unwrap().unwrap();
    }

    /// Starts a run; its timers fire without waiting when nothing else is to be done.
    pub async fn skipping_time(&self, workflow: &str, input: impl Into<Arguments>) -> Run {
        let skip = TimeSkippingConfig { enabled: true, ..TimeSkippingConfig::default() };
        let request = self.request(&new_id(workflow), workflow, input.into());
        self.start(StartWorkflowExecutionRequest { time_skipping_config: Some(skip), ..request }).await
    }

    /// Starts a run.
    pub async fn run(&self, workflow: &str, input: impl Into<Arguments>) -> Run {
        self.run_as(&new_id(workflow), workflow, input).await
    }

    /// Starts a run under this id.
    pub async fn run_as(&self, id: &str, workflow: &str, input: impl Into<Arguments>) -> Run {
        self.start(self.request(id, workflow, input.into())).await
    }

    /// Starts a run for a span of this `traceparent`.
    pub async fn run_traced(&self, workflow: &str, input: impl Into<Arguments>, traceparent: &str) -> Run {
        let request = self.request(&new_id(workflow), workflow, input.into());
        self.start(StartWorkflowExecutionRequest { header: Some(trace_header(traceparent)), ..request }).await
    }

    async fn start(&self, request: StartWorkflowExecutionRequest) -> Run {
        let id = request.workflow_id.clone();
        self.client.connection().clone().start_workflow_execution(request.into_request()).await.unwrap();
        self.existing(&id)
    }

    fn request(&self, id: &str, workflow: &str, input: Arguments) -> StartWorkflowExecutionRequest {
        StartWorkflowExecutionRequest {
            namespace: self.client.namespace(),
            request_id: id.to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(WorkflowType { name: workflow.to_owned() }),
            task_queue: Some(TaskQueue { name: self.queue.clone(), ..TaskQueue::default() }),
            input: Some(Payloads { payloads: input.0 }),
            ..StartWorkflowExecutionRequest::default()
        }
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

/// The header with which Temporal's SDKs hand a trace on.
pub fn trace_header(traceparent: &str) -> Header {
    let carrier = serde_json::json!({ "traceparent": traceparent });
    Header { fields: [(TRACE_HEADER.to_owned(), payload("json/plain", carrier.to_string()))].into() }
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

    /// The same for a span of this `traceparent`.
    pub async fn add_traced(&self, text: &str, traceparent: &str) {
        let options = WorkflowSignalOptions::builder().header(trace_header(traceparent)).build();
        let arguments = RawValue::new(Arguments::from(text).0);
        self.handle.signal(UntypedSignal::new("add_message"), arguments, options).await.unwrap();
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

    /// The type and the message of the failure that caused it all.
    pub async fn failure(&self) -> (String, String) {
        match within("the failure", self.handle.get_result(Default::default())).await {
            Err(WorkflowGetResultError::Failed(error)) => {
                let mut failure = error.failure().clone();
                while let Some(cause) = failure.cause.take() {
                    failure = *cause;
                }
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
