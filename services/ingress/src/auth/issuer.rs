//! The keys of an OIDC issuer, as it publishes them.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring;

use super::options::IssuerUrl;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(5);

/// How large it may be.
const AT_MOST: usize = 256 * 1024;

/// An issuer that can be asked.
#[derive(Debug)]
pub struct Issuer {
    url: IssuerUrl,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

/// Why it has not told its keys. Redirects are not followed.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It does not answer.
    #[error("{0} gives no answer")]
    Away(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers otherwise.
    #[error("{0} answers with {1}")]
    Status(String, u16),
    /// It does not answer in time.
    #[error("{0} gives no answer in time")]
    Slow(String),
    /// What it says cannot be read.
    #[error("{0} gives an answer that cannot be read")]
    Unreadable(String, #[source] serde_json::Error),
    /// What it says is not about it.
    #[error("{0} speaks for the issuer {1}")]
    Another(String, String),
    /// Whoever listens on the way could put keys of its own there.
    #[error("it names {0} for its keys, which is neither https nor on this machine")]
    Unsafe(String),
}

/// What is read of an issuer's metadata (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When this machine has no certificates of authorities.
    pub fn new(url: IssuerUrl) -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { url, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Its keys now.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub async fn keys(&self) -> Result<JwkSet, IssuerError> {
        let place = format!("{}/.well-known/openid-configuration", self.url.as_str().trim_end_matches('/'));
        let metadata: Metadata = self.get(&place).await?;
        if metadata.issuer != self.url.as_str() {
            return Err(IssuerError::Another(place, metadata.issuer));
        }
        let keys: IssuerUrl =
            metadata.jwks_uri.parse().map_err(|_| IssuerError::Unsafe(metadata.jwks_uri.clone()))?;
        self.get(keys.as_str()).await
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, IssuerError> {
        let answer = timeout(WITHIN, self.body(url)).await;
        let body = answer.map_err(|_| IssuerError::Slow(url.to_owned()))??;
        serde_json::from_slice(&body).map_err(|cause| IssuerError::Unreadable(url.to_owned(), cause))
    }

    async fn body(&self, url: &str) -> Result<Bytes, IssuerError> {
        let away = |cause| IssuerError::Away(url.to_owned(), cause);
        let uri = url.parse().map_err(|cause: axum::http::uri::InvalidUri| away(cause.into()))?;
        let response = self.client.get(uri).await.map_err(|cause| away(cause.into()))?;
        if !response.status().is_success() {
            return Err(IssuerError::Status(url.to_owned(), response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), AT_MOST).collect().await;
        Ok(body.map_err(away)?.to_bytes())
    }
}
