//! One shape for every refusal.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use signalbox_bus::{PublishError, RequestError};
use signalbox_domain::{BadId, EventId};
use signalbox_proto::v1;
use signalbox_telemetry::Chain;
use utoipa::ToSchema;

use crate::links;

/// Why a call was refused, and whether to send it again. It is an answer of its own.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
}

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "detail": "no open run has the workflow id 'hello'", "code": "workflow-not-found", "repeat": "later"
}))]
pub struct ProblemBody {
    /// What is wrong, in words; for a parameter that is missing, a list with its place.
    detail: Detail,
    /// A stable code.
    #[schema(value_type = String, example = "workflow-not-found")]
    code: Cow<'static, str>,
    repeat: Repeat,
    /// Id of the event that the call stands for. Send it as `Idempotency-Key` to repeat the call safely.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    /// Where to look what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    look: Option<String>,
}

/// Whether to send the call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Repeat {
    /// No: it will be refused again.
    Never,
    /// It may have been accepted: only with the same `Idempotency-Key`.
    SameKey,
    /// Yes, later: it was not accepted.
    Later,
}

/// Words, or the list that FastAPI gives.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Detail {
    Text(String),
    Parameters(Vec<ParameterFault>),
}

/// What is wrong with one parameter.
#[derive(Debug, Serialize, ToSchema)]
struct ParameterFault {
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it belongs and its name.
    loc: [&'static str; 2],
    msg: &'static str,
    #[schema(value_type = Option<String>)]
    input: Option<String>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        repeat: Repeat,
        detail: impl Into<String>,
    ) -> Self {
        let detail = Detail::Text(detail.into());
        Self { status, body: ProblemBody { detail, code: code.into(), repeat, event_id: None, look: None } }
    }

    /// The input cannot be read; `rule` says what it must be.
    pub fn malformed(rule: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", Repeat::Never, rule)
    }

    /// A required parameter of the query is missing.
    pub fn missing(name: &'static str) -> Self {
        let mut problem = Self::malformed("");
        problem.body.detail = Detail::Parameters(vec![ParameterFault {
            kind: "missing",
            loc: ["query", name],
            msg: "Field required",
            input: None,
        }]);
        problem
    }

    /// Nothing has that path.
    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-path", Repeat::Never, "Not Found")
    }

    /// The path is there, but not for that method.
    pub fn no_such_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", Repeat::Never, "Method Not Allowed")
    }

    /// More is going on than this process takes.
    pub fn too_busy() -> Self {
        Self::unavailable("too-busy", "too many requests are open; not accepted, send it again")
    }

    /// The process stops.
    pub fn stopping() -> Self {
        Self::unavailable("stopping", "stopping, ask again")
    }

    /// NATS cannot be reached, so nothing was stored.
    pub fn disconnected() -> Self {
        Self::unavailable("nats-away", "NATS cannot be reached; nothing was stored, send it again")
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        let detail = "the service failed on this call; it may have been accepted";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", Repeat::SameKey, detail)
    }

    /// A service of ours answered in a form that this one does not know.
    pub fn unreadable() -> Self {
        let detail = "a service gave an answer that cannot be read";
        Self::new(StatusCode::BAD_GATEWAY, "unreadable-answer", Repeat::SameKey, detail)
    }

    /// Nothing was accepted, but may be later.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, Repeat::Later, detail)
    }

    /// What a service of ours, or Temporal behind it, says of a call that it understood.
    pub fn refused(code: &str, detail: &str) -> Self {
        let (status, repeat) = of_code(code);
        let detail = if detail.is_empty() { code } else { detail };
        Self::new(status, code.to_owned(), repeat, detail)
    }

    /// The same, with the event and where to look what came of it.
    pub fn followed_at(self, event: &EventId) -> Self {
        let look = (self.body.repeat == Repeat::SameKey).then(|| links::event(event));
        Self { body: ProblemBody { look, ..self.body }, ..self }.about(event)
    }

    /// Whether it is about somebody who is away for now.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
    }

    /// Whether it says that something is not there.
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// The same, of a call that others may have carried out all the same: it is safe with its key only.
    pub fn perhaps_done(mut self) -> Self {
        if self.is_transient() {
            self.body.repeat = Repeat::SameKey;
        }
        self
    }

    /// The same, with the event that the call stands for.
    pub fn about(mut self, event: &EventId) -> Self {
        self.body.event_id = Some(event.to_string());
        self
    }
}

/// Which status and advice belong to a code of the router or the scheduler manager.
fn of_code(code: &str) -> (StatusCode, Repeat) {
    match code {
        "workflow-running" => (StatusCode::BAD_REQUEST, Repeat::Later),
        "workflow-not-found" => (StatusCode::NOT_FOUND, Repeat::Later),
        "permission-denied" => (StatusCode::FORBIDDEN, Repeat::Never),
        "temporal-away" | "nats-away" | "jetstream-away" | "no-worker" | "letter-left" => {
            (StatusCode::SERVICE_UNAVAILABLE, Repeat::Later)
        }
        "may-be-stored" => (StatusCode::GATEWAY_TIMEOUT, Repeat::Later),
        // These stay as they are, whoever asks.
        "bad-event" | "bad-command" | "event-gone" | "route-error" | "unknown-route" => {
            (StatusCode::CONFLICT, Repeat::Never)
        }
        "workflow-without-result" => (StatusCode::NOT_FOUND, Repeat::Never),
        other if other.ends_with("-not-found") => (StatusCode::NOT_FOUND, Repeat::Never),
        _ => (StatusCode::BAD_REQUEST, Repeat::Never),
    }
}

impl From<BadId> for Problem {
    fn from(rule: BadId) -> Self {
        Self::malformed(rule.to_string())
    }
}

impl From<v1::Problem> for Problem {
    fn from(problem: v1::Problem) -> Self {
        Self::refused(&problem.code, &problem.detail)
    }
}

impl From<&PublishError> for Problem {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", Repeat::Never, Chain(error).to_string())
            }
            PublishError::NotStored(_) => {
                Self::unavailable("not-stored", "NATS did not store the message; send it again")
            }
            PublishError::Unknown(_) => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "may-be-stored",
                Repeat::SameKey,
                "NATS did not say in time whether it stored the message; it may have",
            ),
        }
    }
}

impl From<&RequestError> for Problem {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::NoResponders(_) => Self::unavailable("no-service", Chain(error).to_string()),
            RequestError::NotSent(..) => Self::unavailable("nats-away", "NATS cannot be reached; ask again"),
            RequestError::TimedOut(_) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "no-answer", Repeat::SameKey, Chain(error).to_string())
            }
            RequestError::Unreadable(_) => Self::unreadable(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let transient = self.is_transient();
        let mut response = (self.status, Json(self.body)).into_response();
        if transient {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
