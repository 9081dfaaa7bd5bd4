//! What a sender is told whose delivery is not taken.

use axum::http::StatusCode;
use signalbox_webhooks::Rejected;

use crate::problem::{Problem, Repeat};

/// The answer to a delivery that is not taken.
pub fn rejected(why: &Rejected) -> Problem {
    let (status, code) = match why {
        Rejected::Unsigned(_) | Rejected::BadSignature(_) | Rejected::BadCredentials(_) => {
            (StatusCode::UNAUTHORIZED, "bad-signature")
        }
        Rejected::Stale(_) => (StatusCode::UNAUTHORIZED, "stale-signature"),
        Rejected::FormEncoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json"),
        Rejected::NotJson(_)
        | Rejected::NoEventName(_)
        | Rejected::NotThere(..)
        | Rejected::BadEventName(_)
        | Rejected::UnusableEventName(_)
        | Rejected::BadDeliveryId(_)
        | Rejected::UnusableDeliveryId(_)
        | Rejected::BadBody(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-input"),
    };
    Problem::new(status, code, Repeat::Never, why.to_string())
}
