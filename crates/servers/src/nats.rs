use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use crate::install::file;
use crate::start::{retrying_ports, until_ready};
use crate::{Error, Launch, LineSink, Process, Wrapper, port};

const NAME: &str = "nats-server";

/// How to run `nats-server`, always with JetStream and on 127.0.0.1.
#[derive(Clone)]
pub struct NatsOptions {
    binary: PathBuf,
    port: u16,
    data_dir: Option<PathBuf>,
    processors: Option<usize>,
    config: Option<String>,
    wrapper: Option<Wrapper>,
    log: Option<LineSink>,
    ready_within: Duration,
}

impl NatsOptions {
    /// A server on a free port, with its data in a folder that goes when it does.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            port: 0,
            data_dir: None,
            processors: None,
            config: None,
            wrapper: None,
            log: None,
            ready_within: Duration::from_secs(30),
        }
    }

    /// The port for clients; 0 picks a free one.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Where JetStream keeps its data, which outlives the server. Created when missing.
    pub fn data_dir(self, dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: Some(dir.into()), ..self }
    }

    /// How many processors it uses at most. If this is `None`, its environment says it, or it uses all there are.
    pub fn processors(self, processors: Option<usize>) -> Self {
        Self { processors, ..self }
    }

    /// Lines of `nats-server`'s own configuration, such as `max_payload: 8MB`.
    pub fn config(self, lines: impl Into<String>) -> Self {
        Self { config: Some(lines.into()), ..self }
    }

    /// What runs in front of the server.
    pub fn wrapper(self, wrapper: Wrapper) -> Self {
        Self { wrapper: Some(wrapper), ..self }
    }

    /// Gets the server's log.
    pub fn log(self, sink: LineSink) -> Self {
        Self { log: Some(sink), ..self }
    }

    /// How long a start may take; 30 s unless told.
    pub fn ready_within(self, within: Duration) -> Self {
        Self { ready_within: within, ..self }
    }
}

/// A running `nats-server`. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    process: Process, // above the folder: it ends before its data goes
    launch: Launch,
    server_name: String,
    port: u16,
    ready_within: Duration,
    data_dir: PathBuf,
    _temporary: Option<TempDir>,
}

impl NatsServer {
    /// Starts the server and waits until it takes connections with JetStream on.
    ///
    /// # Errors
    /// [`Error::PortTaken`] names the port; [`Error::Ended`] and [`Error::NotReady`] carry the server's last lines.
    pub async fn start(options: NatsOptions) -> Result<Self, Error> {
        retrying_ports(async || Self::start_once(options.clone()).await).await
    }

    async fn start_once(options: NatsOptions) -> Result<Self, Error> {
        let port = port::choose(NAME, options.port)?;
        let temporary = match options.data_dir {
            Some(_) => None,
            None => Some(
                TempDir::with_prefix("signalbox-nats-")
                    .map_err(file("cannot create a folder for", NAME.as_ref()))?,
            ),
        };
        let data_dir = options
            .data_dir
            .or_else(|| temporary.as_ref().map(|dir| dir.path().to_owned()))
            .unwrap_or_default();
        let server_name = unique_name();
        let args = arguments(&data_dir, port, &server_name, options.config.as_deref())?;
        let launch = Launch {
            wrapper: options.wrapper,
            log: options.log,
            env: options
                .processors
                .map(|n| ("GOMAXPROCS".into(), n.to_string().into()))
                .into_iter()
                .collect(),
            ..Launch::new(NAME, options.binary).args(args)
        };
        let mut process = Process::spawn(launch.clone())?;
        ready(&mut process, port, &server_name, options.ready_within).await?;
        let ready_within = options.ready_within;
        Ok(Self { process, launch, server_name, port, ready_within, data_dir, _temporary: temporary })
    }

    /// For clients: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port for clients, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where JetStream's data is.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process: its id, its last lines, its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGTERM, and SIGKILL after `grace`. The data stays until the value is dropped.
    ///
    /// # Errors
    /// As [`Process::stop`].
    pub async fn stop(&mut self, grace: Duration) -> Result<ExitStatus, Error> {
        self.process.stop(grace).await
    }

    /// SIGKILL: the server goes away without a word, its data stays.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn kill(&mut self) -> Result<ExitStatus, Error> {
        self.process.kill()
    }

    /// Starts it again, on the same port and data, after it ended; kills it first when it has not.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.process.kill()?;
        port::choose(NAME, self.port)?;
        self.process = Process::spawn(self.launch.clone())?;
        ready(&mut self.process, self.port, &self.server_name, self.ready_within).await
    }
}

fn arguments(dir: &Path, port: u16, server_name: &str, config: Option<&str>) -> Result<Vec<OsString>, Error> {
    fs::create_dir_all(dir).map_err(file("cannot create", dir))?;
    let mut args: Vec<OsString> =
        vec!["-js".into(), "-sd".into(), dir.into(), "-a".into(), "127.0.0.1".into()];
    args.extend(["-p".into(), port.to_string().into(), "-n".into(), server_name.into()]);
    if let Some(lines) = config {
        let path = dir.join("nats-server.conf");
        fs::write(&path, lines).map_err(file("cannot write", &path))?;
        args.extend(["-c".into(), path.into()]);
    }
    Ok(args)
}

/// Tells this server from another one that took its port in the meantime.
fn unique_name() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    format!("signalbox-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed))
}

async fn ready(process: &mut Process, port: u16, server_name: &str, within: Duration) -> Result<(), Error> {
    until_ready(process, within, async || {
        let info = read_info(port).await?;
        match info {
            Info { server_name: name, .. } if name != server_name => {
                Err(format!("{name} answers on port {port}"))
            }
            Info { jetstream: false, .. } => Err("JetStream is off".into()),
            _ => Ok(()),
        }
    })
    .await
}

#[derive(Deserialize)]
struct Info {
    server_name: String,
    #[serde(default)]
    jetstream: bool,
}

/// The line that a NATS server greets with: `INFO {…}`.
async fn read_info(port: u16) -> Result<Info, String> {
    const LONGEST: u64 = 64 * 1024;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| error.to_string())?;
    let mut line = String::new();
    BufReader::new(stream).take(LONGEST).read_line(&mut line).await.map_err(|error| error.to_string())?;
    let json = line.strip_prefix("INFO ").ok_or("the greeting is not NATS's")?;
    serde_json::from_str(json).map_err(|error| format!("the greeting is not NATS's: {error}"))
}
