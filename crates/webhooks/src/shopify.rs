//! Shopify's webhooks: <https://shopify.dev/docs/apps/build/webhooks/subscribe/https>.

use crate::{Algorithm, Call, Delivery, Encoding, Rejected, body, name, secrets::Secrets};

const SIGNATURE: &str = "x-shopify-hmac-sha256";
/// `orders/create`.
pub(crate) const TOPIC: &str = "x-shopify-topic";
/// The same when a delivery is tried again; `X-Shopify-Event-Id` is also that of other topics.
pub(crate) const ID: &str = "x-shopify-webhook-id";

pub(crate) fn verify(call: &Call<'_>, secrets: &Secrets) -> Result<Delivery, Rejected> {
    let wrong = || Rejected::BadSignature(SIGNATURE.into());
    let given = Encoding::Base64.decode(call.credential(SIGNATURE)?).ok_or_else(wrong)?;
    if !secrets.any(|secret| Algorithm::Sha256.verifies(secret, &[call.body], &given)) {
        return Err(wrong());
    }
    let topic = call.header(TOPIC).ok_or(Rejected::NotThere(format!("header {TOPIC}"), "event type"))?;
    Ok(Delivery {
        event_name: name::event_name(topic)?,
        delivery_id: call.delivery_id(ID)?,
        verified: true,
        body: body::json(call.body)?,
    })
}

/// The headers of a delivery.
pub(crate) fn sign(body: &[u8], secret: &[u8]) -> Vec<(String, String)> {
    let mac = Algorithm::Sha256.sign(secret, &[body]);
    vec![(SIGNATURE.to_owned(), Encoding::Base64.encode(&mac))]
}
