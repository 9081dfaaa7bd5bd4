//! What refuses what is too much.

use std::time::Duration;

use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use tokio::sync::SemaphorePermit;

use super::{Limits, Peer, peer};
use crate::{
    auth::Principal,
    body::BODY_LIMIT,
    problem::{Code, Problem},
};

/// A call is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    who: &'static str,
    wait: Duration,
}

impl Limits {
    /// Counts a call of its address. Probes are not counted: they must answer when it matters.
    ///
    /// # Errors
    /// [`TooOften`], if it is one too many.
    pub fn count_address(&self, request: &Request) -> Result<(), TooOften> {
        if matches!(path(request), Some("/healthz" | "/readyz")) {
            return Ok(());
        }
        let (Some(rates), Some(peer)) = (&self.by_address, request.extensions().get::<Peer>()) else {
            return Ok(());
        };
        let address = peer::address(*peer, request.headers(), self.proxies);
        rates.count(&address).map_err(|wait| TooOften { who: "this address", wait })
    }

    /// Counts a call of whoever it is.
    ///
    /// # Errors
    /// [`TooOften`], if it is one too many.
    pub fn count_caller(&self, caller: &Principal) -> Result<(), TooOften> {
        let (Some(rates), Some(name)) = (&self.by_caller, &caller.name) else { return Ok(()) };
        rates.count(name).map_err(|wait| TooOften { who: "this key or token", wait })
    }

    /// Room for a request, for as long as it is kept; none is needed for what tells how the service is. A body that does
    /// not say how long it is counts as the longest.
    ///
    /// # Errors
    /// A [`Problem`] when too many requests are open, or too many bytes of bodies are held.
    pub fn room(&self, request: &Request) -> Result<Option<Room<'_>>, Problem> {
        if matches!(path(request), Some("/healthz" | "/readyz" | "/metrics")) {
            return Ok(None);
        }
        let length = request.body().size_hint().exact().unwrap_or(BODY_LIMIT as u64);
        // What is longer is refused, and read no further than that.
        let bytes = u32::try_from(length.min(BODY_LIMIT as u64)).unwrap_or(u32::MAX);
        match (self.requests.try_acquire(), self.bodies.try_acquire_many(bytes)) {
            (Ok(open), Ok(held)) => Ok(Some(Room { _open: open, _held: held })),
            _ => Err(Problem::too_busy()),
        }
    }
}

/// Room for a request and its body.
#[derive(Debug)]
pub struct Room<'l> {
    _open: SemaphorePermit<'l>,
    _held: SemaphorePermit<'l>,
}

fn path(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

impl IntoResponse for TooOften {
    fn into_response(self) -> Response {
        let seconds = self.wait.as_secs() + u64::from(self.wait.subsec_nanos() > 0);
        let detail = format!("{} calls too often; send it again in {seconds} s", self.who);
        let mut response = Problem::new(Code::TooManyRequests, detail).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}
