//! Every code that a refusal can have, with what belongs to it. `docs/errors.md` says what to do about each.

use std::fmt;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

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

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::SameKey => "same-key",
            Self::Later => "later",
        })
    }
}

macro_rules! codes {
    ($($name:ident $code:literal $status:ident $repeat:ident $title:literal;)*) => {
        /// A stable code: of this service, or of one that it asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "`docs/errors.md` says what each means")]
        pub enum Code { $($name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As callers read it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status that goes with it.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Whether to send the call again.
            pub fn repeat(self) -> Repeat {
                match self { $(Self::$name => Repeat::$repeat,)* }
            }

            /// What it means, whatever it happened to.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    InvalidInput "invalid-input" UNPROCESSABLE_ENTITY Never "The input is malformed";
    NoSuchPath "no-such-path" NOT_FOUND Never "Nothing has that path";
    NoSuchMethod "no-such-method" METHOD_NOT_ALLOWED Never "The path has no such method";
    NotAcceptable "not-acceptable" NOT_ACCEPTABLE Never "It is not told in that form";
    BadSignature "bad-signature" UNAUTHORIZED Never "The signature is missing or wrong";
    StaleSignature "stale-signature" UNAUTHORIZED Never "The signature is too old";
    SecretMissing "secret-missing" SERVICE_UNAVAILABLE Later "A secret is missing here";
    SourcesUnknown "sources-unknown" SERVICE_UNAVAILABLE Later "The sources are not known yet";
    SourceNotFound "source-not-found" NOT_FOUND Never "There is no such source";
    Unauthenticated "unauthenticated" UNAUTHORIZED Never "Credentials are asked for";
    BadKey "bad-key" UNAUTHORIZED Never "The API key is not good";
    BadToken "bad-token" UNAUTHORIZED Never "The token is not good";
    Forbidden "forbidden" FORBIDDEN Never "The credentials are not for this";
    KeysAway "keys-away" SERVICE_UNAVAILABLE Later "The API keys are not read yet";
    IssuerAway "issuer-away" SERVICE_UNAVAILABLE Later "The issuer of tokens does not answer";
    TooManyRequests "too-many-requests" TOO_MANY_REQUESTS Later "Too many calls come from there";
    NotJson "not-json" UNSUPPORTED_MEDIA_TYPE Never "The body is not JSON";
    TooLarge "too-large" PAYLOAD_TOO_LARGE Never "The body is too large";
    TooSlow "too-slow" REQUEST_TIMEOUT Later "The body came too slowly";
    BrokenBody "broken-body" BAD_REQUEST Later "The body broke off";
    TooBusy "too-busy" SERVICE_UNAVAILABLE Later "Too much is going on";
    Stopping "stopping" SERVICE_UNAVAILABLE Later "The service stops";
    NatsAway "nats-away" SERVICE_UNAVAILABLE Later "NATS cannot be reached";
    JetStreamAway "jetstream-away" SERVICE_UNAVAILABLE Later "JetStream does not answer";
    NotStored "not-stored" SERVICE_UNAVAILABLE Later "JetStream did not store it";
    MayBeStored "may-be-stored" GATEWAY_TIMEOUT SameKey "It may be stored";
    NoService "no-service" SERVICE_UNAVAILABLE Later "A service is away";
    NoAnswer "no-answer" GATEWAY_TIMEOUT SameKey "A service did not answer";
    UnreadableAnswer "unreadable-answer" BAD_GATEWAY SameKey "An answer cannot be read";
    Internal "internal" INTERNAL_SERVER_ERROR SameKey "The service failed";
    LedgerAway "ledger-away" SERVICE_UNAVAILABLE Later "The ledger cannot be read";
    FeedAway "feed-away" SERVICE_UNAVAILABLE Later "The events cannot be read";
    LettersAway "letters-away" SERVICE_UNAVAILABLE Later "The dead letters cannot be read";
    LetterLeft "letter-left" SERVICE_UNAVAILABLE Later "The dead letter stayed where it is";
    TemporalAway "temporal-away" SERVICE_UNAVAILABLE Later "Temporal does not answer";
    NoWorker "no-worker" SERVICE_UNAVAILABLE Later "No worker answers";
    EventNotFound "event-not-found" NOT_FOUND Later "Nothing is known of the event";
    WorkflowNotFound "workflow-not-found" NOT_FOUND Later "There is no such workflow";
    WorkflowWithoutResult "workflow-without-result" NOT_FOUND Never "The workflow has no result";
    ScheduleNotFound "schedule-not-found" NOT_FOUND Never "There is no such schedule";
    DeadLetterNotFound "dead-letter-not-found" NOT_FOUND Never "There is no such dead letter";
    WorkflowRunning "workflow-running" BAD_REQUEST Later "The workflow runs";
    PermissionDenied "permission-denied" FORBIDDEN Never "Temporal does not allow it";
    InvalidArgument "invalid-argument" BAD_REQUEST Never "Temporal does not take it";
    UpdateRejected "update-rejected" BAD_REQUEST Never "The workflow rejected the update";
    BadQuery "bad-query" BAD_REQUEST Never "The query has no answer";
    TooManyWorkflows "too-many-workflows" BAD_REQUEST Never "The query finds too many workflows";
    TooManySignals "too-many-signals" BAD_REQUEST Never "The run takes no more signals";
    DeadlineExceeded "deadline-exceeded" BAD_REQUEST Never "It was tried for long enough";
    ParkExpired "park-expired" BAD_REQUEST Never "It waited for long enough";
    Refused "refused" BAD_REQUEST Never "It was refused";
    SchemaMismatch "schema-mismatch" BAD_REQUEST Never "The data are not of their schema";
    BadEvent "bad-event" CONFLICT Never "It is no event";
    BadCommand "bad-command" CONFLICT Never "It is no command";
    EventGone "event-gone" CONFLICT Never "The event is gone";
    RouteError "route-error" CONFLICT Never "A route failed on the event";
    UnknownRoute "unknown-route" CONFLICT Never "There is no such route";
    NoRoutes "no-routes" BAD_REQUEST Never "No routes run";
    BadWorkflowId "bad-workflow-id" BAD_REQUEST Never "It is no workflow id";
    BadScheduleId "bad-schedule-id" BAD_REQUEST Never "It is no schedule id";
    BadSchedule "bad-schedule" BAD_REQUEST Never "The schedule cannot be read";
    BadCron "bad-cron" BAD_REQUEST Never "The cron expression cannot be read";
    BadTimeZone "bad-time-zone" BAD_REQUEST Never "The time zone is unknown";
    BadRange "bad-range" BAD_REQUEST Never "The range of times is none";
    TooManyRuns "too-many-runs" BAD_REQUEST Never "That would be too many runs";
    ScheduleExists "schedule-exists" BAD_REQUEST Never "The schedule exists";
    ScheduleDeclared "schedule-declared" CONFLICT Never "Route files declare the schedule";
    ScheduleForeign "schedule-foreign" BAD_REQUEST Never "The schedule is not ours";
    ScheduleRefused "schedule-refused" BAD_REQUEST Never "Temporal refused the schedule";
    BadRequest "bad-request" BAD_REQUEST Never "A service does not know such a request";
}

impl Code {
    /// The code that reads so.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}
