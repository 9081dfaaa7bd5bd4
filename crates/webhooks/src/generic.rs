//! Whoever signs the body with an HMAC, in a header of its own.

use crate::{Algorithm, Call, Delivery, Encoding, Rejected, body, pick::Picks, secrets::Secrets};

/// How a body is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The header that has the signature, in lower case.
    pub header: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// What stands before it in the header, `sha256=`.
    pub prefix: String,
}

pub(crate) fn verify(
    call: &Call<'_>,
    form: &Form,
    picks: &Picks,
    secrets: &Secrets,
) -> Result<Delivery, Rejected> {
    let header = call.header(&form.header).ok_or_else(|| Rejected::Unsigned(form.header.clone().into()))?;
    let wrong = || Rejected::BadSignature(form.header.clone().into());
    let given = header.strip_prefix(form.prefix.as_str()).and_then(|text| form.encoding.decode(text));
    let given = given.ok_or_else(wrong)?;
    match secrets.any(|secret| form.algorithm.verifies(secret, &[call.body], &given)) {
        true => delivery(call, picks),
        false => Err(wrong()),
    }
}

/// What a sender who is known delivers.
pub(crate) fn delivery(call: &Call<'_>, picks: &Picks) -> Result<Delivery, Rejected> {
    let body = body::json_or_form(call)?;
    Ok(Delivery {
        event_name: picks.event_name(call, &body)?,
        delivery_id: picks.delivery_id(call, &body)?,
        verified: true,
        body,
    })
}

/// The header of a delivery.
pub(crate) fn sign(form: &Form, body: &[u8], secret: &[u8]) -> Vec<(String, String)> {
    let mac = form.algorithm.sign(secret, &[body]);
    vec![(form.header.clone(), format!("{}{}", form.prefix, form.encoding.encode(&mac)))]
}
