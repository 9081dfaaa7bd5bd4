//! What the rigs of measurements have in common.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use signalbox_bus::Bus;
use signalbox_domain::JsonText;
use signalbox_proto::names::header;
use signalbox_servers::{
    Binary, INSTALL_DIR, Launch, NatsOptions, NatsServer, Process, Wrapper, free_port, locate,
};
use signalbox_telemetry::Chain;
use uuid::Uuid;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::processors;

/// A server, or a service, that takes longer than this to start will not.
pub const START: Duration = Duration::from_secs(60);

/// Starts a nats-server, and makes what the services need in it.
pub async fn nats(signalbox: &Path) -> Result<(NatsServer, Bus), Failure> {
    let binary = locate(Binary::NatsServer, INSTALL_DIR.as_ref()).map_err(caused_by)?;
    let options = NatsOptions::new(binary).wrapper(Wrapper::tied_to_this_process(signalbox.to_owned()));
    let server = NatsServer::start(options).await.map_err(caused_by)?;
    let options = signalbox_bus::Options { url: server.url(), name: "bench".into(), ..Default::default() };
    let bus = Bus::connect_now(&options).await.map_err(caused_by)?;
    bus.ensure_streams().await.map_err(caused_by)?;
    Ok((server, bus))
}

/// A place to listen that nobody else has.
pub fn free_address() -> Result<SocketAddr, Failure> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().map_err(caused_by)?)))
}

/// Starts one of our services with these variables.
pub fn service<const N: usize>(
    signalbox: &Path,
    name: &'static str,
    listen: SocketAddr,
    variables: [(&str, String); N],
) -> Result<Process, Failure> {
    let quiet = [("SIGNALBOX_LOG", "warn".to_owned())];
    let variables = variables.into_iter().chain(quiet).chain(processors::for_service());
    let launch = Launch::new(name, signalbox);
    let launch = Launch {
        env: variables.map(|(name, value)| (name.into(), value.into())).collect(),
        wrapper: Some(Wrapper::tied_to_this_process(signalbox.to_owned())),
        ..launch.args(["serve", name, "--listen", &listen.to_string()])
    };
    Process::spawn(launch).map_err(caused_by)
}

/// The type of the events.
pub const TYPE: &str = "signalbox.bench";

/// The headers of an event, a CloudEvent in binary mode.
pub fn headers(id: Uuid) -> Vec<(Cow<'static, str>, String)> {
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", &id.to_string()),
        ("ce-source", "/signalbox/bench"),
        ("ce-type", TYPE),
        (header::CONTENT_TYPE, "application/json"),
    ];
    headers.map(|(name, value)| (name.into(), value.to_owned())).into()
}

/// A small order, as an event carries it.
pub fn order(n: usize) -> JsonText {
    let customer = format!("customer-{n}");
    JsonText::from_value(&json!({ "order": n, "customer": customer, "status": "paid", "total": 12.5 }))
}

/// What went wrong while measuring.
pub fn failed(why: String) -> Failure {
    Failure::other(Exit::Failed, why)
}

/// The same, told by an error and its causes.
pub fn caused_by(error: impl std::error::Error + 'static) -> Failure {
    failed(Chain(&error).to_string())
}
