//! What a handler takes from a request. Whatever is malformed becomes a [`Problem`].

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderValue,
        header::{HeaderName, USER_AGENT},
        request::Parts,
    },
};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use signalbox_domain::{EventId, TraceContext, Trigger};
use signalbox_proto::names::header;
use uuid::Uuid;

use crate::{auth::Principal, problem::Problem};

/// Header that gives a call its event id, so that the same call again has no second effect.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value))
            .map_err(|error| Problem::malformed(error.body_text()))
    }
}

/// The parameters of the query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // The decoder would put U+FFFD where the text is broken.
        if percent_decode_str(query).decode_utf8().is_err() {
            return Err(Problem::malformed("the query is not UTF-8"));
        }
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error: QueryRejection| Problem::malformed(error.body_text()))
    }
}

/// The W3C Trace Context that a request is worked on under: that of its span, if it has one, else the caller's; none
/// when the caller's is malformed.
#[derive(Clone, Debug, Default)]
pub struct Trace(pub TraceContext);

impl Trace {
    /// The caller's, from the headers of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self(TraceContext::from_headers(text(header::TRACEPARENT), text(header::TRACESTATE)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// The identity of a call: its `Idempotency-Key`, if it has one, is the id of the event that it stands for.
#[derive(Debug)]
pub struct CallId(pub EventId);

impl<S: Send + Sync> FromRequestParts<S> for CallId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        idempotency_key(&parts.headers)?.map_or_else(fresh_id, Ok).map(Self)
    }
}

/// Whoever names a workflow in a call.
#[derive(Debug)]
pub struct Caller {
    /// The identity of the call.
    pub call: EventId,
    /// Whether that is the caller's own, so that the call may come again.
    pub keyed: bool,
    /// The trace that it is worked on under.
    pub trace: TraceContext,
    /// The command line of this project, or anything else that speaks HTTP.
    pub trigger: Trigger,
    /// What it may have done.
    pub principal: Principal,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let CallId(call) = CallId::from_request_parts(parts, state).await?;
        let Ok(principal) = Principal::from_request_parts(parts, state).await;
        let Ok(Trace(trace)) = Trace::from_request_parts(parts, state).await;
        let agent = parts.headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        let trigger = if agent.starts_with(b"signalbox/") { Trigger::Cli } else { Trigger::Http };
        let keyed = parts.headers.contains_key(IDEMPOTENCY_KEY);
        Ok(Self { call, keyed, trace, trigger, principal })
    }
}

/// The caller's own key, if it sent one.
///
/// # Errors
/// When it cannot be an event id.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<EventId>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::malformed("Idempotency-Key is visible ASCII text"))?;
    Ok(Some(text.parse().map_err(|rule| Problem::malformed(format!("Idempotency-Key: {rule}")))?))
}

/// An id that no event has yet.
///
/// # Errors
/// Never in practice: it would mean that a UUID is no event id.
pub fn fresh_id() -> Result<EventId, Problem> {
    Ok(Uuid::now_v7().to_string().parse()?)
}
