//! Bearer tokens (RFC 6750): who has one is known; what it sends is not signed.

use crate::{Call, Delivery, Rejected, generic, pick::Picks, secrets::Secrets};

pub(crate) const AUTHORIZATION: &str = "authorization";

pub(crate) fn verify(call: &Call<'_>, picks: &Picks, tokens: &Secrets) -> Result<Delivery, Rejected> {
    let given = after_scheme(call.credential(AUTHORIZATION)?, "bearer");
    match given.is_some_and(|token| tokens.has(token.as_bytes())) {
        true => generic::delivery(call, picks),
        false => Err(Rejected::BadCredentials(AUTHORIZATION)),
    }
}

/// What stands after the name of the scheme, which may be written in any case.
pub(crate) fn after_scheme<'h>(header: &'h str, scheme: &str) -> Option<&'h str> {
    let (name, rest) = header.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// The header of a delivery.
pub(crate) fn present(token: &str) -> Vec<(String, String)> {
    vec![(AUTHORIZATION.to_owned(), format!("Bearer {token}"))]
}
