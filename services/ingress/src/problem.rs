//! One shape for every refusal: RFC 9457.

mod code;

use std::{borrow::Cow, fmt};

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

pub use code::{Code, Repeat};

/// Where people read about codes; `/docs/errors.md` is served, too.
const PAGE: &str = "/docs/errors.md";

/// The media type of a refusal.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a call was refused, and whether to send it again. It is an answer of its own.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: Box<ProblemBody>,
}

/// The body of every refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/docs/errors.md#workflow-not-found", "title": "There is no such workflow", "status": 404,
    "detail": "no open run has the workflow id 'hello'", "code": "workflow-not-found", "repeat": "later"
}))]
pub struct ProblemBody {
    /// Where people read about the code.
    #[schema(example = "/docs/errors.md#workflow-not-found")]
    r#type: String,
    /// What the code means, whatever it happened to.
    #[schema(value_type = String, example = "There is no such workflow")]
    title: &'static str,
    /// The status of the answer.
    #[schema(example = 404)]
    status: u16,
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
    /// Of a batch that is stored in part: which events are. Those that it does not name were not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Vec<String>>,
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
    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::of(code, code.as_str().into(), detail.into())
    }

    /// Under a code that may be a newer one of another service's, with what is most like it here.
    fn of(like: Code, code: Cow<'static, str>, detail: String) -> Self {
        let body = ProblemBody {
            r#type: format!("{PAGE}#{code}"),
            title: like.title(),
            status: like.status().as_u16(),
            detail: Detail::Text(detail),
            code,
            repeat: like.repeat(),
            event_id: None,
            look: None,
            stored: None,
        };
        Self { status: like.status(), body: Box::new(body) }
    }

    /// The input cannot be read; `rule` says what it must be.
    pub fn malformed(rule: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, rule)
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
        Self::new(Code::NoSuchPath, "Not Found")
    }

    /// The path is there, but not for that method.
    pub fn no_such_method() -> Self {
        Self::new(Code::NoSuchMethod, "Method Not Allowed")
    }

    /// More is going on than this process takes.
    pub fn too_busy() -> Self {
        Self::new(Code::TooBusy, "too many requests are open; not accepted, send it again")
    }

    /// The process stops.
    pub fn stopping() -> Self {
        Self::new(Code::Stopping, "stopping, ask again")
    }

    /// NATS cannot be reached, so nothing was stored.
    pub fn disconnected() -> Self {
        Self::new(Code::NatsAway, "NATS cannot be reached; nothing was stored, send it again")
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        let detail = "the service failed on this call; it may have been accepted";
        Self::new(Code::Internal, detail)
    }

    /// A service of ours answered in a form that this one does not know.
    pub fn unreadable() -> Self {
        let detail = "a service gave an answer that cannot be read";
        Self::new(Code::UnreadableAnswer, detail)
    }

    /// What a service of ours, or Temporal behind it, says of a call that it understood.
    pub fn refused(code: &str, detail: &str) -> Self {
        let detail = if detail.is_empty() { code } else { detail };
        let mut problem = match Code::read(code) {
            Some(code) => Self::new(code, detail),
            None => Self::of(of_tomorrow(code), code.to_owned().into(), detail.to_owned()),
        };
        // What others may have stored for a call of ours is stored once.
        if problem.body.repeat == Repeat::SameKey {
            problem.body.repeat = Repeat::Later;
        }
        problem
    }

    /// The same, with the event and where to look what came of it.
    pub fn followed_at(mut self, event: &EventId) -> Self {
        self.body.look = self.is_uncertain().then(|| links::event(event));
        self.about(event)
    }

    /// Whether the call may have been accepted all the same.
    pub fn is_uncertain(&self) -> bool {
        self.body.repeat == Repeat::SameKey
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

    /// The same, of a batch of which these are stored.
    pub fn behind(mut self, stored: Vec<String>) -> Self {
        self.body.stored = Some(stored);
        self
    }

    /// The same, with the event that the call stands for.
    pub fn about(mut self, event: &EventId) -> Self {
        self.body.event_id = Some(event.to_string());
        self
    }
}

/// What is most like a code of another service's that this one does not know yet.
fn of_tomorrow(code: &str) -> Code {
    if code.ends_with("-not-found") { Code::ScheduleNotFound } else { Code::Refused }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body.detail {
            Detail::Text(text) => f.write_str(text),
            Detail::Parameters(_) => f.write_str("a parameter is missing"),
        }
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
            PublishError::TooLarge => Self::new(Code::TooLarge, Chain(error).to_string()),
            PublishError::NotStored(_) => {
                Self::new(Code::NotStored, "NATS did not store the message; send it again")
            }
            PublishError::Unknown(_) => Self::new(
                Code::MayBeStored,
                "NATS did not say in time whether it stored the message; it may have",
            ),
        }
    }
}

impl From<&RequestError> for Problem {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::NoResponders(_) => Self::new(Code::NoService, Chain(error).to_string()),
            RequestError::NotSent(..) => Self::new(Code::NatsAway, "NATS cannot be reached; ask again"),
            RequestError::TimedOut(_) => Self::new(Code::NoAnswer, Chain(error).to_string()),
            RequestError::Unreadable(_) => Self::unreadable(),
        }
    }
}

/// Paths whose refusals are read by clients that know no problem details, but JSON with `detail`.
const OF_THE_LAB: [&str; 7] = [
    "/",
    "/trigger-workflow/{workflow_id}",
    "/schedule-workflow/{schedule_id}",
    "/signal-workflow/{workflow_id}",
    "/stop-workflow/{workflow_id}",
    "/workflow-result/{workflow_id}",
    "/webhook/github",
];

/// The media type of refusals of a path.
pub fn media_type(path: &str) -> &'static str {
    if OF_THE_LAB.contains(&path) { "application/json" } else { PROBLEM_JSON }
}

/// Gives a refusal the media type of its path.
pub fn as_its_path_has_it(path: &str, response: &mut Response) {
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE).is_some_and(|given| given == PROBLEM_JSON) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let transient = self.is_transient();
        let mut response = (self.status, Json(self.body)).into_response();
        let media_type = HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        if transient {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
