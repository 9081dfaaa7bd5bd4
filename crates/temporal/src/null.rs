//! A frontend of Temporal that does nothing and answers every call at once. What is in front of it is measured alone
//! then.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, Bytes};
use futures::{FutureExt, future::BoxFuture};
use prost::Message;
use temporalio_client::tonic::codegen::http;
use temporalio_common::protos::temporal::api::workflowservice::v1::StartWorkflowExecutionResponse;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService, UnaryService},
    transport::{Error, Server, server::TcpIncoming},
};
use tower::Service;

/// All runs are this one.
const RUN_ID: &str = "01900000-0000-7000-8000-000000000000";

const SERVICES: [&str; 2] =
    ["temporal.api.workflowservice.v1.WorkflowService", "temporal.api.operatorservice.v1.OperatorService"];

/// Answers calls of Temporal's workflow and operator services: a start gets a run id, everything else the answer
/// that says nothing. It reads no request.
///
/// # Errors
/// When the listener fails.
pub async fn serve_null(listener: TcpListener) -> Result<(), Error> {
    let started =
        StartWorkflowExecutionResponse { run_id: RUN_ID.into(), started: true, ..Default::default() };
    let started = Bytes::from(started.encode_to_vec());
    Server::builder()
        .add_service(Frontend::<0> { started: started.clone() })
        .add_service(Frontend::<1> { started })
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await
}

#[derive(Clone)]
struct Frontend<const SERVICE: usize> {
    started: Bytes,
}

impl<const SERVICE: usize> NamedService for Frontend<SERVICE> {
    const NAME: &'static str = SERVICES[SERVICE];
}

impl<const SERVICE: usize> Service<http::Request<Body>> for Frontend<SERVICE> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let starts = request.uri().path().ends_with("StartWorkflowExecution");
        let answer = Answer(if starts { self.started.clone() } else { Bytes::new() });
        async move { Ok(Grpc::new(Unread).unary(answer, request).await) }.boxed()
    }
}

struct Answer(Bytes);

impl UnaryService<()> for Answer {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

/// Requests are thrown away, answers are encoded already.
struct Unread;

impl Codec for Unread {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Unread {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Unread {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        from.advance(from.remaining());
        Ok(Some(()))
    }
}
