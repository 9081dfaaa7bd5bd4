//! The refusals that several endpoints share, and what is no answer yet, for their documentation.

use utoipa::IntoResponses;

use crate::{accept::Pending, problem::ProblemBody};

/// 202 of a command.
#[derive(IntoResponses)]
#[response(
    status = 202,
    description = "Stored, but Temporal has not accepted it yet",
    headers(("Location" = String, description = "Where to look"))
)]
pub struct NotYet(#[allow(dead_code)] Pending);

/// 400 of a start.
#[derive(IntoResponses)]
#[response(status = 400, description = "A workflow of that id is running", example = json!({
    "detail": "a workflow with the id 'hello' is already running", "code": "workflow-running", "repeat": "later",
    "event_id": "0198c0de-0000-7000-8000-000000000000"
}))]
pub struct Running(#[allow(dead_code)] ProblemBody);

/// 404 of a signal.
#[derive(IntoResponses)]
#[response(status = 404, description = "No workflow of that id is running", example = json!({
    "detail": "no workflow with the id 'hello' is running", "code": "workflow-not-found", "repeat": "later",
    "event_id": "0198c0de-0000-7000-8000-000000000000"
}))]
pub struct NotRunning(#[allow(dead_code)] ProblemBody);

/// 404 of a schedule.
#[derive(IntoResponses)]
#[response(status = 404, description = "No schedule has that id", example = json!({
    "detail": "no schedule has the id `every-minute`", "code": "schedule-not-found", "repeat": "never"
}))]
pub struct NoSchedule(#[allow(dead_code)] ProblemBody);

/// 409 of a schedule that is changed where it is declared.
#[derive(IntoResponses)]
#[response(status = 409, description = "Route files declare it; change it there", example = json!({
    "detail": "route files declare the schedule `report`; change it there and apply them", "code": "schedule-declared",
    "repeat": "never"
}))]
pub struct OfFiles(#[allow(dead_code)] ProblemBody);

/// 404 of a dead letter.
#[derive(IntoResponses)]
#[response(status = 404, description = "There is no such dead letter, or no more", example = json!({
    "detail": "there is no dead letter 17, or no more", "code": "dead-letter-not-found", "repeat": "never"
}))]
pub struct NoLetter(#[allow(dead_code)] ProblemBody);

/// 422.
#[derive(IntoResponses)]
#[response(status = 422, description = "A parameter is missing or malformed; `detail` names the rule", example = json!({
    "detail": "workflow id has 300 bytes; at most 255 are allowed", "code": "invalid-input", "repeat": "never"
}))]
pub struct BadInput(#[allow(dead_code)] ProblemBody);

/// Who is not told a stream.
#[derive(IntoResponses)]
#[response(
    status = 406,
    description = "Server-sent events are not what was asked for: `Accept: text/event-stream`"
)]
pub struct NoStream(#[allow(dead_code)] ProblemBody);

/// What a body of JSON may be refused for, and the call by Temporal.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub enum BadJson {
    #[response(status = 400, description = "Temporal or the workflow refused it, or the body broke off")]
    Refused(ProblemBody),
    #[response(status = 403, description = "Temporal does not allow it")]
    Denied(ProblemBody),
    #[response(status = 408, description = "The body came too slowly")]
    Slow(ProblemBody),
    #[response(status = 413, description = "The body is too large")]
    Large(ProblemBody),
    #[response(status = 415, description = "The body is not JSON")]
    NotJson(ProblemBody),
}

/// What a body may be refused for.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub enum BadBody {
    #[response(status = 400, description = "The body broke off")]
    Broken(ProblemBody),
    #[response(status = 408, description = "The body came too slowly")]
    Slow(ProblemBody),
    #[response(status = 413, description = "The body is too large")]
    Large(ProblemBody),
}

/// 503 and 504.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub enum Away {
    #[response(status = 503, description = "Nothing was stored: NATS or a service is away. Send it again", example = json!({
        "detail": "NATS cannot be reached; nothing was stored, send it again", "code": "nats-away", "repeat": "later"
    }))]
    NotStored(ProblemBody),
    #[response(status = 504, description = "It may have been accepted. Repeat it only with the same `Idempotency-Key`: \
                                            the `event_id` of this answer", example = json!({
        "detail": "NATS did not say in time whether it stored the message; it may have", "code": "may-be-stored",
        "repeat": "same-key", "event_id": "0198c0de-0000-7000-8000-000000000000",
        "look": "/events/0198c0de-0000-7000-8000-000000000000"
    }))]
    Unknown(ProblemBody),
}
