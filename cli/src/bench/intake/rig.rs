//! The server, the ingress and the clients of a measurement.

use std::env;
use std::net::SocketAddr;

use signalbox_bus::Bus;
use signalbox_domain::EventSubject;
use signalbox_proto::names::stream;
use signalbox_servers::{NatsServer, Process};
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use super::http::Http1;
use crate::bench::rig::{self, START, TYPE, caused_by};
use crate::bench::usage::Used;
use crate::failure::Failure;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everything that takes part. Dropping it ends it all.
pub struct Rig {
    nats: NatsServer,
    ingress: Process,
    /// Where the ingress listens.
    pub address: SocketAddr,
    bus: Bus,
    to: EventSubject,
}

impl Rig {
    /// Starts the server and the ingress, which is ready then.
    pub async fn start() -> Result<Self, Failure> {
        let signalbox = env::current_exe()?;
        let (nats, bus) = rig::nats(&signalbox).await?;
        let address = rig::free_address()?;
        let ingress = rig::service(&signalbox, "ingress", address, [("NATS_URL", nats.url())])?;
        let to = format!("events.{TYPE}").parse().map_err(caused_by)?;
        let mut rig = Self { nats, ingress, address, bus, to };
        rig.takes_events().await?;
        Ok(rig)
    }

    async fn takes_events(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let taken = async { Http1::connect(self.address).await?.send(0).await };
            match taken.await {
                Ok(()) => return Ok(()),
                Err(_) if self.ingress.is_running() && began.elapsed() < START => sleep(LOOK_EVERY).await,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Publishes one event as any publisher does.
    pub async fn publish(&self, n: usize) -> Result<(), Failure> {
        let (id, body) = (Uuid::now_v7(), rig::order(n).bytes().clone());
        let stored = self.bus.publish_as_written(&self.to, &id.to_string(), rig::headers(id), body).await;
        stored.map(drop).map_err(caused_by)
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
