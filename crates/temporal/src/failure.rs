//! What a refusal of Temporal means.

use signalbox_domain::{Fault, Reason};
use temporalio_client::tonic::{Code, Status};

/// A command that Temporal did not carry out, or of which nobody knows whether it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Failure {
    /// Whether to try again.
    pub fault: Fault,
    /// Why.
    pub reason: Reason,
    /// Why, in the server's words.
    pub detail: String,
}

impl Failure {
    /// What cannot work, however often it is tried.
    pub fn permanent(reason: Reason, detail: impl Into<String>) -> Self {
        Self { fault: Fault::Permanent, reason, detail: detail.into() }
    }

    /// What may pass.
    pub fn transient(detail: impl Into<String>) -> Self {
        Self { fault: Fault::Transient, reason: Reason::Refused, detail: detail.into() }
    }

    /// Temporal has nothing to do with an action of this kind.
    pub(crate) fn unsupported(kind: &str) -> Self {
        Self::permanent(Reason::InvalidArgument, format!("`{kind}` is not for Temporal"))
    }

    /// Of a call that a worker has to answer: what is not possible now is a workflow that its worker has not got
    /// through, or no worker.
    pub(crate) fn of_worker(status: Status) -> Self {
        let stuck = status.code() == Code::FailedPrecondition;
        let failure = Self::from(status);
        if stuck { Self { fault: Fault::Transient, ..failure } } else { failure }
    }
}

impl From<Status> for Failure {
    /// The one classification of Temporal's answers. Whatever may pass is transient: a command that is given
    /// up too early is lost, one that is tried too often is one effect all the same.
    fn from(status: Status) -> Self {
        let namespace =
            status.code() == Code::NotFound && status.message().to_lowercase().contains("namespace");
        let (fault, reason) = match status.code() {
            Code::NotFound if namespace => (Fault::Transient, Reason::Refused),
            Code::NotFound => (Fault::Permanent, Reason::WorkflowNotFound),
            Code::AlreadyExists => (Fault::Permanent, Reason::WorkflowRunning),
            // Temporal's own limit, 10,000 by default. The next run has none yet.
            Code::InvalidArgument if is_signal_limit(status.message()) => {
                (Fault::Transient, Reason::TooManySignals)
            }
            Code::InvalidArgument => (Fault::Permanent, Reason::InvalidArgument),
            Code::PermissionDenied => (Fault::Permanent, Reason::PermissionDenied),
            Code::FailedPrecondition | Code::Unimplemented => (Fault::Permanent, Reason::Refused),
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            // A key that has run out is replaced, not a reason to bury events.
            | Code::Unauthenticated => (Fault::Transient, Reason::Refused),
        };
        Self { fault, reason, detail: detail(&status) }
    }
}

/// In the words of the server, which has no code of its own for it (`ErrSignalsLimitExceeded`).
fn is_signal_limit(message: &str) -> bool {
    message.to_lowercase().contains("exceeded workflow execution limit for signal")
}

/// Some statuses have no message.
pub(crate) fn detail(status: &Status) -> String {
    match status.message() {
        "" => status.code().description().to_owned(),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_class() {
        let permanent = [
            (Code::NotFound, Reason::WorkflowNotFound),
            (Code::AlreadyExists, Reason::WorkflowRunning),
            (Code::InvalidArgument, Reason::InvalidArgument),
            (Code::PermissionDenied, Reason::PermissionDenied),
            (Code::FailedPrecondition, Reason::Refused),
            (Code::Unimplemented, Reason::Refused),
        ];
        for number in 0..17 {
            let code = Code::from_i32(number);
            let failure = Failure::from(Status::new(code, "why"));
            match permanent.iter().find(|(c, _)| *c == code) {
                Some((_, reason)) => {
                    assert_eq!((failure.fault, failure.reason), (Fault::Permanent, *reason), "{code}")
                }
                None => assert_eq!(failure.fault, Fault::Transient, "{code}"),
            }
        }
    }

    #[test]
    fn too_many_signals_pass_with_the_run() {
        let status = Status::invalid_argument("exceeded workflow execution limit for signal events");
        let failure = Failure::from(status);
        assert_eq!((failure.fault, failure.reason), (Fault::Transient, Reason::TooManySignals));
    }

    #[test]
    fn a_missing_namespace_is_not_a_missing_workflow() {
        let failure = Failure::from(Status::not_found("Namespace shop is not found."));
        assert_eq!(failure.fault, Fault::Transient);
    }
}
