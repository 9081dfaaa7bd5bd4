//! The HTTP API as a test calls it.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use signalbox_servers::local_http;

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as JSON; a text where it is not.
    pub body: Value,
    /// Its header `traceparent`; empty if it has none.
    pub traceparent: String,
}

impl Answer {
    /// Whether the status is of the class of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The id of the trace that `traceparent` names; empty if there is none.
    pub fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }

    /// The text of a field of the body, empty if there is none.
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }
}

/// The API of one stack.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: String,
}

impl Api {
    /// The API at `base`, such as `http://127.0.0.1:8000`.
    pub fn new(base: String) -> Self {
        let client = local_http().timeout(Duration::from_secs(120)).build().unwrap_or_default();
        Self { client, base }
    }

    /// The same API with connections of its own.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(self.base.clone())
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request that the test completes.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// GET.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        send(self.request(Method::GET, path)).await
    }

    /// POST without a body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str) -> anyhow::Result<Answer> {
        send(self.request(Method::POST, path)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        send(self.request(Method::DELETE, path)).await
    }

    /// POST with a body and headers.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_body(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> anyhow::Result<Answer> {
        let request =
            headers.iter().fold(self.request(Method::POST, path), |r, (name, value)| r.header(*name, *value));
        send(request.body(body)).await
    }

    /// Whether the whole way is open, and if not, what `/readyz` says.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let answer = self.get("/readyz").await.context("no answer")?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(())
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn send(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let traceparent = response.headers().get("traceparent").and_then(|header| header.to_str().ok());
    let traceparent = traceparent.unwrap_or_default().to_owned();
    let text = response.text().await?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)), traceparent })
}
