//! Why a call may not go on.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::Action;
use crate::problem::{Code, Problem};

/// Why a call may not go on. None of them has anything of a secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It comes without credentials.
    #[error("this needs an API key or a token: Authorization: Bearer …")]
    NoCredentials,
    /// The header has another form.
    #[error("the Authorization header is read as `Bearer` and one API key or token; send one such header")]
    Malformed,
    /// No such key, or not any more, or not its secret; which of them is nobody's business.
    #[error("the API key is not known; it may have been revoked")]
    UnknownKey,
    /// Its time is over.
    #[error("the API key has expired")]
    ExpiredKey,
    /// The token is not one of the issuer's for us.
    #[error("the token is refused: {0}")]
    BadToken(&'static str),
    /// Keys cannot be read yet.
    #[error("the API keys are not read yet; send it again")]
    KeysAway,
    /// The issuer's keys cannot be read.
    #[error("the issuer's keys cannot be read now; send it again")]
    IssuerAway,
    /// It may not do that at all.
    #[error("this needs `{0}`, which the key or token does not give")]
    Lacks(Action),
    /// It may, but not to this.
    #[error("the key or token gives `{0}`, but not for this")]
    OutOfReach(Action),
    /// Nobody has said what it needs.
    #[error("nobody has said who may call this")]
    NotInTheTable,
}

impl Refusal {
    fn code(self) -> Code {
        match self {
            Self::NoCredentials | Self::Malformed => Code::Unauthenticated,
            Self::UnknownKey | Self::ExpiredKey => Code::BadKey,
            Self::BadToken(_) => Code::BadToken,
            Self::KeysAway => Code::KeysAway,
            Self::IssuerAway => Code::IssuerAway,
            Self::Lacks(_) | Self::OutOfReach(_) | Self::NotInTheTable => Code::Forbidden,
        }
    }

    /// As RFC 6750 has it, section 3.
    fn challenge(self) -> Option<HeaderValue> {
        let challenge = match self {
            Self::NoCredentials => r#"Bearer realm="signalbox""#.to_owned(),
            Self::Malformed => r#"Bearer realm="signalbox", error="invalid_request""#.to_owned(),
            Self::UnknownKey | Self::ExpiredKey | Self::BadToken(_) => {
                r#"Bearer realm="signalbox", error="invalid_token""#.to_owned()
            }
            Self::Lacks(action) => {
                format!(r#"Bearer realm="signalbox", error="insufficient_scope", scope="{action}""#)
            }
            Self::OutOfReach(_) | Self::NotInTheTable | Self::KeysAway | Self::IssuerAway => return None,
        };
        HeaderValue::from_str(&challenge).ok()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Problem::from(self).into_response();
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_would_help() {
        for (refusal, status, challenge) in [
            (Refusal::NoCredentials, 401, r#"Bearer realm="signalbox""#),
            (Refusal::Malformed, 401, r#"Bearer realm="signalbox", error="invalid_request""#),
            (Refusal::UnknownKey, 401, r#"Bearer realm="signalbox", error="invalid_token""#),
            (Refusal::ExpiredKey, 401, r#"Bearer realm="signalbox", error="invalid_token""#),
            (Refusal::BadToken("why"), 401, r#"Bearer realm="signalbox", error="invalid_token""#),
            (Refusal::KeysAway, 503, ""),
            (Refusal::IssuerAway, 503, ""),
            (
                Refusal::Lacks(Action::Publish),
                403,
                r#"Bearer realm="signalbox", error="insufficient_scope", scope="events:publish""#,
            ),
            (Refusal::OutOfReach(Action::Start), 403, ""),
            (Refusal::NotInTheTable, 403, ""),
        ] {
            let response = refusal.into_response();
            let told = response.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(response.status().as_u16(), status, "{refusal:?}");
            assert_eq!(told.map_or("", |value| value.to_str().unwrap()), challenge, "{refusal:?}");
        }
    }
}
