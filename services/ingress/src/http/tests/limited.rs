//! What is too much, and what keeps a browser from doing more with an answer.

use std::{net::SocketAddr, pin::Pin};

use chrono::Utc;
use futures::poll;
use signalbox_bus::Change;

use super::*;
use crate::{
    auth::{ApiKey, Grant},
    limits::Peer,
};

async fn with(flags: &[&str]) -> (Arc<App>, Router) {
    let app = app(flags).await;
    (Arc::clone(&app), router(app))
}

/// A call from there.
fn from(address: &str, call: &str, headers: &[(&str, &[u8])]) -> Request<Body> {
    let mut request = request(call, headers, "");
    request.extensions_mut().insert(Peer(SocketAddr::new(address.parse().unwrap(), 1)));
    request
}

#[tokio::test]
async fn an_address_that_calls_too_often_is_told_when_to_come_again() {
    let (_, router) = with(&["--rate-per-address", "2/h"]).await;
    for status in [200, 200, 429, 429] {
        let answer = send(&router, from("10.0.0.1", "GET /docs", &[])).await;
        assert_eq!(answer.status, status);
    }
    let answer = send(&router, from("10.0.0.1", "POST /webhook/github", &[])).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (429, &json!("too-many-requests")),
        "signed ones, too"
    );
    assert_eq!(answer.json()["repeat"], "later");
    let seconds: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&seconds), "{seconds}");
    assert_eq!(send(&router, from("10.0.0.2", "GET /docs", &[])).await.status, 200);
    assert_eq!(send(&router, from("10.0.0.1", "GET /healthz", &[])).await.status, 200);
}

#[tokio::test]
async fn guesses_are_counted_too() {
    let (_, router) = with(&["--auth", "on", "--rate-per-address", "2/h"]).await;
    for status in [401, 401, 429] {
        let guess = [("authorization", b"Bearer guess".as_slice())];
        assert_eq!(send(&router, from("10.0.0.1", "GET /docs", &guess)).await.status, status);
    }
}

#[tokio::test]
async fn a_key_that_calls_too_often_leaves_others_alone() {
    let (app, router) = with(&["--auth", "on", "--rate-per-key", "2/h"]).await;
    let key = || {
        let (key, text) = ApiKey::generate("k".into(), Grant::default(), Utc::now(), None).unwrap();
        app.gate.keys.change(Change::Set(key.id.clone(), (&key).into()));
        format!("Bearer {}", text.expose())
    };
    let (one, other) = (key(), key());
    for (key, address, status) in
        [(&one, "10.0.0.1", 200), (&one, "10.0.0.2", 200), (&one, "10.0.0.3", 429), (&other, "10.0.0.3", 200)]
    {
        let headers = [("authorization", key.as_bytes())];
        assert_eq!(send(&router, from(address, "GET /docs", &headers)).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn bodies_are_held_up_to_a_bound_whoever_sends_them() {
    let (_, router) = with(&[]).await;
    let endless = || {
        let body = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let request = request("POST /webhook/github", &[], body);
        let router = router.clone();
        Box::pin(async move { send(&router, request).await.status })
    };
    let mut held: Vec<Pin<Box<dyn Future<Output = u16>>>> = Vec::new();
    for _ in 0..32 * 1024 / 768 {
        held.push(endless());
        assert!(poll!(held.last_mut().unwrap()).is_pending());
    }
    let answer = send(&router, request("POST /webhook/github", &[], vec![b' '; body::BODY_LIMIT])).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("too-busy")));
    assert_eq!(send(&router, request("GET /docs", &[], "")).await.status, 200, "what has no body");
    held.pop();
    let answer = send(&router, request("POST /webhook/github", &[], vec![b' '; body::BODY_LIMIT])).await;
    assert_eq!(answer.status, 422, "one has gone");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_not_do() {
    let (_, router) = with(&["--auth", "on", "--github-secrets", "hush"]).await;
    for call in ["GET /healthz", "GET /docs", "GET /nothing", "POST /webhook/github", "POST /healthz"] {
        let answer = send(&router, request(call, &[], "")).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.headers.get(name).map(|v| v.to_str().unwrap()), Some(value), "{call}");
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{call}: {policy}");
    }
}
