//! What comes of a call.

use std::borrow::Cow;

use serde_json::Value;

/// A delivery that may be published as an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// What happened, in the provider's words (`push`, `invoice.paid`): tokens of a NATS subject, `[A-Za-z0-9_-]+`, with
    /// dots between.
    pub event_name: String,
    /// The provider's id of this delivery, the same when it is sent again.
    pub delivery_id: Option<String>,
    /// Whether a signature was checked; `false` where no secret is configured.
    pub verified: bool,
    /// The payload.
    pub body: Value,
}

/// A call that was right.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    /// Something has happened.
    Delivery(Delivery),
    /// The provider asks whether somebody is there, and wants this text back.
    Challenge(String),
}

/// Why a delivery is not taken. The texts are for its sender, and tell nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A secret is configured and the delivery is not signed. (HTTP 401)
    #[error("the delivery has no {0} header; give the webhook the secret that is configured here")]
    Unsigned(Cow<'static, str>),
    /// The signature is of another body or made with another secret. (HTTP 401)
    #[error("{0} is not the signature of this body under any secret that is configured here")]
    BadSignature(Cow<'static, str>),
    /// The credentials are none of those that are configured. (HTTP 401)
    #[error("{0} has none of the credentials that are configured here")]
    BadCredentials(&'static str),
    /// It was signed long ago, or will be. (HTTP 401)
    #[error(
        "{0} is more than five minutes away from the time here: an old delivery, or a clock that is wrong"
    )]
    Stale(&'static str),
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
    /// What the source picks from every delivery is not in this one. (HTTP 400)
    #[error("the delivery has no {0}, which this source takes for the {1}")]
    NotThere(String, &'static str),
    /// What happened has a name that cannot be a token of a subject. (HTTP 400)
    #[error("the event name {0:?} is not made of a-z, 0-9, `-` and `_`, or has more than 64 of them")]
    BadEventName(String),
    /// What happened has a name of which no token of a subject can be made. (HTTP 400)
    #[error("the event name {0:?} has no letter or digit (a-z, A-Z, 0-9), or more than 128 characters")]
    UnusableEventName(String),
    /// The id of the delivery is malformed. (HTTP 400)
    #[error("{0} is not made of letters, digits and `-`, or has more than 128 of them")]
    BadDeliveryId(&'static str),
    /// The id of the delivery cannot be the id of an event. (HTTP 400)
    #[error("the id in {0} is empty, longer than 256 bytes, or has spaces or characters that cannot be seen")]
    UnusableDeliveryId(Cow<'static, str>),
    /// The body lacks what an event of its name has. (HTTP 422)
    #[error("{0}")]
    BadBody(&'static str),
}
