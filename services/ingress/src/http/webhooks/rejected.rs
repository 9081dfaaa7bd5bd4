//! What a sender is told whose delivery is not taken.

use signalbox_webhooks::Rejected;

use crate::problem::{Code, Problem};

/// The answer to a delivery that is not taken.
pub fn rejected(why: &Rejected) -> Problem {
    let code = match why {
        Rejected::Unsigned(_) | Rejected::BadSignature(_) | Rejected::BadCredentials(_) => Code::BadSignature,
        Rejected::Stale(_) => Code::StaleSignature,
        Rejected::FormEncoded => Code::NotJson,
        Rejected::NotJson(_)
        | Rejected::NoEventName(_)
        | Rejected::NotThere(..)
        | Rejected::BadEventName(_)
        | Rejected::UnusableEventName(_)
        | Rejected::BadDeliveryId(_)
        | Rejected::UnusableDeliveryId(_)
        | Rejected::BadBody(_) => Code::InvalidInput,
    };
    Problem::new(code, why.to_string())
}
