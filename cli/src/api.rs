//! The HTTP API, as a client of it.

mod problem;
mod tls;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::ValueHint;
pub use problem::Problem;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use signalbox_domain::TraceContext;
use signalbox_proto::names::header;
use signalbox_service::Secret;
use signalbox_telemetry::Chain;
use tls::TlsError;

use crate::exit::Exit;
use crate::failure::root;

/// What the API waits for an outcome, and more.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Where the API is.
#[derive(Clone, Debug, clap::Args)]
pub struct ApiArgs {
    /// Address of the HTTP API
    #[arg(long, env = "SIGNALBOX_API", default_value = "http://localhost:8000", value_name = "URL",
          value_hint = ValueHint::Url, value_parser = address)]
    pub api: Url,

    /// File with the certificates, in PEM, that vouch for the API's; without it, those that this machine trusts
    #[arg(long, env = "SIGNALBOX_API_CA", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub api_ca: Option<PathBuf>,

    /// API key or token that the API asks for
    #[arg(long, env = "SIGNALBOX_API_KEY", hide_env_values = true, value_name = "SECRET",
          value_hint = ValueHint::Other)]
    pub api_key: Option<Secret>,
}

impl ApiArgs {
    /// What is at another address, which is not told the key.
    pub fn elsewhere(&self, url: &Url) -> Self {
        Self { api: url.clone(), api_key: None, ..self.clone() }
    }
}

/// Why a call has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no answer.
    #[error("cannot reach the API at {url}: {why}")]
    Away {
        /// The API's address.
        url: String,
        /// What the client says.
        why: String,
    },
    /// There is none in time; it may have been done.
    #[error("the API at {url} did not answer in time; what was asked may have been done")]
    Slow {
        /// The API's address.
        url: String,
    },
    /// Somebody else answers.
    #[error("{url} answers with {status}, but not as the API of Signalbox does")]
    NotTheApi {
        /// The API's address.
        url: String,
        /// What came.
        status: u16,
    },
    /// An id that HTTP cannot carry.
    #[error("{0}")]
    Unwritable(String),
    /// Nobody can vouch for the API.
    #[error("{}", Chain(.0))]
    Tls(#[from] TlsError),
    /// The API says no.
    #[error("{0}")]
    Problem(Problem),
}

/// A good answer.
#[derive(Debug)]
pub struct Answer {
    /// The status, 2xx.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// The trace that the call is in, where the API tells it.
    pub trace: TraceContext,
}

/// What the API says of its readiness.
#[derive(Debug)]
pub struct Ready {
    /// Its conditions.
    pub body: Value,
    /// The time by its clock, in whole seconds.
    pub date: Option<DateTime<Utc>>,
}

/// A client of the API.
#[derive(Debug)]
pub struct Api {
    client: Client,
    base: Url,
    key: Option<Secret>,
}

impl Api {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates that vouch for the API cannot be used.
    pub fn new(args: &ApiArgs) -> Result<Self, ApiError> {
        let base = args.api.clone();
        let client = Client::builder()
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            // An answer may take as long as a workflow; a host that is gone is noticed all the same.
            .tcp_keepalive(Duration::from_secs(15));
        // What listens on this machine is behind no proxy.
        let client = if is_loopback(&base) { client.no_proxy() } else { client };
        let client = client.tls_backend_preconfigured(tls::config(args)?);
        Ok(Self { client: client.build().map_err(TlsError::Client)?, base, key: args.api_key.clone() })
    }

    /// The address of the API, for people.
    pub fn shown(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// A call; each of `path` becomes one segment, whatever it has in it.
    ///
    /// # Errors
    /// [`ApiError::Unwritable`].
    pub fn call(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, ApiError> {
        let mut url = self.base.clone();
        // These would be taken as steps within the path.
        if let Some(step) = path.iter().find(|segment| matches!(**segment, "." | ".." | "")) {
            return Err(ApiError::Unwritable(format!("`{step}` cannot be written into a URL")));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let call = self.client.request(method, url).timeout(ANSWER_WITHIN);
        Ok(match &self.key {
            Some(key) => call.bearer_auth(key.expose()),
            None => call,
        })
    }

    /// GET.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get(&self, path: &[&str]) -> Result<Answer, ApiError> {
        self.send(self.call(Method::GET, path)?).await
    }

    /// Sends a call, and reads its answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send(&self, call: RequestBuilder) -> Result<Answer, ApiError> {
        let (status, headers, body) = self.exchange(call).await?;
        if status.is_success() {
            let trace = TraceContext::from_headers(text(&headers, header::TRACEPARENT), None);
            return Ok(Answer { status: status.as_u16(), body, trace });
        }
        let unknown = || self.not_the_api(status);
        Err(Problem::read(status.as_u16(), &body).map_or_else(unknown, ApiError::Problem))
    }

    /// Whether the whole way is open, and what is not met.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ready(&self) -> Result<Ready, ApiError> {
        let (status, headers, body) = self.exchange(self.call(Method::GET, &["readyz"])?).await?;
        if !body["conditions"].is_array() {
            return Err(self.not_the_api(status));
        }
        let date = text(&headers, "date").and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        Ok(Ready { body, date: date.map(|date| date.to_utc()) })
    }

    async fn exchange(&self, call: RequestBuilder) -> Result<(StatusCode, HeaderMap, Value), ApiError> {
        let response = call.send().await.map_err(|error| self.away(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| self.away(error))?;
        let body = serde_json::from_slice(&body).map_err(|_| self.not_the_api(status))?;
        Ok((status, headers, body))
    }

    fn not_the_api(&self, status: StatusCode) -> ApiError {
        ApiError::NotTheApi { url: self.shown(), status: status.as_u16() }
    }

    fn away(&self, error: reqwest::Error) -> ApiError {
        let url = self.shown();
        if error.is_builder() {
            return ApiError::Unwritable(root(&error.without_url()));
        }
        match error.is_timeout() && !error.is_connect() {
            true => ApiError::Slow { url },
            false => ApiError::Away { url, why: root(&error.without_url()) },
        }
    }
}

impl Answer {
    /// A text in the body, empty if there is none.
    pub fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// Whether what was asked is accepted, but not at its end.
    pub fn is_pending(&self) -> bool {
        self.status == 202
    }

    /// The trace that the call is in, if it is recorded.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace.trace_id().filter(|_| self.trace.is_sampled())
    }
}

impl ApiError {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Away { .. } | Self::Slow { .. } | Self::NotTheApi { .. } => Exit::Unavailable,
            Self::Unwritable(_) | Self::Tls(_) => Exit::Usage,
            Self::Problem(problem) => problem.exit(),
        }
    }

    /// What to do about it.
    pub fn tip(&self) -> Option<String> {
        match self {
            Self::Away { .. } | Self::NotTheApi { .. } => {
                Some("is `signalbox up` running? --api or SIGNALBOX_API says where it is".to_owned())
            }
            Self::Slow { .. } => Some("`signalbox doctor` looks for what is wrong".to_owned()),
            Self::Unwritable(_) | Self::Tls(_) => None,
            Self::Problem(problem) => problem.tip(),
        }
    }

    /// What the API said, if it did.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The address of an API, as a flag says it.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}; write it as in http://localhost:8000"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        other => Err(format!("`{other}` is not spoken here; write it as in http://localhost:8000")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str) -> Api {
        Api::new(&ApiArgs { api: address(url).unwrap(), api_ca: None, api_key: None }).unwrap()
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_is() {
        let url = |base: &str, id: &str| {
            let call = api(base).call(Method::GET, &["workflows", id]).unwrap();
            call.build().unwrap().url().to_string()
        };
        assert_eq!(url("http://h:1", "a/b ?#%é"), "http://h:1/workflows/a%2Fb%20%3F%23%25%C3%A9");
        assert_eq!(url("http://h:1/behind/", "x"), "http://h:1/behind/workflows/x");
        assert!(matches!(
            api("http://h").call(Method::GET, &["workflows", ".."]),
            Err(ApiError::Unwritable(_))
        ));
    }

    #[test]
    fn addresses_are_http() {
        for bad in ["", "localhost:8000", "ftp://x", "8000"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert!(address("https://signalbox.example").is_ok());
        for (url, loopback) in
            [("http://localhost:1", true), ("http://[::1]", true), ("http://10.0.0.1", false)]
        {
            assert_eq!(is_loopback(&address(url).unwrap()), loopback, "{url}");
        }
    }

    #[test]
    fn only_a_recorded_trace_is_told() {
        let answer = |parent: &str| {
            let trace = TraceContext::from_headers(Some(parent), None);
            Answer { status: 200, body: Value::Null, trace }
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(answer(&format!("00-{id}-00f067aa0ba902b7-01")).trace_id(), Some(id));
        for none in [&format!("00-{id}-00f067aa0ba902b7-00"), "", "00", "a-b-c-d"] {
            assert_eq!(answer(none).trace_id(), None, "{none}");
        }
    }
}
