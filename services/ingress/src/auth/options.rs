//! Flags and variables of who may call.

use std::{net::IpAddr, str::FromStr};

use axum::http::Uri;
use clap::ValueHint;

use super::{AuthMode, ScopeRules};

/// Who may call.
#[derive(Clone, Debug, clap::Args)]
pub struct AuthArgs {
    /// Who must show an API key or a token: all but callers on this machine while nobody else can connect (auto), all
    /// (on), or nobody (off)
    #[arg(long, env = "SIGNALBOX_AUTH", value_enum, default_value_t, value_name = "MODE")]
    pub auth: AuthMode,

    /// OIDC issuer whose tokens are taken, as it writes itself, such as https://id.example.com/realms/shop
    #[arg(long, env = "SIGNALBOX_OIDC_ISSUER", value_name = "URL", value_hint = ValueHint::Url,
          requires = "oidc_audience")]
    pub oidc_issuer: Option<IssuerUrl>,

    /// Audience that a token must be meant for
    #[arg(long, env = "SIGNALBOX_OIDC_AUDIENCE", value_name = "NAME", value_hint = ValueHint::Other)]
    pub oidc_audience: Option<String>,

    /// Claim of a token that has its scopes: words of a text or a list, such as scope, roles or realm_access.roles
    #[arg(long, env = "SIGNALBOX_OIDC_CLAIM", default_value = "scope", value_name = "NAME",
          value_hint = ValueHint::Other)]
    pub oidc_claim: String,

    /// What scopes allow, such as orders.write=start+signal,ops=admin, and to what, such as
    /// orders.write=start@type:Order* or shop=events:publish@subject:events.shop.>@source:/shop; without it, the scope
    /// signalbox:start allows start, and so on
    #[arg(long, env = "SIGNALBOX_OIDC_SCOPES", default_value = "", hide_default_value = true,
          value_name = "SCOPE=ACTION+…@LIMIT…,…", value_hint = ValueHint::Other)]
    pub oidc_scopes: ScopeRules,
}

/// Where an issuer is: by https, or on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(String);

/// An address at which no issuer may be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is an https:// address; http:// only on this machine")]
pub struct BadIssuerUrl;

impl IssuerUrl {
    /// As it was written, which is how tokens name it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuerUrl {
    type Err = BadIssuerUrl;

    fn from_str(text: &str) -> Result<Self, BadIssuerUrl> {
        let uri: Uri = text.parse().map_err(|_| BadIssuerUrl)?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match uri.scheme_str() {
            Some("https") if !host.is_empty() => Ok(Self(text.to_owned())),
            Some("http") if here => Ok(Self(text.to_owned())),
            _ => Err(BadIssuerUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_put_keys_on_the_way_from_an_issuer() {
        for url in [
            "https://id.example.com",
            "https://id.example.com/realms/shop/",
            "http://127.0.0.1:1",
            "http://localhost",
        ] {
            assert_eq!(url.parse::<IssuerUrl>().unwrap().as_str(), url);
        }
        for url in ["http://id.example.com", "ftp://id.example.com", "id.example.com", "", "https://"] {
            assert_eq!(url.parse::<IssuerUrl>(), Err(BadIssuerUrl), "{url}");
        }
    }
}
