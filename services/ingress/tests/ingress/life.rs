use std::time::Duration;

use serde_json::json;
use signalbox_proto::{
    names::{service, subject},
    v1::{Condition, StatusReply},
};
use signalbox_servers::{free_port, local_http};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stack::{Stack, build, condition, eventually, start_nats};

#[tokio::test]
async fn it_is_ready_when_the_whole_way_is_open() {
    let mut stack = Stack::start("1s").await;
    let ready = stack.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(condition(&ready.body, "signal-router")["met"], false);

    let waits = || StatusReply {
        ready: false,
        conditions: vec![Condition { name: "temporal".into(), met: false, detail: "not reached".into() }],
    };
    stack
        .on_question(service::ROUTER, subject::ROUTER_STATUS, |()| StatusReply {
            ready: true,
            conditions: vec![],
        })
        .await;
    stack.on_question(service::SCHEDULER, subject::SCHEDULER_STATUS, move |()| waits()).await;
    eventually(async || {
        let ready = stack.get("/readyz").await.body;
        let passed_on = condition(&ready, "scheduler-manager")["detail"] == "temporal: not reached";
        if passed_on && condition(&ready, "signal-router")["met"] == true { Ok(()) } else { Err(ready) }
    })
    .await;

    // NATS goes: nothing is accepted, and the probe says so.
    stack.nats.stop(Duration::from_secs(5)).await.unwrap();
    eventually(async || {
        let ready = stack.get("/readyz").await.body;
        if condition(&ready, "nats")["met"] == false { Ok(()) } else { Err(ready) }
    })
    .await;
    let answer = stack.post("/trigger-workflow/a").await;
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("nats-away")));
}

#[tokio::test]
async fn it_starts_before_nats_and_makes_the_streams_when_it_comes() {
    let port = free_port().unwrap();
    let ingress = build(&format!("nats://127.0.0.1:{port}"), &["--wait", "300ms"]).await;
    let (url, stop) = (format!("http://{}", ingress.address()), ingress.stop());
    let http = local_http().build().unwrap();
    let checks = async {
        assert_eq!(http.get(format!("{url}/healthz")).send().await.unwrap().status(), 200);
        assert_eq!(http.get(format!("{url}/readyz")).send().await.unwrap().status(), 503);
        let _nats = start_nats(port, None).await;
        eventually(async || {
            let answer = http.post(format!("{url}/stop-workflow/a")).send().await.unwrap();
            // Stored, with nobody to carry it out.
            if answer.status() == 202 { Ok(()) } else { Err(answer.json().await.unwrap()) }
        })
        .await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(ingress.run(), checks);
    ended.unwrap();
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_ends() {
    let ingress = build("nats://127.0.0.1:1", &[]).await;
    let (address, stop) = (ingress.address(), ingress.stop());
    let client = async {
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        idle.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stop.cancel();
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(3), idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    };
    let (ended, ()) = tokio::join!(ingress.run(), client);
    ended.unwrap();
}

#[tokio::test]
async fn garbage_is_answered_and_hurts_nobody() {
    let stack = Stack::start("1s").await;
    let address = stack.url.trim_start_matches("http://").to_owned();
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(garbage).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(stack.client.get(format!("{}/healthz", stack.url)).send().await.unwrap().status(), 200);
}
