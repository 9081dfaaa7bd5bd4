//! Bodies of JSON.

use std::time::Duration;

use axum::{
    extract::{FromRequest, Request},
    http::header,
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::{Code, Problem};

/// The largest body that is taken, in bytes: what fits into a NATS message (1 MiB) with its headers and to spare.
pub const BODY_LIMIT: usize = 768 * 1024;

/// How long the sending of a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The body, within [`BODY_LIMIT`] and [`BODY_WITHIN`].
///
/// # Errors
/// When it is too large, too slow or breaks off.
pub async fn read(request: Request) -> Result<Bytes, Problem> {
    let reading = Limited::new(request.into_body(), BODY_LIMIT).collect();
    let body = timeout(BODY_WITHIN, reading).await.map_err(|_| {
        let detail = format!("the body did not come within {} s", BODY_WITHIN.as_secs());
        Problem::new(Code::TooSlow, detail)
    })?;
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("the body is larger than {} KiB", BODY_LIMIT / 1024)))
        }
        Err(_) => Err(Problem::new(Code::BrokenBody, "the body broke off")),
    }
}

/// A body of JSON; an empty one, or `null`, is `{}`.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
        let body = read(request).await?;
        let text = if matches!(body.trim_ascii(), b"" | b"null") { b"{}".as_slice() } else { &body };
        // A form of any page can be sent here by any browser; JSON cannot.
        if !body.is_empty() && !content_type.as_deref().is_none_or(is_json) {
            return Err(Problem::new(
                Code::NotJson,
                "the body is JSON: set Content-Type to application/json",
            ));
        }
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| Problem::malformed(format!("the body: {error}")))
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}
