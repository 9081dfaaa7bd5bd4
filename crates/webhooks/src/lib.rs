//! One verifier a webhook provider.
//!
//! Pure: headers, the body as it came and the secrets that are live go in; a [`Delivery`] or the reason why not
//! comes out. A verifier reads nothing of a body before the signature over it is right.

pub mod github;

use serde_json::Value;

/// A delivery that may be published as an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// What happened, in the provider's words (`push`): one token of a NATS subject, `[a-z0-9_-]+`.
    pub event_name: String,
    /// The provider's id of this delivery, the same when it is sent again.
    pub delivery_id: Option<String>,
    /// Whether a signature was checked; `false` where no secret is configured.
    pub verified: bool,
    /// The payload, an object.
    pub body: Value,
}

/// Why a delivery is not taken. The texts are for its sender, and tell nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A secret is configured and the delivery is not signed. (HTTP 401)
    #[error("the delivery has no {0} header; give the webhook the secret that is configured here")]
    Unsigned(&'static str),
    /// The signature is of another body or made with another secret. (HTTP 401)
    #[error("{0} is not the signature of this body under any secret that is configured here")]
    BadSignature(&'static str),
    /// The body is a form. (HTTP 415)
    #[error(
        "the delivery is form-encoded; set the webhook's content type to application/json, \
         not application/x-www-form-urlencoded"
    )]
    FormEncoded,
    /// The body is not JSON. (HTTP 400)
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// Nothing says what happened. (HTTP 400)
    #[error("neither the header {0} nor `action` in the body says what happened")]
    NoEventName(&'static str),
    /// What happened has a name that cannot be a token of a subject. (HTTP 400)
    #[error("the event name {0:?} is not made of a-z, 0-9, `-` and `_`, or has more than 64 of them")]
    BadEventName(String),
    /// The id of the delivery is malformed. (HTTP 400)
    #[error("{0} is not made of letters, digits and `-`, or has more than 128 of them")]
    BadDeliveryId(&'static str),
    /// The body lacks what an event of its name has. (HTTP 422)
    #[error("{0}")]
    BadBody(&'static str),
}
