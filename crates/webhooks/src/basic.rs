//! A user and a password (RFC 7617), over TLS only.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    BadSecret, Call, Delivery, Rejected,
    bearer::{AUTHORIZATION, after_scheme},
    generic,
    pick::Picks,
    secrets::Secrets,
};

/// Users with their passwords, `user:password`.
pub(crate) fn users(secrets: &[&str]) -> Result<Secrets, BadSecret> {
    match secrets.iter().all(|secret| secret.contains(':')) {
        true => Secrets::of(secrets),
        false => Err(BadSecret::Basic),
    }
}

pub(crate) fn verify(call: &Call<'_>, picks: &Picks, users: &Secrets) -> Result<Delivery, Rejected> {
    let given = after_scheme(call.credential(AUTHORIZATION)?, "basic");
    let given = given.and_then(|text| BASE64_STANDARD.decode(text).ok());
    match given.is_some_and(|pair| users.has(&pair)) {
        true => generic::delivery(call, picks),
        false => Err(Rejected::BadCredentials(AUTHORIZATION)),
    }
}

/// The header of a delivery.
pub(crate) fn present(secret: &str) -> Vec<(String, String)> {
    vec![(AUTHORIZATION.to_owned(), format!("Basic {}", BASE64_STANDARD.encode(secret)))]
}
