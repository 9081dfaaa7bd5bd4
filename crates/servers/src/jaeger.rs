use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::locate::answers;
use crate::start::{retrying_ports, until_ready};
use crate::{Error, Launch, LineSink, Process, Wrapper, local_http, port};

const NAME: &str = "jaeger";

/// Finds Jaeger on `PATH`. It is not installed when it is missing. Blocks for a moment.
pub fn find_jaeger() -> Option<PathBuf> {
    which::which_all(NAME).into_iter().flatten().find(|path| answers(path, "version").is_ok())
}

/// Gives the path back if what is there runs.
///
/// # Errors
/// [`Error::NotJaeger`] when it does not.
pub fn check_jaeger(path: &Path) -> Result<PathBuf, Error> {
    match answers(path, "version") {
        Ok(()) => Ok(path.to_owned()),
        Err(reason) => Err(Error::NotJaeger { path: path.to_owned(), reason }),
    }
}

/// How to run Jaeger (of version 2), always on 127.0.0.1 and with the traces in memory.
#[derive(Clone)]
pub struct JaegerOptions {
    binary: PathBuf,
    ui_port: u16,
    otlp_port: u16,
    wrapper: Option<Wrapper>,
    log: Option<LineSink>,
    ready_within: Duration,
}

impl JaegerOptions {
    /// A server on free ports.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            ui_port: 0,
            otlp_port: 0,
            wrapper: None,
            log: None,
            ready_within: Duration::from_secs(30),
        }
    }

    /// The port of the web UI and of the query API; 0 picks a free one.
    pub fn ui_port(self, port: u16) -> Self {
        Self { ui_port: port, ..self }
    }

    /// The port that takes traces by OTLP over gRPC; 0 picks a free one.
    pub fn otlp_port(self, port: u16) -> Self {
        Self { otlp_port: port, ..self }
    }

    /// What runs in front of the server.
    pub fn wrapper(self, wrapper: Wrapper) -> Self {
        Self { wrapper: Some(wrapper), ..self }
    }

    /// Gets the server's log.
    pub fn log(self, sink: LineSink) -> Self {
        Self { log: Some(sink), ..self }
    }

    /// How long a start may take; 30 s unless told (a second is usual).
    pub fn ready_within(self, within: Duration) -> Self {
        Self { ready_within: within, ..self }
    }
}

/// A running Jaeger. Dropping it kills it, and what it has goes with it.
#[derive(Debug)]
pub struct JaegerServer {
    process: Process,
    ui_port: u16,
    otlp_port: u16,
}

impl JaegerServer {
    /// Starts the server and waits until it takes traces and answers queries.
    ///
    /// # Errors
    /// [`Error::PortTaken`] names the port; [`Error::Ended`] and [`Error::NotReady`] carry the server's last lines.
    pub async fn start(options: JaegerOptions) -> Result<Self, Error> {
        retrying_ports(async || Self::start_once(&options).await).await
    }

    async fn start_once(options: &JaegerOptions) -> Result<Self, Error> {
        let ui_port = port::choose("jaeger's web UI", options.ui_port)?;
        let otlp_port = port::choose("jaeger's OTLP receiver", options.otlp_port)?;
        let launch = Launch {
            wrapper: options.wrapper.clone(),
            log: options.log.clone(),
            ..Launch::new(NAME, &options.binary)
        };
        let config = format!("yaml:{}", configuration(ui_port, otlp_port));
        let mut process = Process::spawn(launch.args(["--config", &config]))?;
        ready(&mut process, ui_port, otlp_port, options.ready_within).await?;
        Ok(Self { process, ui_port, otlp_port })
    }

    /// The web UI and the query API: `http://127.0.0.1:<port>`.
    pub fn ui_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ui_port)
    }

    /// Where traces go by OTLP over gRPC: `http://127.0.0.1:<port>`.
    pub fn otlp_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.otlp_port)
    }

    /// The process: its id, its last lines, its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Unlike Jaeger's own one for everything in one process, it listens on these two ports and, as it must somewhere, for
/// queries by gRPC on any port that is free.
fn configuration(ui_port: u16, otlp_port: u16) -> String {
    format!(
        "
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{ receivers: [otlp], exporters: [jaeger_storage_exporter] }}
  telemetry:
    metrics: {{ level: none }}
    logs: {{ level: warn }}
extensions:
  jaeger_storage:
    backends:
      latest: {{ memory: {{ max_traces: 5000 }} }}
  jaeger_query:
    storage: {{ traces: latest }}
    http: {{ endpoint: '127.0.0.1:{ui_port}' }}
    grpc: {{ endpoint: '127.0.0.1:0' }}
receivers:
  otlp: {{ protocols: {{ grpc: {{ endpoint: '127.0.0.1:{otlp_port}' }} }} }}
exporters:
  jaeger_storage_exporter: {{ trace_storage: latest }}
"
    )
}

async fn ready(process: &mut Process, ui_port: u16, otlp_port: u16, within: Duration) -> Result<(), Error> {
    let http = local_http().timeout(Duration::from_secs(5)).build();
    let http = http.unwrap_or_default();
    let services = format!("http://127.0.0.1:{ui_port}/api/services");
    until_ready(process, within, async || {
        TcpStream::connect(("127.0.0.1", otlp_port)).await.map_err(|error| error.to_string())?;
        let answer = http.get(&services).send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answers {}", answer.status())) }
    })
    .await
}
