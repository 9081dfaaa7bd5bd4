//! Request-reply, by the NATS service API: `nats micro info signalbox-router` lists what is offered.

use std::time::Duration;

use async_nats::{
    HeaderMap, HeaderValue,
    client::RequestErrorKind,
    service::{Service, ServiceExt, endpoint::Endpoint},
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{FuturesUnordered, SelectAll},
};
use prost::Message;

use signalbox_domain::TraceContext;
use signalbox_proto::{
    names::header,
    v1::{Condition, StatusReply},
};
use signalbox_service::Readiness;
use signalbox_telemetry::Chain;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, Error,
    pause::{LONGEST_PAUSE, patient},
    spans,
};

/// How long instances of a service may take to say that they are there.
const PING: Duration = Duration::from_millis(500);

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody offers it now.
    #[error("no service answers on {0}")]
    NoResponders(&'static str),
    /// Somebody does, but did not answer in time; it may have done what was asked.
    #[error("the service on {0} did not answer in time")]
    TimedOut(&'static str),
    /// The connection is down or refused the request.
    #[error("the request to {0} could not be sent")]
    NotSent(&'static str, #[source] async_nats::Error),
    /// The answer is not of the expected form.
    #[error("the service on {0} gave an answer that cannot be read")]
    Unreadable(&'static str),
}

impl Bus {
    /// Asks the service on `subject` and waits at most `timeout`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn request<Question: Message, Answer: Message + Default>(
        &self,
        subject: &'static str,
        question: &Question,
        timeout: Duration,
    ) -> Result<Answer, RequestError> {
        let mut span = spans::request(subject);
        let answer = self.ask(subject, question, timeout, &span.context()).await;
        if let Err(error) = &answer {
            span.fail(|| Chain(error).to_string());
        }
        answer
    }

    async fn ask<Question: Message, Answer: Message + Default>(
        &self,
        subject: &'static str,
        question: &Question,
        timeout: Duration,
        trace: &TraceContext,
    ) -> Result<Answer, RequestError> {
        let mut request =
            async_nats::Request::new().payload(question.encode_to_vec().into()).timeout(Some(timeout));
        if let Some(Ok(parent)) = trace.traceparent().map(str::parse::<HeaderValue>) {
            let mut headers = HeaderMap::new();
            headers.insert(header::TRACEPARENT, parent);
            request = request.headers(headers);
        }
        let answer =
            self.client.send_request(subject, request).await.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => RequestError::NoResponders(subject),
                RequestErrorKind::TimedOut => RequestError::TimedOut(subject),
                _ => RequestError::NotSent(subject, error.into()),
            })?;
        let failed =
            answer.headers.as_ref().is_some_and(|h| h.get(async_nats::service::NATS_SERVICE_ERROR).is_some());
        if failed {
            return Err(RequestError::Unreadable(subject));
        }
        Answer::decode(answer.payload).map_err(|_| RequestError::Unreadable(subject))
    }

    /// How many processes offer a service now.
    ///
    /// # Errors
    /// When NATS cannot be asked.
    pub async fn instances(&self, service: &str) -> Result<usize, Error> {
        let of = Error::when("count the instances of a service");
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| of(e.into()))?;
        let to = format!("$SRV.PING.{service}");
        self.client.publish_with_reply(to, inbox, Bytes::new()).await.map_err(|e| of(e.into()))?;
        let mut count = 0;
        let counting = async {
            while let Some(answer) = answers.next().await {
                count += usize::from(answer.status.is_none());
            }
        };
        // Nobody says who is the last.
        let _all_that_answer_in_time = timeout(PING, counting).await;
        Ok(count)
    }

    /// Offers a service with these endpoints, as soon as NATS is there.
    pub async fn offer_when_there(&self, offer: &Offer) -> Calls {
        let mut pauses = patient();
        loop {
            match self.offer(offer).await {
                Ok(calls) => return calls,
                Err(error) => tracing::debug!(error = %Chain(&error), "not offered yet"),
            }
            tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    /// Offers a service and has its calls answered, at most `at_once` together, until `stop`; what has begun is
    /// finished then.
    pub async fn serve<F: Future<Output = ()>>(
        &self,
        offer: &Offer,
        at_once: usize,
        stop: &CancellationToken,
        answer: impl Fn(Call) -> F,
    ) {
        let Some(mut calls) = stop.run_until_cancelled(self.offer_when_there(offer)).await else { return };
        let mut answering = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = answering.next() => {}
                call = calls.next(), if answering.len() < at_once => match call {
                    Some(call) => answering.push(answered(call, &answer)),
                    None => break,
                },
            }
        }
        while answering.next().await.is_some() {}
    }

    async fn offer(&self, offer: &Offer) -> Result<Calls, Error> {
        let of = Error::when("offer a service");
        let service = self
            .client
            .service_builder()
            .description(offer.description)
            .start(offer.name, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(&of)?;
        let mut calls = SelectAll::new();
        for &(name, subject) in offer.endpoints {
            let endpoint = service.endpoint_builder().name(name).add(subject).await.map_err(&of)?;
            calls.push(Named { subject, endpoint });
        }
        // Subscribing only sends it. The server reads a connection in order, so once this is answered it knows.
        self.client
            .request(format!("$SRV.PING.{}", offer.name), Bytes::new())
            .await
            .map_err(|e| of(e.into()))?;
        Ok(Calls { _service: service, calls })
    }
}

/// The work for a call, as a span of its own if the call came with a trace.
async fn answered<F: Future<Output = ()>>(call: Call, answer: &impl Fn(Call) -> F) {
    match spans::answer(&call.trace(), call.subject) {
        Some(span) => span.around(answer(call)).await,
        None => answer(call).await,
    }
}

/// What a service offers.
pub struct Offer {
    /// Its name in the service API.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// Names and subjects of its endpoints.
    pub endpoints: &'static [(&'static str, &'static str)],
}

struct Named {
    subject: &'static str,
    endpoint: Endpoint,
}

impl futures::Stream for Named {
    type Item = Call;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Call>> {
        let subject = self.subject;
        self.endpoint.poll_next_unpin(context).map(|next| next.map(|request| Call { subject, request }))
    }
}

/// The calls of an offered service; dropping it ends the offer.
pub struct Calls {
    _service: Service,
    calls: SelectAll<Named>,
}

impl Calls {
    /// The next call; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Call> {
        self.calls.next().await
    }
}

/// One call of an offered service.
pub struct Call {
    /// The subject that it came on.
    pub subject: &'static str,
    request: async_nats::service::Request,
}

impl Call {
    /// The question.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn question<Question: Message + Default>(&self) -> Result<Question, prost::DecodeError> {
        Question::decode(self.request.message.payload.clone())
    }

    /// The trace that it belongs to.
    fn trace(&self) -> TraceContext {
        let headers = self.request.message.headers.as_ref();
        let text = |name: &str| headers.and_then(|headers| headers.get(name)).map(HeaderValue::as_str);
        TraceContext::from_headers(text(header::TRACEPARENT), text(header::TRACESTATE))
    }

    /// Answers.
    pub async fn answer<Answer: Message>(&self, answer: &Answer) {
        self.respond(Ok(answer.encode_to_vec().into())).await;
    }

    /// Refuses a question that cannot be read.
    pub async fn refuse(&self, why: &str) {
        self.respond(Err(async_nats::service::error::Error { status: why.to_owned(), code: 400 })).await;
    }

    async fn respond(&self, response: Result<Bytes, async_nats::service::error::Error>) {
        if let Err(error) = self.request.respond(response).await {
            tracing::warn!(%error, subject = self.subject, "the answer was not sent");
        }
    }
}

/// What a service answers that is asked for its status.
pub fn status(readiness: &Readiness) -> StatusReply {
    let conditions = readiness.snapshot().into_iter().map(|state| Condition {
        name: state.name.to_string(),
        met: state.met,
        detail: state.detail,
    });
    StatusReply { ready: readiness.is_ready(), conditions: conditions.collect() }
}
