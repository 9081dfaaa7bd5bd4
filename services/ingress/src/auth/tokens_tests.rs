use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Json, Router, routing::get};
use chrono::Utc;
use jsonwebtoken::{EncodingKey, Header, encode};
use rcgen::{KeyPair, PublicKeyData};
use serde_json::json;

use super::*;
use crate::auth::{Action, Need, On};

/// A key of an issuer.
pub struct Signer {
    kid: &'static str,
    pair: KeyPair,
}

impl Signer {
    pub fn new(kid: &'static str) -> Self {
        Self { kid, pair: KeyPair::generate().unwrap() }
    }

    fn key(&self) -> EncodingKey {
        EncodingKey::from_ec_der(&self.pair.serialize_der())
    }

    pub fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key(), Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.into());
        jwk
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.kid.into()), ..Header::new(Algorithm::ES256) }
    }

    pub fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key()).unwrap()
    }
}

fn rules(issuer: &str) -> TokenRules {
    TokenRules {
        issuer: issuer.into(),
        audience: "signalbox".into(),
        claim: "scope".into(),
        scopes: "orders=start+signal, refunds=start@type:Refund*".parse().unwrap(),
    }
}

const ISSUER: &str = "https://id.example.com";

/// Claims that are good for the next minutes, but for this.
pub fn claims(but: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": ["other", "signalbox"], "sub": "ada", "scope": "openid orders",
        "exp": Utc::now().timestamp() + 300,
    });
    for (name, value) in but.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

pub fn set(keys: impl IntoIterator<Item = Jwk>) -> JwkSet {
    JwkSet { keys: keys.into_iter().collect() }
}

fn refusal(token: &str, keys: &JwkSet) -> String {
    match rules(ISSUER).read(token, keys) {
        Ok(_) => "taken".into(),
        Err(Unread::UnknownKey) => "unknown key".into(),
        Err(Unread::Refused(refusal)) => refusal.to_string(),
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn a_token_is_worth_its_scopes() {
    let signer = Signer::new("k1");
    let caller = rules(ISSUER).read(&signer.sign(&claims(&json!({}))), &set([signer.jwk()])).unwrap();
    assert_eq!(caller.name.as_deref(), Some("ada"));
    let may = |actions: &'static [Action]| caller.may(Need::To(actions, On::Any)).is_ok();
    assert!(may(&[Action::Start, Action::Signal]) && !may(&[Action::Admin]) && !may(&[Action::Read]));
}

#[test]
fn a_scope_reaches_no_further_than_its_limits() {
    let signer = Signer::new("k1");
    let of = |scope: &str| {
        let token = signer.sign(&claims(&json!({"scope": scope})));
        rules(ISSUER).read(&token, &set([signer.jwk()])).unwrap()
    };
    let starts = |scope: &str, kind: &str| of(scope).may_reach(&[Action::Start], kind).is_ok();
    assert!(starts("refunds", "RefundOrder") && !starts("refunds", "Order"));
    assert!(starts("refunds orders", "Order"), "what one scope allows is allowed");
    assert!(of("refunds orders").may_reach(&[Action::Signal], "Refund").is_ok());
    assert!(of("refunds").may_reach(&[Action::Signal], "Refund").is_err());
}

#[test]
fn a_token_is_the_issuers_for_us_and_of_this_time() {
    let (signer, now) = (Signer::new("k1"), Utc::now().timestamp());
    for (but, why) in [
        (json!({}), "taken"),
        (json!({"aud": "signalbox"}), "taken"),
        (json!({"exp": now - 30}), "taken"),
        (json!({"nbf": now + 30}), "taken"),
        (json!({"exp": now - 90}), "the token is refused: it has expired"),
        (json!({"nbf": now + 90}), "the token is refused: it is not valid yet"),
        (json!({"aud": "another"}), "the token is refused: it is meant for somebody else"),
        (json!({"iss": "https://id.example.com/"}), "the token is refused: it is of another issuer"),
        (json!({"exp": null}), "the token is refused: it lacks one of the claims exp, iss and aud"),
        (json!({"exp": "never"}), "the token is refused: it lacks one of the claims exp, iss and aud"),
    ] {
        assert_eq!(refusal(&signer.sign(&claims(&but)), &set([signer.jwk()])), why, "{but}");
    }
    for missing in ["exp", "iss", "aud"] {
        let mut claims = claims(&json!({}));
        claims.as_object_mut().unwrap().remove(missing);
        let why = refusal(&signer.sign(&claims), &set([signer.jwk()]));
        assert_eq!(why, "the token is refused: it lacks one of the claims exp, iss and aud", "{missing}");
    }
}

#[test]
fn the_key_says_how_it_signs_and_not_the_token() {
    let signer = Signer::new("k1");
    let (keys, body) = (set([signer.jwk()]), base64(claims(&json!({})).to_string()));
    let none = base64(json!({"alg": "none", "kid": "k1"}).to_string());
    for signature in ["", "AAAA"] {
        let why = refusal(&format!("{none}.{body}.{signature}"), &keys);
        assert_eq!(why, "the token is refused: it is no JWT that is signed");
    }
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
    let public = [signer.pair.subject_public_key_info(), signer.pair.der_bytes().to_vec()];
    for key in public.iter().chain([&serde_json::to_vec(&signer.jwk()).unwrap()]) {
        let key = EncodingKey::from_secret(key).unwrap();
        let forged = encode(&header, &claims(&json!({})), &key).unwrap();
        assert_eq!(refusal(&forged, &keys), "the token is refused: its key does not sign so");
    }
}

#[test]
fn a_secret_among_the_keys_of_an_issuer_signs_nothing() {
    let secret = json!({"kty": "oct", "kid": "k1", "k": base64([7; 32]), "alg": "HS256"});
    let keys: JwkSet = serde_json::from_value(json!({ "keys": [secret] })).unwrap();
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(&[7; 32]).unwrap();
    assert_eq!(refusal(&encode(&header, &claims(&json!({})), &key).unwrap(), &keys), "unknown key");
}

#[test]
fn every_bit_of_a_token_counts() {
    let signer = Signer::new("k1");
    let (keys, token) = (set([signer.jwk()]), signer.sign(&claims(&json!({}))));
    // The last character of the signature has bits that mean nothing.
    for at in (0..token.len() - 1).filter(|at| token.as_bytes()[*at] != b'.') {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert_ne!(refusal(&changed, &keys), "taken", "{at}");
    }
}

#[test]
fn a_key_is_found_by_its_id() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let good = claims(&json!({}));
    assert_eq!(refusal(&new.sign(&good), &set([old.jwk(), new.jwk()])), "taken");
    assert_eq!(refusal(&new.sign(&good), &set([old.jwk()])), "unknown key");
    let impostor = Signer::new("k1");
    assert_eq!(
        refusal(&impostor.sign(&good), &set([old.jwk()])),
        "the token is refused: its signature is wrong"
    );
    let unnamed = encode(&Header::new(Algorithm::ES256), &good, &old.key()).unwrap();
    assert_eq!(refusal(&unnamed, &set([old.jwk()])), "taken");
    let why = "the token is refused: it does not name the key that it is signed with";
    assert_eq!(refusal(&unnamed, &set([old.jwk(), new.jwk()])), why);
    let mut encrypts = old.jwk();
    encrypts.common.public_key_use = Some(PublicKeyUse::Encryption);
    assert_eq!(refusal(&old.sign(&good), &set([encrypts])), "unknown key");
    let mut otherwise = old.jwk();
    otherwise.common.key_algorithm = Some(KeyAlgorithm::ES384);
    assert_ne!(refusal(&old.sign(&good), &set([otherwise])), "taken");
}

/// RFC 7515, appendix A.2; it has no audience, which is looked at after the signature.
#[test]
fn rs256_is_read_as_its_rfc_has_it() {
    let key = json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"});
    let keys: JwkSet = serde_json::from_value(json!({ "keys": [key] })).unwrap();
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    assert_eq!(refusal(token, &keys), "the token is refused: it lacks one of the claims exp, iss and aud");
    let flipped = token.replace(".cC4h", ".cC4i");
    assert_eq!(refusal(&flipped, &keys), "the token is refused: its signature is wrong");
}

/// An issuer on this machine, whose keys a test changes.
pub struct Served {
    pub url: String,
    keys: Arc<std::sync::Mutex<JwkSet>>,
    asked: Arc<AtomicUsize>,
}

pub async fn serve(keys: JwkSet) -> Served {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (keys, asked) = (Arc::new(std::sync::Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
    let metadata = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
    let (served, counted) = (Arc::clone(&keys), Arc::clone(&asked));
    let router =
        Router::new().route("/.well-known/openid-configuration", get(async move || Json(metadata))).route(
            "/keys",
            get(async move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Json(served.lock().unwrap().clone())
            }),
        );
    #[allow(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    Served { url, keys, asked }
}

fn tokens_of(url: &str) -> Tokens {
    let issuer = Issuer::new(url.parse().unwrap()).unwrap();
    Tokens { issuer, rules: rules(url), keys: RwLock::default(), asked: Mutex::default() }
}

async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

#[tokio::test]
async fn keys_rotate_without_a_gap_and_tokens_cannot_make_the_issuer_busy() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = serve(set([old.jwk()])).await;
    let tokens = tokens_of(&issuer.url);
    let sign = |signer: &Signer| signer.sign(&claims(&json!({"iss": issuer.url})));
    assert!(tokens.caller(&sign(&old)).await.is_ok());
    for _ in 0..20 {
        let refused = tokens.caller(&sign(&new)).await.err();
        assert_eq!(refused, Some(Refusal::BadToken("the issuer has no key of its id")));
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);

    *issuer.keys.lock().unwrap() = set([old.jwk(), new.jwk()]);
    later(ASK_AT_MOST_EVERY).await;
    assert!(tokens.caller(&sign(&new)).await.is_ok());
    assert!(tokens.caller(&sign(&old)).await.is_ok());
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2);

    *issuer.keys.lock().unwrap() = set([new.jwk()]);
    later(FRESH).await;
    assert!(tokens.caller(&sign(&old)).await.is_err(), "withdrawn");
    assert!(tokens.caller(&sign(&new)).await.is_ok());
}

#[tokio::test]
async fn while_the_issuer_is_away_nothing_is_known_of_its_tokens() {
    let signer = Signer::new("k1");
    let away = tokens_of("http://127.0.0.1:1");
    assert_eq!(away.caller(&signer.sign(&claims(&json!({})))).await.err(), Some(Refusal::IssuerAway));
}

#[tokio::test]
async fn an_issuer_speaks_for_itself_alone() {
    let signer = Signer::new("k1");
    let issuer = serve(set([signer.jwk()])).await;
    let another = Issuer::new(issuer.url.replace("127.0.0.1", "localhost").parse().unwrap()).unwrap();
    assert!(matches!(another.keys().await, Err(IssuerError::Another(..))));
}
