//! The whole stack, each part a process that a test can kill.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::ensure;
use signalbox_servers::{
    Binary, INSTALL_DIR, Launch, NatsOptions, NatsServer, Process, TemporalOptions, TemporalServer, Wrapper,
    free_port, locate,
};

use crate::{Answer, Api, eventually};

/// What a debug build on a busy machine may need until everything is up.
const START: Duration = Duration::from_secs(90);

/// Who waits for a trace need not wait for others to be sent with it, which takes seconds otherwise.
const SEND_SPANS_SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "100");

/// One of the four services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// HTTP in.
    Ingress,
    /// Match and apply.
    SignalRouter,
    /// Schedules.
    SchedulerManager,
    /// Workflows.
    Worker,
}

impl Service {
    /// All four, in the order of the way of an event.
    pub const ALL: [Self; 4] = [Self::Ingress, Self::SignalRouter, Self::SchedulerManager, Self::Worker];

    fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::SignalRouter => "signal-router",
            Self::SchedulerManager => "scheduler-manager",
            Self::Worker => "worker",
        }
    }
}

/// The top of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The server's binary, which is installed when it is missing.
///
/// # Errors
/// When it cannot be found or installed.
pub fn binary(binary: Binary) -> anyhow::Result<PathBuf> {
    Ok(locate(binary, &root().join(INSTALL_DIR))?)
}

/// Keeps from `signalbox` the variables that the launch does not set itself but whoever runs the tests has:
/// `SIGNALBOX_…`, of which it refuses unknown ones, and `OTEL_…`.
pub fn isolated(launch: Launch) -> Launch {
    let inherited = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let text = name.to_string_lossy();
        ["SIGNALBOX_", "OTEL_"].iter().any(|prefix| text.starts_with(prefix))
            && !launch.env.iter().any(|(set, _)| set == name)
    });
    let args = inherited.flat_map(|name| ["-u".into(), name]).collect();
    Launch { wrapper: Some(Wrapper { program: "env".into(), args }), ..launch }
}

/// A `nats-server` with JetStream on a free port.
///
/// # Errors
/// When it cannot be found, installed or started.
pub async fn nats_server() -> anyhow::Result<NatsServer> {
    Ok(NatsServer::start(NatsOptions::new(binary(Binary::NatsServer)?)).await?)
}

/// A Temporal dev server on a free port.
///
/// # Errors
/// When it cannot be found, installed or started.
pub async fn temporal_server(
    configure: impl Fn(TemporalOptions) -> TemporalOptions,
) -> anyhow::Result<TemporalServer> {
    Ok(TemporalServer::start(configure(TemporalOptions::new(binary(Binary::Temporal)?))).await?)
}

/// All that services have logged. Cheap to clone.
pub type Recorded = Arc<Mutex<Vec<String>>>;

/// NATS, Temporal and services, on ports of their own. Everything dies with it.
pub struct Stack {
    /// The HTTP API.
    pub api: Api,
    /// NATS.
    pub nats: NatsServer,
    /// Temporal; its data are in a file, so that they survive its restart.
    pub temporal: TemporalServer,
    signalbox: PathBuf,
    env: Vec<(OsString, OsString)>,
    services: HashMap<Service, Process>,
    ports: HashMap<Service, u16>,
    recorded: Option<Recorded>,
    _data: tempfile::TempDir,
}

impl Stack {
    /// Starts everything and waits until the whole way is open. `signalbox` is the binary.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start(signalbox: &str) -> anyhow::Result<Self> {
        Self::start_with(signalbox, &Service::ALL).await
    }

    /// The same with some of the services only.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start_with(signalbox: &str, services: &[Service]) -> anyhow::Result<Self> {
        Self::begin(signalbox, services, None).await
    }

    /// The same, and all send their traces to a collector, soon after a span has ended: Temporal too.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn traced(signalbox: &str, services: &[Service], collector: &str) -> anyhow::Result<Self> {
        Self::begin(signalbox, services, Some(collector)).await
    }

    async fn begin(signalbox: &str, services: &[Service], collector: Option<&str>) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let database = data.path().join("temporal.db");
        let (nats, temporal) = tokio::join!(
            nats_server(),
            temporal_server(|options| {
                let options = options.database(database.clone());
                match collector {
                    Some(collector) => options.traces_to(collector).env([SEND_SPANS_SOON]),
                    None => options,
                }
            })
        );
        let ports: HashMap<_, _> = Service::ALL
            .into_iter()
            .map(|service| Ok((service, free_port()?)))
            .collect::<anyhow::Result<_>>()?;
        let mut stack = Self {
            api: Api::new(format!("http://127.0.0.1:{}", ports[&Service::Ingress])),
            nats: nats?,
            temporal: temporal?,
            signalbox: signalbox.into(),
            env: Vec::new(),
            services: HashMap::new(),
            ports,
            recorded: None,
            _data: data,
        };
        if let Some(collector) = collector {
            stack.set("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
            stack.set(SEND_SPANS_SOON.0, SEND_SPANS_SOON.1);
        }
        stack.launch_all(services).await?;
        Ok(stack)
    }

    /// Starts services, and waits until they are ready: if all are there, until the whole way is open.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub async fn launch_all(&mut self, services: &[Service]) -> anyhow::Result<()> {
        for service in services {
            self.launch(*service)?;
        }
        for service in services {
            self.wait_until_ready(*service).await;
        }
        if services.contains(&Service::Ingress) && self.services.len() == Service::ALL.len() {
            self.wait_until_open().await;
        }
        Ok(())
    }

    /// Services that are launched from now on get this environment variable too.
    pub fn set(&mut self, variable: &str, value: impl Into<OsString>) {
        self.env.push((variable.into(), value.into()));
    }

    /// All that services log which are launched from now on.
    pub fn record_logs(&mut self) -> Recorded {
        Arc::clone(self.recorded.get_or_insert_default())
    }

    /// Starts a service without waiting for it.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub fn launch(&mut self, service: Service) -> anyhow::Result<()> {
        let process = self.spawn(service, self.ports[&service])?;
        self.services.insert(service, process);
        Ok(())
    }

    /// Starts one more of a service, on a port of its own, without waiting for it. It belongs to the caller; what it says
    /// is at the address.
    ///
    /// # Errors
    /// When the binary cannot be run.
    pub fn launch_another(&self, service: Service) -> anyhow::Result<(Process, Api)> {
        let port = free_port()?;
        Ok((self.spawn(service, port)?, Api::new(format!("http://127.0.0.1:{port}"))))
    }

    fn spawn(&self, service: Service, port: u16) -> anyhow::Result<Process> {
        let listen = format!("127.0.0.1:{port}");
        let mut launch =
            Launch::new(service.name(), &self.signalbox).args(["serve", service.name(), "--listen", &listen]);
        let log = std::env::var("SIGNALBOX_TEST_LOG").unwrap_or_else(|_| "info,signalbox=debug".to_owned());
        launch.env = [
            ("NATS_URL", self.nats.url()),
            ("TEMPORAL_ADDRESS", self.temporal.address()),
            ("SIGNALBOX_LOG", log),
            ("SIGNALBOX_LOG_FORMAT", "json".to_owned()),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        if service == Service::SignalRouter {
            launch.env.push(("SIGNALBOX_ROUTES".into(), root().join("routes").into()));
        }
        launch.env.extend(self.env.iter().cloned());
        if let Some(recorded) = self.recorded.clone() {
            launch.log = Some(Arc::new(move |line: &str| {
                recorded.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
            }));
        }
        if std::env::var_os("SIGNALBOX_TEST_SHOW").is_some() {
            launch.log = Some(Arc::new(move |line: &str| eprintln!("{} {port} | {line}", service.name())));
        }
        Ok(Process::spawn(isolated(launch))?)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, service: Service) -> anyhow::Result<()> {
        let running = self.services.remove(&service);
        running.ok_or_else(|| anyhow::anyhow!("{service:?} does not run"))?.kill()?;
        Ok(())
    }

    /// SIGTERM; tells the exit code.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop(&mut self, service: Service) -> anyhow::Result<Option<i32>> {
        let running = self.services.remove(&service);
        let mut running = running.ok_or_else(|| anyhow::anyhow!("{service:?} does not run"))?;
        Ok(running.stop(Duration::from_secs(15)).await?.code())
    }

    /// The last lines that a service logged.
    pub fn log(&self, service: Service) -> Vec<String> {
        self.services.get(&service).map(Process::last_lines).unwrap_or_default()
    }

    /// What a service itself says on a path such as `/readyz` or `/metrics`.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(&self, service: Service, path: &str) -> anyhow::Result<Answer> {
        self.service(service).get(path).await
    }

    /// Where a service itself can be asked.
    pub fn service(&self, service: Service) -> Api {
        Api::new(format!("http://127.0.0.1:{}", self.ports[&service]))
    }

    /// Waits until a service says that it is ready.
    pub async fn wait_until_ready(&self, service: Service) {
        if service == Service::Ingress {
            return; // its own readiness is that of the whole way
        }
        eventually(START, async || {
            let answer = self.ask(service, "/readyz").await?;
            ensure!(answer.status == 200, "{service:?}: {}", answer.body);
            Ok(())
        })
        .await;
    }

    /// Waits until the whole way is open.
    pub async fn wait_until_open(&self) {
        eventually(START, async || self.api.ready().await).await;
    }

    /// The same API with connections of its own: those of another test's runtime end with that test.
    pub fn api(&self) -> Api {
        self.api.fresh()
    }

    /// An ordinary NATS client.
    ///
    /// # Errors
    /// When it cannot connect.
    pub async fn nats_client(&self) -> anyhow::Result<async_nats::Client> {
        Ok(async_nats::connect(self.nats.url()).await?)
    }
}
