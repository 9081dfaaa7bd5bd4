//! The server, the ingress and the clients of a measurement.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use signalbox_bus::Bus;
use signalbox_domain::EventSubject;
use signalbox_proto::names::{header as names, stream};
use signalbox_servers::{
    Binary, INSTALL_DIR, Launch, NatsOptions, NatsServer, Process, Wrapper, free_port, locate,
};
use signalbox_telemetry::Chain;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use crate::bench::usage::Used;
use crate::exit::Exit;
use crate::failure::Failure;

/// The ingress, when it takes longer than this to start, will not.
const START: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const TYPE: &str = "signalbox.bench";

/// Everything that takes part. Dropping it ends it all.
pub struct Rig {
    nats: NatsServer,
    ingress: Process,
    address: SocketAddr,
    bus: Bus,
    to: EventSubject,
}

impl Rig {
    /// Starts the server and the ingress, which is ready then.
    pub async fn start() -> Result<Self, Failure> {
        let signalbox = env::current_exe()?;
        let nats = NatsOptions::new(locate(Binary::NatsServer, INSTALL_DIR.as_ref()).map_err(failed)?)
            .wrapper(Wrapper::tied_to_this_process(signalbox.clone()));
        let nats = NatsServer::start(nats).await.map_err(failed)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().map_err(failed)?));
        let launch = Launch::new("ingress", &signalbox);
        let set = [("NATS_URL", nats.url()), ("SIGNALBOX_LOG", "warn".to_owned())];
        let ingress = Process::spawn(Launch {
            env: set.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            wrapper: Some(Wrapper::tied_to_this_process(signalbox.clone())),
            ..launch.args(["serve", "ingress", "--listen", &address.to_string()])
        });
        let options = signalbox_bus::Options { url: nats.url(), name: "bench".into(), ..Default::default() };
        let bus = Bus::connect_now(&options).await.map_err(failed)?;
        bus.ensure_streams().await.map_err(failed)?;
        let to = format!("events.{TYPE}").parse().map_err(failed)?;
        let mut rig = Self { nats, ingress: ingress.map_err(failed)?, address, bus, to };
        rig.takes_events().await?;
        Ok(rig)
    }

    async fn takes_events(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let taken = async { self.connect().await?.send(0).await };
            match taken.await {
                Ok(()) => return Ok(()),
                Err(_) if self.ingress.is_running() && began.elapsed() < START => sleep(LOOK_EVERY).await,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// One connection over which events are sent one after the other.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
        Ok(Connection { sender, connection, address: self.address })
    }

    /// Publishes one event as any publisher does.
    pub async fn publish(&self, n: usize) -> Result<(), Failure> {
        let id = Uuid::now_v7().to_string();
        let headers = [("ce-specversion", "1.0"), ("ce-id", &id), ("ce-source", "/bench"), ("ce-type", TYPE)];
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let json = (names::CONTENT_TYPE.to_owned(), "application/json".to_owned());
        let stored = self.bus.publish_as_written(&self.to, &id, headers.chain([json]).collect(), data(n));
        stored.await.map(drop).map_err(failed)
    }

    /// How many events were ever stored.
    pub async fn stored(&self) -> Result<u64, Failure> {
        Ok(self.bus.stream_state(stream::EVENTS).await?.map_or(0, |state| state.messages))
    }

    /// The nats-server and the ingress.
    pub fn processes(&mut self) -> Result<[Used; 2], Failure> {
        Ok([Used::by(self.nats.process().id())?, Used::by(self.ingress.id())?])
    }
}

/// A connection to the ingress.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    address: SocketAddr,
}

impl Connection {
    /// Sends one event, and reads the answer to its end.
    pub async fn send(&mut self, n: usize) -> Result<(), Failure> {
        let request = Request::post(format!("/events/{TYPE}"))
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(data(n)))
            .map_err(failed)?;
        let answer = async {
            let answer = self.sender.send_request(request).await?;
            Ok::<_, hyper::Error>((answer.status(), answer.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = tokio::select! {
            answer = answer => answer.map_err(failed)?,
            ended = &mut self.connection => {
                ended.map_err(failed)?;
                return Err(told("the ingress closed the connection".to_owned()));
            }
        };
        match status {
            StatusCode::ACCEPTED => Ok(()),
            _ => Err(told(format!("{status}: {}", String::from_utf8_lossy(&body)))),
        }
    }
}

/// A small order.
fn data(n: usize) -> Bytes {
    json!({ "order": n, "customer": format!("customer-{n}"), "status": "paid", "total": 12.5 })
        .to_string()
        .into()
}

fn failed(error: impl std::error::Error + 'static) -> Failure {
    told(Chain(&error).to_string())
}

/// What went wrong while measuring.
pub fn told(why: String) -> Failure {
    Failure::other(Exit::Failed, why)
}
