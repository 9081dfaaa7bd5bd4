//! HMAC (RFC 2104) in the algorithms and the writing that providers use.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// The hash under an HMAC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Old, and still sound as an HMAC.
    Sha1,
    /// What nearly all use.
    #[default]
    Sha256,
    /// Longer.
    Sha512,
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Two hexadecimal digits a byte.
    #[default]
    Hex,
    /// RFC 4648, with its padding.
    Base64,
}

/// Runs an expression with the MAC of an algorithm.
macro_rules! with_mac {
    ($algorithm:expr, $key:expr, $parts:expr, $mac:ident => $done:expr) => {
        match $algorithm {
            Algorithm::Sha1 => fed::<Hmac<Sha1>>($key, $parts).map(|$mac| $done),
            Algorithm::Sha256 => fed::<Hmac<Sha256>>($key, $parts).map(|$mac| $done),
            Algorithm::Sha512 => fed::<Hmac<Sha512>>($key, $parts).map(|$mac| $done),
        }
    };
}

impl Algorithm {
    /// Whether `given` is the HMAC of all `parts`, one after the other. It takes the same time wherever they differ.
    pub(crate) fn verifies(self, key: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
        with_mac!(self, key, parts, mac => mac.verify_slice(given).is_ok()).unwrap_or(false)
    }

    /// The HMAC of all `parts`.
    pub(crate) fn sign(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        with_mac!(self, key, parts, mac => mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }
}

/// `None` for an empty key, which is everybody's.
fn fed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<M> {
    let mac = <M as KeyInit>::new_from_slice(key).ok().filter(|_| !key.is_empty())?;
    Some(parts.iter().fold(mac, |mac, part| mac.chain_update(part)))
}

impl Encoding {
    /// The bytes of a signature, if it is one.
    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => BASE64_STANDARD.decode(text).ok(),
        }
    }

    /// How the bytes of a signature are written.
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => BASE64_STANDARD.encode(bytes),
        }
    }
}
