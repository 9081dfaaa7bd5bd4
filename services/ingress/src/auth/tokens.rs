//! Tokens of an OIDC issuer: JWTs (RFC 7519), read as RFC 8725 advises.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde_json::{Map, Value};
use signalbox_telemetry::Chain;
use tokio::{sync::Mutex, time::Instant};
use tracing::{debug, warn};

use super::{
    AuthArgs, Principal, Refusal, ScopeRules,
    issuer::{Issuer, IssuerError},
    scopes::scopes,
};

/// How far the issuer's clock may be from ours.
const SKEW: Duration = Duration::from_secs(60);

/// After so long keys are asked for again: one that the issuer withdraws is refused by then.
const FRESH: Duration = Duration::from_secs(300);

/// At most so often is the issuer asked, whatever tokens come.
const ASK_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// Knows the tokens of one issuer.
#[derive(Debug)]
pub struct Tokens {
    issuer: Issuer,
    rules: TokenRules,
    keys: RwLock<Option<Arc<JwkSet>>>,
    /// When it was asked last, and when it last answered.
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    last: Option<Instant>,
    answered: Option<Instant>,
}

/// What a token must be, and what it is worth.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Who made it.
    pub issuer: String,
    /// For whom.
    pub audience: String,
    /// Which claim has its scopes.
    pub claim: String,
    /// What they allow.
    pub scopes: ScopeRules,
}

/// Why a token is not taken.
#[derive(Debug, PartialEq, Eq)]
enum Unread {
    /// It will not be.
    Refused(Refusal),
    /// It may be once the issuer's keys are read anew.
    UnknownKey,
}

impl Tokens {
    /// Those of the issuer that the options name; `None` if they name none.
    ///
    /// # Errors
    /// When this machine cannot speak TLS.
    pub fn new(args: &AuthArgs) -> std::io::Result<Option<Self>> {
        let (Some(url), Some(audience)) = (&args.oidc_issuer, &args.oidc_audience) else { return Ok(None) };
        let rules = TokenRules {
            issuer: url.as_str().to_owned(),
            audience: audience.clone(),
            claim: args.oidc_claim.clone(),
            scopes: args.oidc_scopes.clone(),
        };
        let issuer = Issuer::new(url.clone())?;
        Ok(Some(Self { issuer, rules, keys: RwLock::default(), asked: Mutex::default() }))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Refusal`], if it is not one of the issuer's for us.
    pub async fn caller(&self, token: &str) -> Result<Principal, Refusal> {
        self.refresh(FRESH).await;
        match self.read(token)? {
            Ok(caller) => Ok(caller),
            Err(Unread::Refused(refusal)) => Err(refusal),
            Err(Unread::UnknownKey) => {
                self.refresh(ASK_AT_MOST_EVERY).await;
                self.read(token)?.map_err(|unread| match unread {
                    Unread::Refused(refusal) => refusal,
                    Unread::UnknownKey => Refusal::BadToken("the issuer has no key of its id"),
                })
            }
        }
    }

    fn read(&self, token: &str) -> Result<Result<Principal, Unread>, Refusal> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = keys.ok_or(Refusal::IssuerAway)?;
        Ok(self.rules.read(token, &keys))
    }

    /// Asks the issuer, unless it answered within `age` or was asked a moment ago. While one caller's token has it asked,
    /// others go on with what is known, or wait if nothing is.
    async fn refresh(&self, age: Duration) {
        let is_recent = |at: Option<Instant>, age| at.is_some_and(|at| at.elapsed() < age);
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner).is_some();
        let mut asked = match self.asked.try_lock() {
            Ok(asked) => asked,
            Err(_) if known && age == FRESH => return,
            Err(_) => self.asked.lock().await,
        };
        if is_recent(asked.answered, age) || is_recent(asked.last, ASK_AT_MOST_EVERY) {
            return;
        }
        asked.last = Some(Instant::now());
        match self.issuer.keys().await {
            Ok(keys) => {
                debug!(keys = keys.keys.len(), "keys of the issuer read");
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                asked.answered = asked.last;
            }
            Err(error) => told(&error),
        }
    }
}

fn told(error: &IssuerError) {
    warn!(error = %Chain(error), "keys of the issuer are not read; those that are known stay in use");
}

impl TokenRules {
    /// Whose token this is, by these keys.
    fn read(&self, token: &str, keys: &JwkSet) -> Result<Principal, Unread> {
        let refused = |why| Unread::Refused(Refusal::BadToken(why));
        let header = decode_header(token).map_err(|_| refused("it is no JWT that is signed"))?;
        let mut signing = keys.keys.iter().filter(|key| is_for_signatures(key));
        let key = match &header.kid {
            Some(kid) => {
                signing.find(|key| key.common.key_id.as_ref() == Some(kid)).ok_or(Unread::UnknownKey)?
            }
            // An issuer with one key need not name it.
            None => match (signing.next(), signing.next()) {
                (Some(only), None) => only,
                _ => return Err(refused("it does not name the key that it is signed with")),
            },
        };
        let decoding = DecodingKey::from_jwk(key).map_err(|_| refused("its key cannot be used"))?;
        let claims = decode::<Map<String, Value>>(token, &decoding, &self.validation(key));
        let claims = claims.map_err(|error| refused(why(error.kind())))?.claims;
        Ok(self.caller(&claims))
    }

    fn validation(&self, key: &Jwk) -> Validation {
        let algorithms = algorithms(key);
        let mut validation = Validation::new(algorithms.first().copied().unwrap_or(Algorithm::RS256));
        validation.algorithms = algorithms;
        validation.leeway = SKEW.as_secs();
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }

    fn caller(&self, claims: &Map<String, Value>) -> Principal {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or("nobody named");
        Principal::new(subject, self.scopes.grants(scopes(claims, &self.claim)))
    }
}

/// A key that others have too, as that of an HMAC, proves nothing: whoever reads the issuer's keys could sign.
fn is_for_signatures(key: &Jwk) -> bool {
    let meant = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)));
    meant && !algorithms(key).is_empty()
}

/// What may be signed with a key: the key says so, and never the token alone.
fn algorithms(key: &Jwk) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let of_family = match key.algorithm {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(_) => vec![ES256, ES384],
        AlgorithmParameters::OctetKeyPair(_) => vec![EdDSA],
        _ => Vec::new(),
    };
    let named = key.common.key_algorithm;
    of_family.into_iter().filter(|one| named.is_none_or(|named| named == KeyAlgorithm::from(*one))).collect()
}

/// In words that have nothing of the token in them.
fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "it is of another issuer",
        ErrorKind::InvalidAudience => "it is meant for somebody else",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm => "its key does not sign so",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of the claims exp, iss and aud",
        _ => "it cannot be read",
    }
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
pub mod tests;
