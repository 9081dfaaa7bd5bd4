//! Clients of the ingress that do no more than they must.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::bench::rig::{TYPE, caused_by, failed, order};
use crate::failure::Failure;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A connection over which events go one after the other.
pub struct Http1 {
    to: Target,
    sender: http1::SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
}

/// A connection that many use at once.
#[derive(Clone)]
pub struct Http2 {
    to: Target,
    sender: http2::SendRequest<Full<Bytes>>,
}

/// Where events go: written once, not for each.
#[derive(Clone)]
struct Target {
    uri: Uri,
    host: HeaderValue,
}

impl Http1 {
    pub async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let (sender, connection) = http1::handshake(open(address).await?).await.map_err(caused_by)?;
        let to = Target::new(address, format!("/events/{TYPE}"))?;
        Ok(Self { to, sender, connection })
    }

    /// Sends one event, and reads the answer to its end.
    pub async fn send(&mut self, n: usize) -> Result<(), Failure> {
        let request = self.to.event(n)?;
        let answer = async { taken(self.sender.send_request(request).await.map_err(caused_by)?).await };
        tokio::select! {
            answer = answer => answer,
            ended = &mut self.connection => {
                ended.map_err(caused_by)?;
                Err(closed())
            }
        }
    }
}

impl Http2 {
    /// Also gives what keeps it up: it is to be polled while it is used.
    pub async fn connect(address: SocketAddr) -> Result<(Self, impl Future<Output = Failure>), Failure> {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), open(address).await?).await.map_err(caused_by)?;
        let up = async { connection.await.err().map_or_else(closed, caused_by) };
        let to = Target::new(address, format!("http://{address}/events/{TYPE}"))?;
        Ok((Self { to, sender }, up))
    }

    /// Sends one event, and reads the answer to its end.
    pub async fn send(&mut self, n: usize) -> Result<(), Failure> {
        taken(self.sender.send_request(self.to.event(n)?).await.map_err(caused_by)?).await
    }
}

impl Target {
    fn new(address: SocketAddr, uri: String) -> Result<Self, Failure> {
        let host = HeaderValue::try_from(address.to_string()).map_err(caused_by)?;
        Ok(Self { uri: uri.try_into().map_err(caused_by)?, host })
    }

    fn event(&self, n: usize) -> Result<Request<Full<Bytes>>, Failure> {
        Request::post(self.uri.clone())
            .header(header::HOST, self.host.clone())
            .header(header::CONTENT_TYPE, JSON)
            .body(Full::new(order(n).bytes().clone()))
            .map_err(caused_by)
    }
}

fn closed() -> Failure {
    failed("the ingress closed the connection".to_owned())
}

async fn open(address: SocketAddr) -> Result<TokioIo<TcpStream>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

async fn taken(answer: Response<Incoming>) -> Result<(), Failure> {
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(caused_by)?.to_bytes();
    match status {
        StatusCode::ACCEPTED => Ok(()),
        _ => Err(failed(format!("{status}: {}", String::from_utf8_lossy(&body)))),
    }
}
