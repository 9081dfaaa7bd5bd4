//! The processes, each of which can be killed, frozen or cut off, and the servers.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, time::Duration};

use anyhow::Context;
use signalbox_servers::{
    Binary, Launch, NatsOptions, NatsServer, Process, TemporalOptions, TemporalServer, free_port, log_to_file,
};
use signalbox_testkit::{
    Api, Link, Passing, binary, eventually, isolated, put_to_sleep, python, root, temporal_server, wake_up,
};
use tempfile::TempDir;

use crate::SIGNALBOX;

const START: Duration = Duration::from_secs(120);
/// More than a run of the suite needs.
const ROOMY: u64 = 8 * 1024 * 1024 * 1024;

/// A process that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Ingress,
    Router(usize),
    Scheduler,
    Worker,
    /// The worker in Python.
    Tally,
}

/// A server that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Nats,
    Temporal,
}

/// How one process and its servers are.
struct Running {
    launch: Launch,
    process: Option<Process>,
    port: u16,
    /// Its way to NATS and to Temporal.
    links: [Link; 2],
}

/// Everything; it dies with it.
pub struct Plant {
    pub nats: NatsServer,
    pub temporal: TemporalServer,
    units: BTreeMap<Unit, Running>,
    /// Those that ended and were not killed, with their last words.
    pub ended: Vec<String>,
    _data: TempDir,
}

impl Unit {
    /// One of each, and so many routers.
    fn all(routers: usize) -> impl Iterator<Item = Self> {
        let rest = [Self::Ingress, Self::Scheduler, Self::Worker, Self::Tally];
        rest.into_iter().chain((0..routers).map(Self::Router))
    }

    fn service(self) -> Option<&'static str> {
        match self {
            Self::Ingress => Some("ingress"),
            Self::Router(_) => Some("signal-router"),
            Self::Scheduler => Some("scheduler-manager"),
            Self::Worker => Some("worker"),
            Self::Tally => None,
        }
    }
}

impl Plant {
    /// Starts everything and waits until the whole way is open.
    pub async fn start(routers: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let database = data.path().join("temporal.db");
        let nats = NatsOptions::new(binary(Binary::NatsServer)?).config(storage(ROOMY));
        let configure = |options: TemporalOptions| options.database(database.clone());
        let (nats, temporal) = tokio::join!(NatsServer::start(nats), temporal_server(configure));
        let (nats, temporal, units) = (nats?, temporal?, BTreeMap::new());
        let mut plant = Self { nats, temporal, units, ended: Vec::new(), _data: data };
        for unit in Unit::all(routers) {
            let links = [Link::to(plant.nats.port()).await?, Link::to(plant.temporal.port()).await?];
            let port = free_port()?;
            let launch = launch(unit, port, &links).await?;
            plant.units.insert(unit, Running { launch, process: None, port, links });
            plant.start_unit(unit)?;
        }
        plant.wait_until_ready().await;
        Ok(plant)
    }

    /// Starts a process, if it does not run.
    pub fn start_unit(&mut self, unit: Unit) -> anyhow::Result<()> {
        let running = self.units.get_mut(&unit).with_context(|| format!("there is no {unit:?}"))?;
        if running.process.is_none() {
            running.process = Some(Process::spawn(isolated(running.launch.clone()))?);
        }
        Ok(())
    }

    /// `kill -9`; tells whether it ran.
    pub fn kill_unit(&mut self, unit: Unit) -> anyhow::Result<bool> {
        let running = self.units.get_mut(&unit).with_context(|| format!("there is no {unit:?}"))?;
        let Some(mut process) = running.process.take() else { return Ok(false) };
        if !process.is_running() {
            self.ended.push(format!("{unit:?} ended by itself: {:#?}", process.last_lines()));
        }
        process.kill()?;
        Ok(true)
    }

    pub fn freeze(&self, unit: Unit, frozen: bool) -> anyhow::Result<()> {
        let Some(process) = self.units.get(&unit).and_then(|running| running.process.as_ref()) else {
            return Ok(());
        };
        if frozen { put_to_sleep(process.id()) } else { wake_up(process.id()) }
    }

    /// What lies between a process and a server.
    pub fn link(&self, unit: Unit, server: Server) -> anyhow::Result<&Link> {
        let running = self.units.get(&unit).with_context(|| format!("there is no {unit:?}"))?;
        Ok(&running.links[server as usize])
    }

    pub fn kill_server(&mut self, server: Server) -> anyhow::Result<()> {
        match server {
            Server::Nats => self.nats.kill()?,
            Server::Temporal => self.temporal.kill()?,
        };
        Ok(())
    }

    /// Starts a server again, unless it runs.
    pub async fn start_server(&mut self, server: Server) -> anyhow::Result<()> {
        match server {
            Server::Nats if !self.nats.process().is_running() => self.nats.start_again().await?,
            Server::Temporal if !self.temporal.process().is_running() => self.temporal.start_again().await?,
            _ => {}
        }
        Ok(())
    }

    /// JetStream comes back with no room but for what it has, or with all that it had.
    pub async fn restart_nats_with_room(&mut self, roomy: bool) -> anyhow::Result<()> {
        let most = if roomy { ROOMY } else { 1024 * 1024 };
        fs::write(self.nats.data_dir().join("nats-server.conf"), storage(most))?;
        Ok(self.nats.start_again().await?)
    }

    /// Whatever is down comes up.
    pub async fn mend(&mut self) -> anyhow::Result<()> {
        for server in [Server::Nats, Server::Temporal] {
            self.start_server(server).await?;
        }
        for unit in self.units.keys().copied().collect::<Vec<_>>() {
            self.freeze(unit, false)?;
            for server in [Server::Nats, Server::Temporal] {
                self.link(unit, server)?.pass(Passing::Open);
            }
            if let Some(process) = self.units.get_mut(&unit).and_then(|running| running.process.as_mut())
                && !process.is_running()
            {
                self.kill_unit(unit)?;
            }
            self.start_unit(unit)?;
        }
        Ok(())
    }

    /// Waits until the whole way is open, and each router says that it can work.
    pub async fn wait_until_ready(&self) {
        for (unit, running) in &self.units {
            if unit.service().is_some() {
                let api = Api::new(format!("http://127.0.0.1:{}", running.port));
                eventually(START, async || api.ready().await.with_context(|| format!("{unit:?}"))).await;
            }
        }
    }

    /// Where ingress listens.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.units[&Unit::Ingress].port)
    }

    /// The last lines that each process wrote.
    pub fn last_words(&self) -> String {
        let of = |(unit, running): (&Unit, &Running)| {
            let lines = running.process.as_ref().map(Process::last_lines).unwrap_or_default();
            let last = &lines[lines.len().saturating_sub(8)..];
            format!("{unit:?}:\n  {}\n", last.join("\n  "))
        };
        self.units.iter().map(of).collect()
    }

    /// Attempts that a router made again since it was started; 0 if it does not answer.
    pub async fn retries(&self, router: Unit) -> u64 {
        let Some(running) = self.units.get(&router) else { return 0 };
        let api = Api::new(format!("http://127.0.0.1:{}", running.port));
        let asked = tokio::time::timeout(Duration::from_secs(1), api.get("/metrics")).await;
        let Ok(Ok(metrics)) = asked else { return 0 };
        let lines = metrics.body.as_str().unwrap_or_default().lines();
        let counted = lines.filter(|line| line.starts_with("signalbox_router_retries_total"));
        counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// The same of all routers.
    pub async fn all_retries(&self) -> u64 {
        let mut retries = 0;
        for router in self.units.keys().filter(|unit| matches!(unit, Unit::Router(_))) {
            retries += self.retries(*router).await;
        }
        retries
    }
}

fn storage(most: u64) -> String {
    format!("jetstream {{ max_file_store: {most} }}\n")
}

async fn launch(unit: Unit, port: u16, links: &[Link; 2]) -> anyhow::Result<Launch> {
    let name = format!("{unit:?}");
    let folder = root().join("tests/end_to_end");
    let mut launch = match unit.service() {
        Some(service) => {
            let listen = format!("127.0.0.1:{port}");
            Launch::new(&name, SIGNALBOX).args(["serve", service, "--listen", &listen])
        }
        None => {
            let requirements = folder.join("other_sdk/requirements.txt");
            let python = tokio::task::spawn_blocking(move || python(&requirements)).await??;
            Launch::new(&name, python).args([folder.join("chaos/worker.py")])
        }
    };
    let log = std::env::var("SIGNALBOX_TEST_LOG").unwrap_or_else(|_| "info,signalbox=debug".to_owned());
    let mut env = vec![
        ("NATS_URL", format!("nats://127.0.0.1:{}", links[0].port())),
        ("TEMPORAL_ADDRESS", format!("127.0.0.1:{}", links[1].port())),
        ("SIGNALBOX_LOG", log),
        ("SIGNALBOX_LOG_FORMAT", "json".to_owned()),
    ];
    match unit {
        Unit::Router(_) => env.push(("SIGNALBOX_ROUTES", folder.join("chaos").display().to_string())),
        // Callers are answered when a call is stored: more than one command of a key is under way.
        Unit::Ingress => env.push(("SIGNALBOX_WAIT", "300ms".to_owned())),
        _ => {}
    }
    launch.env = env.into_iter().map(|(name, value)| (name.into(), OsString::from(value))).collect();
    if let Some(folder) = std::env::var_os("SIGNALBOX_CHAOS_LOGS") {
        fs::create_dir_all(&folder)?;
        launch.log = Some(log_to_file(&Path::new(&folder).join(format!("{name}.log")))?);
    }
    Ok(launch)
}
