//! The servers, the router and the clients of a measurement.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt, stream};
use signalbox_bus::{Bus, Stored};
use signalbox_domain::{
    ConflictPolicy, EventRef, EventSubject, Origin, ReplyTo, Start, StartOptions, Trigger,
};
use signalbox_proto::names::header;
use signalbox_servers::{
    Binary, INSTALL_DIR, Launch, NatsServer, Process, TemporalOptions, TemporalServer, Wrapper, locate,
};
use signalbox_temporal::{Options, Temporal};
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Backend, Effect};
use crate::bench::rig::{self, START, caused_by, failed};
use crate::bench::usage::Used;
use crate::failure::Failure;

/// Publishes that wait for their acknowledgement.
const UNACKNOWLEDGED: usize = 512;
/// A queue that no worker asks: what is started or signalled does nothing.
const QUEUE: &str = "bench-pipeline";
const SIGNAL: &str = "bench";
const WORKFLOW: &str = "Bench";

/// Everything that takes part. Dropping it ends it all.
pub struct Rig {
    effect: Effect,
    keys: usize,
    /// Of this rig alone, so that no workflow was there before.
    run: Uuid,
    router: Option<Process>,
    nats: NatsServer,
    temporal: Server,
    pub bus: Bus,
    direct: Temporal,
    signalbox: PathBuf,
    folder: TempDir,
}

enum Server {
    Null(Process, SocketAddr),
    Dev(TemporalServer),
}

impl Server {
    fn address(&self) -> String {
        match self {
            Self::Null(_, address) => address.to_string(),
            Self::Dev(server) => server.address(),
        }
    }

    fn id(&mut self) -> u32 {
        match self {
            Self::Null(process, _) => process.id(),
            Self::Dev(server) => server.process().id(),
        }
    }
}

impl Rig {
    /// Starts the servers. No router runs yet.
    pub async fn start(backend: Backend, effect: Effect, keys: usize) -> Result<Self, Failure> {
        let signalbox = env::current_exe()?;
        let folder = tempfile::tempdir()?;
        let run = Uuid::now_v7();
        fs::write(folder.path().join("bench.yaml"), routes(effect, run))?;
        let (nats, bus) = rig::nats(&signalbox).await?;
        let temporal = Server::start(backend, signalbox.clone()).await?;
        let options = Options {
            address: temporal.address(),
            namespace: "default".into(),
            api_key: None,
            tls: false,
            identity: "bench".into(),
        };
        let connecting = timeout(START, Temporal::connect_when_up(&options, |_| {}));
        let direct = connecting.await.map_err(caused_by)?.map_err(caused_by)?;
        let rig = Self { effect, keys, run, router: None, nats, temporal, bus, direct, signalbox, folder };
        if effect == Effect::Signal {
            let starts = stream::iter((0..keys).map(|key| rig.start_directly(rig.workflow_id(key))));
            starts.buffer_unordered(16).try_collect::<()>().await?;
        }
        Ok(rig)
    }

    /// Starts the router; it begins at once with what waits.
    pub fn start_router(&mut self) -> Result<(), Failure> {
        let variables = [
            ("NATS_URL", self.nats.url()),
            ("TEMPORAL_ADDRESS", self.temporal.address()),
            ("SIGNALBOX_ROUTES", self.folder.path().display().to_string()),
        ];
        let router = rig::service(&self.signalbox, "signal-router", rig::free_address()?, variables)?;
        self.router = Some(router);
        Ok(())
    }

    /// Stops the router in good order.
    pub async fn stop_router(&mut self) -> Result<(), Failure> {
        if let Some(mut router) = self.router.take() {
            router.stop(START).await.map_err(caused_by)?;
        }
        Ok(())
    }

    /// An error if the router has ended, with its last words.
    pub fn check_router(&mut self) -> Result<(), Failure> {
        match &mut self.router {
            Some(router) => match router.is_running() {
                true => Ok(()),
                false => Err(failed(format!("the router ended: {}", router.last_lines().join("; ")))),
            },
            None => Err(failed("no router runs".to_owned())),
        }
    }

    /// The nats-server and the Temporal.
    pub fn servers(&mut self) -> Result<[Used; 2], Failure> {
        Ok([Used::by(self.nats.process().id())?, Used::by(self.temporal.id())?])
    }

    /// The router that runs.
    pub fn router(&self) -> Result<Used, Failure> {
        let router = self.router.as_ref().ok_or_else(|| failed("no router runs".to_owned()))?;
        Used::by(router.id())
    }

    /// Publishes events, each of which leads to one call.
    pub async fn publish(&self, events: usize) -> Result<(), Failure> {
        let publish = stream::iter(0..events).map(|n| async move { self.publish_one(n, None).await });
        publish.buffer_unordered(UNACKNOWLEDGED).try_for_each(|_| std::future::ready(Ok(()))).await
    }

    /// Publishes one event. What comes of it is told to `reply_to`.
    pub async fn publish_one(&self, n: usize, reply_to: Option<ReplyTo>) -> Result<(Uuid, Stored), Failure> {
        let id = Uuid::now_v7();
        let mut headers = rig::headers(id);
        headers.extend(reply_to.map(|to| (header::REPLY_TO.into(), to.as_str().to_owned())));
        let to: EventSubject = format!("events.bench.{}", n % self.keys)
            .parse()
            .map_err(|error| failed(format!("not a subject: {error}")))?;
        let stored =
            self.bus.publish_as_written(&to, &id.to_string(), headers, rig::order(n).bytes().clone()).await;
        Ok((id, stored.map_err(caused_by)?))
    }

    /// The call that event `n` leads to, by the direct client.
    pub async fn call(&self, n: usize) -> Result<(), Failure> {
        match self.effect {
            Effect::Signal => {
                let args = [rig::order(n)];
                let id = self.workflow_id(n % self.keys);
                let signalled = self.direct.signal_directly(&id, SIGNAL, &args).await;
                signalled.map_err(caused_by)
            }
            Effect::Start => self.start_directly(format!("direct-{}", Uuid::now_v7())).await,
        }
    }

    async fn start_directly(&self, workflow_id: String) -> Result<(), Failure> {
        let args = vec![rig::order(0)];
        let start = Start {
            workflow_type: WORKFLOW.into(),
            task_queue: QUEUE.into(),
            args,
            conflict_policy: ConflictPolicy::Fail,
            options: StartOptions::default(),
        };
        let event = EventRef {
            id: Uuid::now_v7().to_string(),
            source: "/signalbox/bench".into(),
            ..Default::default()
        };
        let origin = Origin { event, route: None, route_set: String::new(), trigger: Trigger::Event };
        let started = self.direct.start_directly(&workflow_id, &start, &origin).await;
        started.map_err(caused_by)
    }

    fn workflow_id(&self, key: usize) -> String {
        format!("bench-{}-{key}", self.run)
    }
}

impl Server {
    async fn start(backend: Backend, signalbox: PathBuf) -> Result<Self, Failure> {
        let wrapper = Wrapper::tied_to_this_process(signalbox.clone());
        match backend {
            Backend::Null => {
                let address = rig::free_address()?;
                let launch =
                    Launch::new("null-temporal", signalbox).args(["null-temporal", &address.to_string()]);
                let process =
                    Process::spawn(Launch { wrapper: Some(wrapper), ..launch }).map_err(caused_by)?;
                Ok(Self::Null(process, address))
            }
            Backend::Dev => {
                let binary = locate(Binary::Temporal, INSTALL_DIR.as_ref()).map_err(caused_by)?;
                let server = TemporalServer::start(TemporalOptions::new(binary).wrapper(wrapper)).await;
                Ok(Self::Dev(server.map_err(caused_by)?))
            }
        }
    }
}

fn routes(effect: Effect, run: Uuid) -> String {
    let action = match effect {
        Effect::Signal => format!(
            "signal: {{ workflow_id: \"bench-{run}-${{ event.tokens[2] }}\", name: {SIGNAL}, args: [ \"${{ event.data }}\" ] }}"
        ),
        Effect::Start => format!(
            "start: {{ workflow: {WORKFLOW}, workflow_id: \"bench-${{ event.id }}\", task_queue: {QUEUE}, args: [ \"${{ event.data }}\" ] }}"
        ),
    };
    format!("version: 1\nroutes:\n  - name: bench\n    on: events.bench.*\n    {action}\n")
}
