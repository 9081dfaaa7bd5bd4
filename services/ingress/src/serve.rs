//! The HTTP server: hyper, which speaks HTTP/1.1 and HTTP/2, with the time-outs and bounds that `axum::serve` has no
//! settings for.

mod activity;

use std::{
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use activity::Activity;
use axum::{Router, extract::Request, http::header, serve::Listener};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulConnection},
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

/// How long a connection over which nothing is asked stays open. (HTTP/1.1 has no more than [`HEAD_WITHIN`].)
const IDLE_AT_MOST: Duration = Duration::from_secs(60);

/// Requests that are open at a time on one connection.
const STREAMS_AT_MOST: u32 = 256;

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
    // Dropped with this future, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = Listener::accept(&mut listener), if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(connection(stream, peer, router.clone(), tls.clone(), stop.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "connection without TCP_NODELAY");
    }
    let Some(tls) = tls else { return speak(stream, peer, router, stop).await };
    let accepting = timeout(HEAD_WITHIN, tls.acceptor().accept(stream));
    match stop.run_until_cancelled(accepting).await {
        Some(Ok(Ok(stream))) => speak(stream, peer, router, stop).await,
        Some(Ok(Err(error))) => debug!(%error, "connection without TLS"),
        Some(Err(_)) => debug!("connection without TLS in time"),
        None => debug!("stopped before TLS was spoken"),
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let activity = Arc::new(Activity::new());
    let asked = Arc::clone(&activity);
    let service = router.map_request(move |mut request: Request<Incoming>| {
        asked.notice();
        name_host(&mut request);
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let server = server();
    let mut connection =
        pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => finish(connection.as_mut()).await,
        () = activity.ceased() => finish(connection.as_mut()).await,
    };
    if let Err(error) = ended {
        debug!(%error, "connection broke off");
    }
}

fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_AT_MOST)
        .max_headers(HEADERS_AT_MOST);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_AT_MOST as u32)
        .max_concurrent_streams(STREAMS_AT_MOST);
    server
}

/// What is open is answered; nothing new is taken.
async fn finish<C: GracefulConnection>(mut connection: Pin<&mut C>) -> Result<(), C::Error> {
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// Whom a request is for, it may say in its target, which goes before the header (RFC 9110, 7.2; RFC 9112, 3.2.2).
fn name_host(request: &mut Request<Incoming>) {
    let authority = request.uri().authority().and_then(|authority| authority.as_str().parse().ok());
    if let Some(host) = authority {
        request.headers_mut().insert(header::HOST, host);
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
