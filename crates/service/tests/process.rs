//! A whole process, without signals: real sockets, stopped by its token.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use signalbox_servers::local_http;
use signalbox_service::{OnEnd, Process, TaskFailure};
use signalbox_telemetry::Chain;
use tokio::sync::Notify;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// Long enough that a test which waits for it has failed.
const LONG: Duration = Duration::from_secs(60);

type Journal = Arc<Mutex<Vec<&'static str>>>;

async fn fetch(url: String) -> reqwest::Result<reqwest::Response> {
    local_http().build()?.get(url).send().await
}

async fn get_text(url: String) -> (u16, String, String) {
    let answer = fetch(url).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn health_tells_the_truth_from_start_to_stop() {
    let process = Process::new("test");
    let nats = process.readiness.condition("nats");
    let address = process.serve_health(LOOPBACK).await.unwrap();
    let url = move |path: &str| format!("http://{address}{path}");

    assert_eq!(get_text(url("/healthz")).await.0, 200);
    let (status, kind, body) = get_text(url("/readyz")).await;
    assert_eq!((status, kind.as_str()), (503, "application/json"));
    assert_eq!(
        body,
        r#"{"ready":false,"conditions":[{"name":"running","met":false,"detail":"not yet checked"},{"name":"nats","met":false,"detail":"not yet checked"}]}"#
    );

    let (stop, readiness) = (process.stop.clone(), process.readiness.clone());
    let (draining, drained) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    process.tasks.spawn("slow", OnEnd::StopService, {
        let (stop, draining, drained) = (stop.clone(), draining.clone(), drained.clone());
        async move {
            stop.cancelled().await;
            draining.notify_one();
            drained.notified().await;
            Ok(())
        }
    });
    let running = tokio::spawn(process.run_until_stopped(LONG));
    nats.met();
    readiness.ready().await;
    assert_eq!(get_text(url("/readyz")).await.0, 200);

    stop.cancel();
    draining.notified().await;
    let (status, _, body) = get_text(url("/readyz")).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains(r#"{"name":"running","met":false,"detail":"stopping"}"#), "{body}");
    assert_eq!(get_text(url("/healthz")).await.0, 200);
    drained.notify_one();
    running.await.unwrap().unwrap();
    assert!(fetch(url("/healthz")).await.is_err());
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let process = Process::new("test");
    let seen: prometheus_client::metrics::counter::Counter =
        process.metrics.register("seen", "Seen", Default::default());
    seen.inc();
    let address = process.serve_health(LOOPBACK).await.unwrap();
    let (status, kind, text) = get_text(format!("http://{address}/metrics")).await;
    assert_eq!(status, 200);
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.contains("signalbox_seen_total{service=\"test\"} 1\n"), "{text}");
}

#[tokio::test]
async fn a_taken_port_is_told_before_anything_runs() {
    let holder = std::net::TcpListener::bind(LOOPBACK).unwrap();
    let taken = holder.local_addr().unwrap();
    let error = Process::new("test").serve_health(taken).await.unwrap_err();
    let text = Chain(&error).to_string();
    assert!(text.starts_with(&format!("cannot listen on {taken} (--listen): ")), "{text}");
}

#[tokio::test]
async fn an_open_request_is_answered_and_a_new_one_refused() {
    let process = Process::new("test");
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, release) = (entered.clone(), release.clone());
        async move || {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    let listener = process.bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    process.serve(listener, Router::new().route("/", get(slow)));
    let (stop, tasks) = (process.stop.clone(), process.tasks.clone());
    let running = tokio::spawn(process.run_until_stopped(LONG));
    let open = tokio::spawn(fetch(format!("http://{address}/")));
    entered.notified().await;
    stop.cancel();
    refused(address).await;
    assert_eq!(tasks.running(), ["http server"]);
    release.notify_one();
    assert_eq!(open.await.unwrap().unwrap().text().await.unwrap(), "done");
    running.await.unwrap().unwrap();
}

/// Waits until nobody listens on `address`.
async fn refused(address: SocketAddr) {
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn tasks_end_before_connections_close_last_opened_first() {
    let process = Process::new("test");
    let journal = Journal::default();
    let note = |what: &'static str| {
        let journal = journal.clone();
        async move {
            journal.lock().unwrap().push(what);
            anyhow::Ok(())
        }
    };
    process.on_close("first", note("first opened"));
    process.on_close("broken", async { bail!("no connection") });
    process.on_close("second", note("second opened"));
    let (stop, note) = (process.stop.clone(), note("task"));
    process.tasks.spawn("task", OnEnd::StopService, async move {
        stop.cancelled().await;
        tokio::task::yield_now().await;
        note.await
    });
    process.stop.cancel();
    process.run_until_stopped(Duration::MAX).await.unwrap();
    assert_eq!(*journal.lock().unwrap(), ["task", "second opened", "first opened"]);
}

#[tokio::test]
async fn the_end_of_a_vital_task_stops_the_service_with_its_name() {
    let failed = run_with(OnEnd::StopService, async { bail!("no stream") }).await.unwrap_err();
    assert_eq!(Chain(&failed).to_string(), "task `t` failed: no stream");
    let panicked = run_with(OnEnd::StopService, async { panic!("at {}", "night") }).await.unwrap_err();
    assert_eq!(panicked.to_string(), "task `t` panicked: at night");
    let ended = run_with(OnEnd::StopService, async { Ok(()) }).await.unwrap_err();
    assert!(matches!(ended, TaskFailure::Ended { task } if task == "t"));
}

#[tokio::test]
async fn the_end_of_another_task_does_not() {
    for end in [async { bail!("no gauge") }.boxed(), async { panic!("no gauge") }.boxed()] {
        let process = Process::new("test");
        process.tasks.spawn("t", OnEnd::Log, end);
        process.tasks.idle().await;
        assert!(!process.stop.is_cancelled());
        process.stop.cancel();
        process.run_until_stopped(LONG).await.unwrap();
    }
}

#[tokio::test]
async fn an_error_after_the_stop_is_no_failure_of_the_service() {
    let process = Process::new("test");
    let stop = process.stop.clone();
    process.tasks.spawn("t", OnEnd::StopService, async move {
        stop.cancelled().await;
        bail!("connection closed")
    });
    process.stop.cancel();
    process.run_until_stopped(LONG).await.unwrap();
}

#[tokio::test]
async fn whoever_outlasts_the_grace_period_is_abandoned() {
    let process = Process::new("test");
    let dropped = Arc::new(());
    let held = dropped.clone();
    process.tasks.spawn("stuck", OnEnd::StopService, async move {
        let _held = held;
        std::future::pending().await
    });
    process.on_close("stuck too", std::future::pending());
    let closed = Journal::default();
    let journal = closed.clone();
    process.on_close("quick", async move {
        journal.lock().unwrap().push("quick");
        Ok(())
    });
    assert_eq!(process.tasks.running(), ["stuck"]);
    process.stop.cancel();
    process.run_until_stopped(Duration::from_millis(10)).await.unwrap();
    assert_eq!(*closed.lock().unwrap(), ["quick"]);
    assert_eq!(Arc::strong_count(&dropped), 1, "the abandoned task still holds what it had");
}

#[tokio::test]
async fn a_half_sent_request_cannot_hold_up_the_stop() {
    let process = Process::new("test");
    let listener = process.bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    process.serve(listener, Router::new());
    let mut slow = std::net::TcpStream::connect(address).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(fetch(format!("http://{address}/")).await.unwrap().status(), 404);
    let stop = process.stop.clone();
    let running = tokio::spawn(process.run_until_stopped(Duration::from_millis(100)));
    stop.cancel();
    running.await.unwrap().unwrap();
}

async fn run_with<F>(on_end: OnEnd, end: F) -> Result<(), TaskFailure>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let process = Process::new("test");
    process.tasks.spawn("t", on_end, end);
    process.run_until_stopped(LONG).await
}
