//! The HTTP server: hyper with the time-outs and bounds that `axum::serve` has no settings for.

use std::time::Duration;

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Connections that are open at a time; one more waits to be accepted.
const MAX_CONNECTIONS: usize = 8192;

/// How long the head of a request may take, from its connection's opening or its predecessor's answer.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Serves `router` until `stop`, then lets open requests finish.
pub async fn serve(mut listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    // Dropped with this future, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, _) = Listener::accept(&mut listener), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection(stream, router.clone(), graceful.watcher()));
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn connection(stream: TcpStream, router: Router, watcher: hyper_util::server::graceful::Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "connection without TCP_NODELAY");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        debug!(%error, "connection broke off");
    }
}
