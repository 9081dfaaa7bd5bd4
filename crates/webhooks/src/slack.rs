//! Slack's Events API, slash commands and interactions:
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{Algorithm, Call, Delivery, Encoding, Rejected, Taken, age, body, name, secrets::Secrets};

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";
const VERSION: &str = "v0";

pub(crate) fn verify(call: &Call<'_>, secrets: &Secrets) -> Result<Taken, Rejected> {
    let (signature, time) = (call.credential(SIGNATURE)?, call.credential(TIMESTAMP)?);
    let wrong = || Rejected::BadSignature(SIGNATURE.into());
    let given =
        signature.strip_prefix("v0=").and_then(|digits| Encoding::Hex.decode(digits)).ok_or_else(wrong)?;
    let signed = [VERSION.as_bytes(), b":", time.as_bytes(), b":", call.body];
    if !secrets.any(|secret| Algorithm::Sha256.verifies(secret, &signed, &given)) {
        return Err(wrong());
    }
    age::check(time, TIMESTAMP, call.now)?;
    let body = payload(body::json_or_form(call)?)?;
    if body["type"] == "url_verification" {
        let challenge = body["challenge"].as_str();
        let challenge = challenge.ok_or(Rejected::BadBody("a url_verification has a `challenge`, a text"))?;
        return Ok(Taken::Challenge(challenge.to_owned()));
    }
    delivery(body).map(Taken::Delivery)
}

/// What an interaction sends is JSON in the only field of a form.
fn payload(body: Value) -> Result<Value, Rejected> {
    match body.get("payload").and_then(Value::as_str) {
        Some(payload) => body::object(payload.as_bytes()),
        None if body.is_object() => Ok(body),
        None => Err(Rejected::BadBody("the body is JSON, but not an object")),
    }
}

fn delivery(body: Value) -> Result<Delivery, Rejected> {
    let kind = match body["type"].as_str() {
        Some("event_callback") => body.pointer("/event/type").and_then(Value::as_str),
        None if body["command"].is_string() => Some("slash_command"),
        kind => kind,
    };
    let kind = kind.ok_or(Rejected::BadBody("a delivery of Slack has a `type`, a text, or a `command`"))?;
    let id = body::text(&body, "/event_id").or_else(|| body::text(&body, "/trigger_id"));
    Ok(Delivery {
        event_name: name::event_name(kind)?,
        delivery_id: id.map(|id| name::delivery_id(&id, "`event_id`")).transpose()?,
        verified: true,
        body,
    })
}

/// The headers of a delivery.
pub(crate) fn sign(body: &[u8], secret: &[u8], at: DateTime<Utc>) -> Vec<(String, String)> {
    let time = at.timestamp().to_string();
    let mac = Algorithm::Sha256.sign(secret, &[VERSION.as_bytes(), b":", time.as_bytes(), b":", body]);
    vec![
        (TIMESTAMP.to_owned(), time),
        (SIGNATURE.to_owned(), format!("{VERSION}={}", Encoding::Hex.encode(&mac))),
    ]
}
