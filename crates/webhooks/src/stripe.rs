//! Stripe's webhooks: <https://docs.stripe.com/webhooks/signature>.

use chrono::{DateTime, Utc};

use crate::{Algorithm, Call, Delivery, Encoding, Rejected, age, body, name, secrets::Secrets};

const SIGNATURE: &str = "stripe-signature";

/// `t=<seconds>,v1=<hex>`, and more than one `v1` while a secret is being rolled.
pub(crate) fn verify(call: &Call<'_>, secrets: &Secrets) -> Result<Delivery, Rejected> {
    let header = call.credential(SIGNATURE)?;
    let time = parts(header, "t").next().ok_or(Rejected::BadSignature(SIGNATURE.into()))?;
    let signed = [time.as_bytes(), b".", call.body];
    let mut given = parts(header, "v1").filter_map(|digits| Encoding::Hex.decode(digits));
    if !given.any(|given| secrets.any(|secret| Algorithm::Sha256.verifies(secret, &signed, &given))) {
        return Err(Rejected::BadSignature(SIGNATURE.into()));
    }
    age::check(time, SIGNATURE, call.now)?;
    let body = body::object(call.body)?;
    let text = |pointer: &str, missing| body::text(&body, pointer).ok_or(Rejected::BadBody(missing));
    Ok(Delivery {
        event_name: name::event_name(&text("/type", "an event of Stripe has a `type`, a text")?)?,
        delivery_id: Some(name::delivery_id(
            &text("/id", "an event of Stripe has an `id`, a text")?,
            "`id`",
        )?),
        verified: true,
        body,
    })
}

fn parts<'h>(header: &'h str, key: &'h str) -> impl Iterator<Item = &'h str> {
    let pairs = header.split(',').filter_map(|part| part.trim().split_once('='));
    pairs.filter(move |(name, _)| *name == key).map(|(_, value)| value)
}

/// The headers of a delivery.
pub(crate) fn sign(body: &[u8], secret: &[u8], at: DateTime<Utc>) -> Vec<(String, String)> {
    let time = at.timestamp().to_string();
    let mac = Algorithm::Sha256.sign(secret, &[time.as_bytes(), b".", body]);
    vec![(SIGNATURE.to_owned(), format!("t={time},v1={}", Encoding::Hex.encode(&mac)))]
}
