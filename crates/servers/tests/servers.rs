//! Runs the real servers: start, readiness, restart with data, ports, and the end of each.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use signalbox_servers::{
    Binary, Error, INSTALL_DIR, NatsOptions, NatsServer, TemporalOptions, TemporalServer, is_free,
    local_http, locate,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

const GRACE: Duration = Duration::from_secs(20);

fn binary(binary: Binary) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    locate(binary, &workspace.join(INSTALL_DIR)).unwrap()
}

fn nats() -> NatsOptions {
    NatsOptions::new(binary(Binary::NatsServer))
}

fn temporal() -> TemporalOptions {
    TemporalOptions::new(binary(Binary::Temporal))
}

fn exists(pid: u32) -> bool {
    test_kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap()).is_ok()
}

/// A request to JetStream's API in NATS's own protocol.
async fn jetstream(port: u16, subject: &str, request: &Value) -> Value {
    let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let mut stream = BufReader::new(stream);
    let request = request.to_string();
    let text = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB reply 1\r\nPUB $JS.API.{subject} reply {}\r\n{request}\r\n",
        request.len()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut line = String::new();
    while !line.starts_with("MSG reply") {
        line.clear();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "no reply");
    }
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    serde_json::from_str(&line).unwrap()
}

async fn create_stream(port: u16) -> Value {
    let config = json!({ "name": "KEPT", "subjects": ["kept.>"], "storage": "file" });
    jetstream(port, "STREAM.CREATE.KEPT", &config).await
}

async fn stream_name(port: u16) -> Option<String> {
    let info = jetstream(port, "STREAM.INFO.KEPT", &json!({})).await;
    info["config"]["name"].as_str().map(Into::into)
}

#[tokio::test]
async fn nats_comes_back_with_its_streams() {
    let mut nats = NatsServer::start(nats()).await.unwrap();
    let (port, first) = (nats.port(), nats.process().id());
    assert_eq!(create_stream(port).await["config"]["name"], "KEPT");

    nats.kill().unwrap();
    assert!(!nats.process().is_running());
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    nats.start_again().await.unwrap();
    assert_eq!(nats.port(), port);
    assert_ne!(nats.process().id(), first);
    assert_eq!(stream_name(port).await.as_deref(), Some("KEPT"));
}

#[tokio::test]
async fn nats_data_outlives_the_server_when_a_folder_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = NatsServer::start(nats().data_dir(dir.path())).await.unwrap();
    create_stream(first.port()).await;
    let status = first.stop(GRACE).await.unwrap();
    assert!(status.success(), "{status}");
    drop(first);

    let second = NatsServer::start(nats().data_dir(dir.path())).await.unwrap();
    assert_eq!(stream_name(second.port()).await.as_deref(), Some("KEPT"));
}

#[tokio::test]
async fn nats_without_a_folder_leaves_none() {
    let mut nats = NatsServer::start(nats()).await.unwrap();
    let (dir, pid) = (nats.data_dir().to_owned(), nats.process().id());
    create_stream(nats.port()).await;
    assert!(dir.join("jetstream").is_dir());
    drop(nats);
    assert!(!exists(pid));
    assert!(!dir.exists());
}

#[tokio::test]
async fn two_of_each_run_side_by_side() {
    let (one, two) = (NatsServer::start(nats()).await.unwrap(), NatsServer::start(nats()).await.unwrap());
    create_stream(one.port()).await;
    assert_eq!(stream_name(two.port()).await, None);

    let (one, two) = tokio::try_join!(
        TemporalServer::start(temporal().ui_port(0)),
        TemporalServer::start(temporal().ui_port(0))
    )
    .unwrap();
    assert_ne!(one.address(), two.address());
    for server in [&one, &two] {
        let ui = format!("http://127.0.0.1:{}", server.ui_port().unwrap());
        assert!(local_http().build().unwrap().get(ui).send().await.unwrap().status().is_success());
    }
}

#[tokio::test]
async fn nats_takes_lines_of_configuration() {
    let nats = NatsServer::start(nats().config("max_payload: 3MB")).await.unwrap();
    let mut stream =
        BufReader::new(tokio::net::TcpStream::connect(("127.0.0.1", nats.port())).await.unwrap());
    let mut info = String::new();
    stream.read_line(&mut info).await.unwrap();
    assert!(info.contains(r#""max_payload":3145728"#), "{info}");
}

#[tokio::test]
async fn a_mistake_in_the_configuration_is_shown() {
    let error = NatsServer::start(nats().config("max_payload: many")).await.unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("nats-server.conf:1"), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let errors = [
        NatsServer::start(nats().port(port)).await.unwrap_err(),
        TemporalServer::start(temporal().port(port)).await.unwrap_err(),
        TemporalServer::start(temporal().ui_port(port)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::PortTaken { port: named, .. } if named == port), "{error}");
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }
}

#[tokio::test]
async fn temporal_comes_back_with_its_workflows() {
    let dir = tempfile::tempdir().unwrap();
    let mut temporal =
        TemporalServer::start(temporal().database(dir.path().join("new/temporal.db"))).await.unwrap();
    let workflow =
        format!("http://127.0.0.1:{}/api/v1/namespaces/default/workflows/kept", temporal.http_port());
    let http = local_http().build().unwrap();
    let start = json!({ "workflowType": { "name": "Any" }, "taskQueue": { "name": "any" } });
    let started = http.post(&workflow).json(&start).send().await.unwrap();
    assert!(started.status().is_success(), "{}", started.status());

    temporal.kill().unwrap();
    http.get(&workflow).send().await.unwrap_err();
    temporal.start_again().await.unwrap();
    let described = http.get(&workflow).send().await.unwrap();
    assert!(described.status().is_success(), "{}", described.status());
}

#[tokio::test]
async fn temporal_ends_when_asked_and_when_dropped() {
    let mut asked =
        TemporalServer::start(temporal().dynamic_config(["frontend.enableUpdateWorkflowExecution=true"]))
            .await
            .unwrap();
    let port = asked.port();
    let status = asked.stop(GRACE).await.unwrap();
    assert!(status.success(), "{status}");
    assert!(is_free(port));

    let mut dropped = TemporalServer::start(temporal()).await.unwrap();
    let (pid, port) = (dropped.process().id(), dropped.port());
    drop(dropped);
    assert!(!exists(pid));
    assert!(is_free(port));
}
