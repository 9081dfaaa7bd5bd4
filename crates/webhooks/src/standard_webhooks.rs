//! Standard Webhooks: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{
    Algorithm, BadSecret, Call, Delivery, Encoding, Rejected, age, body, name, pick, secrets::Secrets,
};

pub(crate) const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
pub(crate) const SIGNATURE: &str = "webhook-signature";

/// What a key for HMAC begins with.
pub(crate) const SECRET: &str = "whsec_";
/// What a public key for Ed25519 begins with.
const PUBLIC: &str = "whpk_";
/// What the private key that belongs to it begins with.
const PRIVATE: &str = "whsk_";

/// Keys of both kinds. They are never printed.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    symmetric: Secrets,
    public: Vec<VerifyingKey>,
}

impl Keys {
    pub(crate) fn of(texts: &[&str]) -> Result<Self, BadSecret> {
        let (public, symmetric): (Vec<&str>, Vec<&str>) =
            texts.iter().partition(|text| text.starts_with(PUBLIC));
        let symmetric = symmetric.iter().map(|text| decode(text, SECRET)).collect::<Result<Vec<_>, _>>()?;
        let public = public.iter().map(|text| public_key(text)).collect::<Result<_, _>>()?;
        Ok(Self { symmetric: Secrets::of_bytes(symmetric)?, public })
    }

    pub(crate) fn are_some(&self) -> bool {
        !self.symmetric.exposed().is_empty() || !self.public.is_empty()
    }

    /// Whether one of `signatures`, `v1,<base64>` with spaces between, is of `signed`.
    fn verify(&self, signatures: &str, signed: &[&[u8]]) -> bool {
        signatures.split(' ').filter_map(|one| one.split_once(',')).any(|(version, text)| {
            let Some(given) = Encoding::Base64.decode(text) else { return false };
            match version {
                "v1" => self.symmetric.any(|key| Algorithm::Sha256.verifies(key, signed, &given)),
                "v1a" => self.verify_public(&given, &signed.concat()),
                _ => false,
            }
        })
    }

    fn verify_public(&self, given: &[u8], signed: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(given) else { return false };
        self.public.iter().any(|key| key.verify_strict(signed, &signature).is_ok())
    }
}

fn decode(text: &str, prefix: &str) -> Result<Vec<u8>, BadSecret> {
    let text = text.strip_prefix(prefix).unwrap_or(text);
    BASE64_STANDARD.decode(text).map_err(|_| BadSecret::StandardWebhooks)
}

fn bytes32(text: &str, prefix: &str) -> Result<[u8; 32], BadSecret> {
    decode(text, prefix)?.try_into().map_err(|_| BadSecret::StandardWebhooks)
}

fn public_key(text: &str) -> Result<VerifyingKey, BadSecret> {
    VerifyingKey::from_bytes(&bytes32(text, PUBLIC)?).map_err(|_| BadSecret::StandardWebhooks)
}

/// Checks the signature and its age.
pub(crate) fn check(call: &Call<'_>, keys: &Keys) -> Result<(), Rejected> {
    let (signatures, id, time) =
        (call.credential(SIGNATURE)?, call.credential(ID)?, call.credential(TIMESTAMP)?);
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", call.body];
    match keys.verify(signatures, &signed) {
        true => age::check(time, TIMESTAMP, call.now),
        false => Err(Rejected::BadSignature(SIGNATURE.into())),
    }
}

pub(crate) fn verify(call: &Call<'_>, keys: &Keys) -> Result<Delivery, Rejected> {
    check(call, keys)?;
    let id = name::delivery_id(call.credential(ID)?, ID)?;
    let body = body::json(call.body)?;
    Ok(Delivery { event_name: pick::told(&body)?, delivery_id: Some(id), verified: true, body })
}

/// The headers of a delivery. `secret` is `whsec_…`, or `whsk_…` for a signature with a private key.
pub(crate) fn sign(
    body: &[u8],
    secret: &str,
    id: &str,
    at: DateTime<Utc>,
) -> Result<Vec<(String, String)>, BadSecret> {
    let time = at.timestamp().to_string();
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let signature = if secret.starts_with(PRIVATE) {
        let key = SigningKey::from_bytes(&bytes32(secret, PRIVATE)?);
        format!("v1a,{}", Encoding::Base64.encode(&key.sign(&signed.concat()).to_bytes()))
    } else if secret.starts_with(PUBLIC) {
        return Err(BadSecret::CannotSign);
    } else {
        format!("v1,{}", Encoding::Base64.encode(&Algorithm::Sha256.sign(&decode(secret, SECRET)?, &signed)))
    };
    Ok([(ID, id.to_owned()), (TIMESTAMP, time), (SIGNATURE, signature)]
        .map(|(name, value)| (name.to_owned(), value))
        .into())
}
