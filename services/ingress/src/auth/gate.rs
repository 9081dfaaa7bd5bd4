//! The gate before all endpoints.

use std::{net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, header};
use chrono::Utc;
use clap::ValueEnum;

use super::{Keyring, Principal, Refusal, api_key, here, tokens::Tokens};

/// Whether callers must say who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Those on this machine need not, where nobody else can connect: when listening on loopback, without an issuer.
    #[default]
    Auto,
    /// All must.
    On,
    /// Nobody must, wherever it listens.
    Off,
}

/// Whom the gate lets through unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Nobody.
    Nobody,
    /// Who calls from this machine.
    FromHere,
    /// All.
    All,
}

/// Knows who may pass.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Whom it lets through unasked.
    pub unasked: Unasked,
    /// What they may.
    pub anybody: Principal,
    /// The API keys.
    pub keys: Keyring,
    /// The issuer's tokens, if there is one.
    pub tokens: Option<Arc<Tokens>>,
}

impl AuthMode {
    /// Whom a service lets through unasked that listens there.
    pub fn unasked(self, listen: SocketAddr, has_issuer: bool) -> Unasked {
        match self {
            Self::Off => Unasked::All,
            Self::Auto if listen.ip().is_loopback() && !has_issuer => Unasked::FromHere,
            Self::Auto | Self::On => Unasked::Nobody,
        }
    }
}

impl Gate {
    /// Who calls.
    ///
    /// # Errors
    /// [`Refusal`], if nobody whom it knows.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let unasked = match self.unasked {
            Unasked::Nobody => false,
            Unasked::FromHere => here::is_from_here(headers),
            Unasked::All => true,
        };
        if unasked {
            return Ok(self.anybody.clone());
        }
        let credentials = bearer(headers)?;
        match credentials.parse() {
            Ok(key) => self.keys.caller(&key, Utc::now()),
            Err(_) if credentials.starts_with(api_key::PREFIX) => Err(Refusal::UnknownKey),
            Err(_) => match &self.tokens {
                Some(tokens) => tokens.caller(credentials).await,
                None => Err(Refusal::BadToken("no issuer of tokens is configured here")),
            },
        }
    }
}

/// The credentials of RFC 6750, section 2.1: one header, of one form.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoCredentials)?;
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    let (scheme, credentials) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refusal::Malformed)?;
    let credentials = credentials.trim();
    let well_formed = scheme.eq_ignore_ascii_case("bearer") && !credentials.is_empty();
    if well_formed { Ok(credentials) } else { Err(Refusal::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(unasked: Unasked) -> Gate {
        Gate { unasked, anybody: Principal::unasked(), keys: Keyring::default(), tokens: None }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn nobody_is_let_through_unasked_unless_all_say_so() {
        let unasked = |mode: AuthMode, listen: &str, issuer| mode.unasked(listen.parse().unwrap(), issuer);
        for (mode, listen, issuer, expected) in [
            (AuthMode::Auto, "127.0.0.1:8000", false, Unasked::FromHere),
            (AuthMode::Auto, "[::1]:8000", false, Unasked::FromHere),
            (AuthMode::Auto, "127.0.0.1:8000", true, Unasked::Nobody),
            (AuthMode::Auto, "0.0.0.0:8000", false, Unasked::Nobody),
            (AuthMode::Auto, "[::]:8000", false, Unasked::Nobody),
            (AuthMode::Auto, "10.0.0.1:8000", false, Unasked::Nobody),
            (AuthMode::On, "127.0.0.1:8000", false, Unasked::Nobody),
            (AuthMode::Off, "0.0.0.0:8000", false, Unasked::All),
            (AuthMode::Off, "0.0.0.0:8000", true, Unasked::All),
        ] {
            assert_eq!(unasked(mode, listen, issuer), expected, "{mode:?} {listen} {issuer}");
        }
    }

    async fn refusal(unasked: Unasked, lines: &[(&'static str, &str)]) -> Option<Refusal> {
        gate(unasked).caller(&headers(lines)).await.err()
    }

    #[tokio::test]
    async fn who_is_elsewhere_is_asked() {
        let (here, elsewhere) = ([("host", "localhost:8000")], [("host", "example.com")]);
        assert_eq!(refusal(Unasked::FromHere, &here).await, None);
        assert_eq!(refusal(Unasked::FromHere, &elsewhere).await, Some(Refusal::NoCredentials));
        assert_eq!(refusal(Unasked::Nobody, &here).await, Some(Refusal::NoCredentials));
        assert_eq!(refusal(Unasked::All, &elsewhere).await, None);
    }

    #[tokio::test]
    async fn credentials_have_one_form() {
        let key = &format!("Bearer sbx_0123456789ab_{}", "0".repeat(64));
        let shouted = &key.replace("Bearer", "bEARER ");
        for (values, expected) in [
            (&[key.as_str()][..], Refusal::KeysAway),
            (&[shouted], Refusal::KeysAway),
            (&[], Refusal::NoCredentials),
            (&["Bearer sbx_nonsense"], Refusal::UnknownKey),
            (&["Bearer a.b.c"], Refusal::BadToken("no issuer of tokens is configured here")),
            (&["Bearer"], Refusal::Malformed),
            (&["Bearer  "], Refusal::Malformed),
            (&["Basic YTpi"], Refusal::Malformed),
            (&[""], Refusal::Malformed),
            (&[key, key], Refusal::Malformed),
            (&[&key[7..]], Refusal::Malformed),
        ] {
            let lines: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            assert_eq!(refusal(Unasked::Nobody, &lines).await, Some(expected), "{values:?}");
        }
    }
}
