//! The layers that refuse what is too much.

use std::{sync::Arc, time::Duration};

use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Limits, Peer, peer};
use crate::{
    app::App,
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
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        if matches!(path, Some("/healthz" | "/readyz")) {
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
}

/// Refuses a request when too many are open, or too many bytes of bodies are held. A body that does not say how long it
/// is counts as the longest.
pub async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Limits { requests, bodies, .. } = &app.limits;
    let length = request.body().size_hint().exact().unwrap_or(BODY_LIMIT as u64);
    // What is longer is refused, and read no further than that.
    let bytes = u32::try_from(length.min(BODY_LIMIT as u64)).unwrap_or(u32::MAX);
    match (requests.try_acquire(), bodies.try_acquire_many(bytes)) {
        (Ok(_open), Ok(_held)) => next.run(request).await,
        _ => Problem::too_busy().into_response(),
    }
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
