//! GitLab's webhooks: <https://docs.gitlab.com/user/project/integrations/webhooks/>. A *secret token* comes as it is in
//! a header; a *signing token*, `whsec_…`, signs as Standard Webhooks do.

use crate::{
    BadSecret, Call, Delivery, Rejected, body, name,
    secrets::Secrets,
    standard_webhooks::{self, Keys},
};

const TOKEN: &str = "x-gitlab-token";
/// `Push Hook`, `Merge Request Hook`.
pub(crate) const EVENT: &str = "x-gitlab-event";
/// The same when a delivery is tried again.
pub(crate) const ID: &str = "idempotency-key";

/// Tokens of both kinds.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    plain: Secrets,
    signing: Keys,
}

impl Tokens {
    pub(crate) fn of(secrets: &[&str]) -> Result<Self, BadSecret> {
        let (signing, plain): (Vec<_>, Vec<_>) =
            secrets.iter().partition(|secret| secret.starts_with(standard_webhooks::SECRET));
        Ok(Self { plain: Secrets::of(&plain)?, signing: Keys::of(&signing)? })
    }
}

pub(crate) fn verify(call: &Call<'_>, tokens: &Tokens) -> Result<Delivery, Rejected> {
    let signed = tokens.signing.are_some() && call.header(standard_webhooks::SIGNATURE).is_some();
    match signed {
        true => standard_webhooks::check(call, &tokens.signing)?,
        false if tokens.plain.has(call.credential(TOKEN)?.as_bytes()) => {}
        false => return Err(Rejected::BadCredentials(TOKEN)),
    }
    let body = body::object(call.body)?;
    let event = call.header(EVENT).ok_or(Rejected::NotThere(format!("header {EVENT}"), "event type"))?;
    let event = match event {
        // One hook for all that happens in an instance; the body says what.
        "System Hook" => body::text(&body, "/event_name").or_else(|| body::text(&body, "/object_kind")),
        event => Some(event.trim_end_matches(" Hook").to_ascii_lowercase()),
    };
    let event = event.ok_or(Rejected::BadBody("a system hook has an `event_name`, a text"))?;
    let id = if signed { standard_webhooks::ID } else { ID };
    Ok(Delivery {
        event_name: name::event_name(&event)?,
        delivery_id: call.delivery_id(id)?,
        verified: true,
        body,
    })
}

/// The header of a delivery with a secret token.
pub(crate) fn present(secret: &str) -> Vec<(String, String)> {
    vec![(TOKEN.to_owned(), secret.to_owned())]
}
