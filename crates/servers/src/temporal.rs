use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use reqwest::StatusCode;

use crate::install::file;
use crate::start::{retrying_ports, until_ready};
use crate::{Error, Launch, LineSink, Process, Wrapper, local_http, port};

const NAME: &str = "temporal";
/// A write-ahead log: the data survive the death of the server; of that of the machine, all but the last moments.
const SQLITE: [&str; 2] = ["journal_mode=wal", "synchronous=normal"];

/// How to run Temporal's development server, always on 127.0.0.1 and with the namespace `default`.
#[derive(Clone)]
pub struct TemporalOptions {
    binary: PathBuf,
    port: u16,
    ui_port: Option<u16>,
    database: Option<PathBuf>,
    dynamic_config: Vec<String>,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    log_level: String,
    wrapper: Option<Wrapper>,
    log: Option<LineSink>,
    ready_within: Duration,
}

impl TemporalOptions {
    /// A server on free ports, without the web UI, that keeps everything in memory.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            port: 0,
            ui_port: None,
            database: None,
            dynamic_config: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            log_level: "error".into(),
            wrapper: None,
            log: None,
            ready_within: Duration::from_secs(60),
        }
    }

    /// The gRPC port; 0 picks a free one.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Switches the web UI on, on this port; 0 picks a free one.
    pub fn ui_port(self, port: u16) -> Self {
        Self { ui_port: Some(port), ..self }
    }

    /// The SQLite file that keeps the data, which outlives the server. Created when missing, with its folder.
    pub fn database(self, file: impl Into<PathBuf>) -> Self {
        Self { database: Some(file.into()), ..self }
    }

    /// Adds dynamic configuration: `key=<JSON value>`.
    pub fn dynamic_config(mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.dynamic_config.extend(values.into_iter().map(Into::into));
        self
    }

    /// Adds arguments of `temporal server start-dev`, such as `--search-attribute` or `--namespace`.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds environment variables.
    pub fn env(
        mut self,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Self {
        self.env.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Has the server send spans of those of its calls that belong to a trace by OTLP to `collector`, such as
    /// `http://localhost:4317`.
    pub fn traces_to(self, collector: &str) -> Self {
        self.env([
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector),
            ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true"),
            // The usual five seconds make whoever looks at a trace believe that this is all.
            ("OTEL_BSP_SCHEDULE_DELAY", "1000"),
            // What it does of its own accord would be as many traces again.
            ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
        ])
    }

    /// `debug`, `info`, `warn`, `error` or `never`; `error` unless told.
    pub fn log_level(self, level: impl Into<String>) -> Self {
        Self { log_level: level.into(), ..self }
    }

    /// What runs in front of the server.
    pub fn wrapper(self, wrapper: Wrapper) -> Self {
        Self { wrapper: Some(wrapper), ..self }
    }

    /// Gets the server's log.
    pub fn log(self, sink: LineSink) -> Self {
        Self { log: Some(sink), ..self }
    }

    /// How long a start may take; 60 s unless told (half a second is usual, the first one takes longer).
    pub fn ready_within(self, within: Duration) -> Self {
        Self { ready_within: within, ..self }
    }

    fn arguments(&self, ports: Ports) -> Result<Vec<OsString>, Error> {
        let mut args: Vec<OsString> =
            ["server", "start-dev", "--ip", "127.0.0.1", "--log-level", &self.log_level]
                .map(Into::into)
                .into();
        args.extend(["--port".into(), ports.grpc.to_string().into()]);
        args.extend(["--http-port".into(), ports.http.to_string().into()]);
        match ports.ui {
            Some(port) => args.extend(["--ui-port".into(), port.to_string().into()]),
            None => args.push("--headless".into()),
        }
        if let Some(database) = &self.database {
            let folder = database.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(file("cannot create", folder))?;
            args.extend(["--db-filename".into(), database.into()]);
            // Without these every start waits for the disk several times: four to five times as slow.
            args.extend(SQLITE.into_iter().flat_map(|pragma| ["--sqlite-pragma".into(), pragma.into()]));
        }
        for value in &self.dynamic_config {
            args.extend(["--dynamic-config-value".into(), value.into()]);
        }
        args.extend(self.args.iter().cloned());
        Ok(args)
    }
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    grpc: u16,
    http: u16,
    ui: Option<u16>,
}

impl Ports {
    fn choose(options: &TemporalOptions) -> Result<Self, Error> {
        let ui = options.ui_port.map(|wanted| port::choose("temporal's web UI", wanted)).transpose()?;
        Ok(Self { grpc: port::choose(NAME, options.port)?, http: port::free_port()?, ui })
    }
}

/// A running Temporal development server. Dropping it kills it.
#[derive(Debug)]
pub struct TemporalServer {
    process: Process,
    launch: Launch,
    ports: Ports,
    ready_within: Duration,
}

impl TemporalServer {
    /// Starts the server and waits until it starts workflows in the namespace `default`.
    ///
    /// # Errors
    /// [`Error::PortTaken`] names the port; [`Error::Ended`] and [`Error::NotReady`] carry the server's last lines.
    pub async fn start(options: TemporalOptions) -> Result<Self, Error> {
        retrying_ports(async || Self::start_once(&options).await).await
    }

    async fn start_once(options: &TemporalOptions) -> Result<Self, Error> {
        let ports = Ports::choose(options)?;
        let launch = Launch {
            env: options.env.clone(),
            wrapper: options.wrapper.clone(),
            log: options.log.clone(),
            ..Launch::new(NAME, &options.binary).args(options.arguments(ports)?)
        };
        let mut process = Process::spawn(launch.clone())?;
        ready(&mut process, ports.http, options.ready_within).await?;
        Ok(Self { process, launch, ports, ready_within: options.ready_within })
    }

    /// For gRPC clients: `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.grpc)
    }

    /// For gRPC clients: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The gRPC port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.ports.grpc
    }

    /// The port of Temporal's HTTP API, on 127.0.0.1.
    pub fn http_port(&self) -> u16 {
        self.ports.http
    }

    /// The port of the web UI, if it is on.
    pub fn ui_port(&self) -> Option<u16> {
        self.ports.ui
    }

    /// The process: its id, its last lines, its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGTERM, and SIGKILL after `grace`.
    ///
    /// # Errors
    /// As [`Process::stop`].
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, Error> {
        self.process.stop(grace).await
    }

    /// SIGKILL: the server goes away without a word. Without a database its data is gone too.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.process.kill()
    }

    /// Starts it again, on the same ports and data, after it ended; kills it first when it has not.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.process.kill()?;
        port::choose(NAME, self.ports.grpc)?;
        self.process = Process::spawn(self.launch.clone())?;
        ready(&mut self.process, self.ports.http, self.ready_within).await
    }
}

/// Asks each part that a client needs: the frontend for the namespace, matching for a task queue, and history
/// for a workflow that it does not have.
async fn ready(process: &mut Process, http_port: u16, within: Duration) -> Result<(), Error> {
    const EXPECTED: [(&str, StatusCode); 3] = [
        ("", StatusCode::OK),
        ("/task-queues/signalbox-readiness", StatusCode::OK),
        ("/workflows/signalbox-readiness", StatusCode::NOT_FOUND),
    ];
    let http = local_http().timeout(Duration::from_secs(5)).build();
    let http = http.unwrap_or_default();
    let base = format!("http://127.0.0.1:{http_port}/api/v1/namespaces/default");
    until_ready(process, within, async || {
        for (path, expected) in EXPECTED {
            let answer = http.get(format!("{base}{path}")).send().await.map_err(|error| error.to_string())?;
            if answer.status() != expected {
                return Err(format!("{path} answers {}", answer.status()));
            }
        }
        Ok(())
    })
    .await
}
