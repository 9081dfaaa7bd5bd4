//! The HTTP server: hyper with the time-outs and bounds that `axum::serve` has no settings for.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, serve::Listener};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use crate::{limits::Peer, tls::Tls};

/// Connections that are open at a time; one more waits to be accepted.
const MAX_CONNECTIONS: usize = 8192;

/// How long the head of a request may take, from its connection's opening or its predecessor's answer; TLS has as long
/// to begin with.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How large the head of a request may be; a larger one gets 431. So much of a body is read at a time, too.
const HEAD_AT_MOST: usize = 16 * 1024;

/// How many headers it may have; one with more gets 431.
const HEADERS_AT_MOST: usize = 100;

/// Serves `router` until `stop`, then lets open requests finish.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    // Dropped with this future, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = Listener::accept(&mut listener), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection(stream, peer, router.clone(), tls.clone(), graceful.watcher()));
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "connection without TCP_NODELAY");
    }
    let Some(tls) = tls else { return speak(stream, peer, router, watcher).await };
    match timeout(HEAD_WITHIN, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, peer, router, watcher).await,
        Ok(Err(error)) => debug!(%error, "connection without TLS"),
        Err(_) => debug!("connection without TLS in time"),
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_AT_MOST)
        .max_headers(HEADERS_AT_MOST)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        debug!(%error, "connection broke off");
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
