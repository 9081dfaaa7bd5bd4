//! Whatever comes in from outside: one bit that is another, and bytes that nobody meant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod calls;

use calls::{Made, NOW, providers, sent, signs, verifier};
use proptest::prelude::*;
use signalbox_webhooks::Taken;

/// All names of headers that a verifier may ask for.
const HEADERS: [&str; 16] = [
    "content-type",
    "x-hub-signature-256",
    "x-github-event",
    "x-github-delivery",
    "stripe-signature",
    "x-slack-signature",
    "x-slack-request-timestamp",
    "x-shopify-hmac-sha256",
    "x-shopify-topic",
    "x-gitlab-token",
    "x-gitlab-event",
    "idempotency-key",
    "webhook-signature",
    "webhook-id",
    "authorization",
    "x-signature",
];

/// Where the credentials begin in their header.
fn credentials(header: &str) -> usize {
    header.trim_end_matches('=').rfind(['=', ',', ' ']).map_or(0, |at| at + 1)
}

proptest! {
    #[test]
    fn a_flipped_bit_in_the_body_is_found(which in 0_usize..10, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (provider, event, [secret, _]) = providers().swap_remove(which);
        if signs(&provider, secret) {
            let mut made = sent(&provider, event, secret);
            let at = at.index(made.body.len());
            made.body[at] ^= 1 << bit;
            prop_assert!(made.verify(&verifier(&provider, &[secret])).is_err(), "{} {at}", provider.name());
        }
    }

    /// That `a` is `A` in hexadecimal digits is no flip.
    #[test]
    fn a_flipped_bit_in_the_credentials_is_found(which in 0_usize..10, at in any::<prop::sample::Index>(), bit in 0_u8..7) {
        let (provider, event, [secret, _]) = providers().swap_remove(which);
        let mut made = sent(&provider, event, secret);
        let (_, value) = made.headers.last_mut().unwrap();
        let start = credentials(value);
        let at = start + at.index(value.len() - start);
        let mut bytes = value.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let flipped = String::from_utf8(bytes).unwrap();
        prop_assume!(!is_hex(&value[start..]) || !flipped.eq_ignore_ascii_case(value));
        *value = flipped;
        let taken = made.verify(&verifier(&provider, &[secret]));
        prop_assert!(taken.is_err(), "{} {:?}", provider.name(), made.headers);
    }

    #[test]
    fn odd_calls_never_panic_and_never_come_in(
        body in prop::collection::vec(any::<u8>(), 0..64),
        values in prop::collection::vec("(t=[0-9]{0,12},v1=|v1,|v1a,|v0=|sha256=|Bearer |Basic )?[ -~é\u{0}-\u{1f}]{0,40}", HEADERS.len()),
        form in any::<bool>(),
    ) {
        let mut made = HEADERS.iter().zip(&values).fold(Made::new(&body, NOW), |made, (name, value)| made.with(name, value));
        if form {
            made = made.with("content-type", "application/x-www-form-urlencoded");
        }
        for (provider, _, [secret, _]) in providers() {
            prop_assert!(made.verify(&verifier(&provider, &[secret])).is_err());
        }
    }

    /// Of a sender who is known, too: names and ids are such as events have.
    #[test]
    fn odd_deliveries_of_known_senders_never_panic(
        json in r#"[{}\[\]",:a-z0-9é\\ ]{0,40}"#,
        event in ".{0,20}",
        id in ".{0,20}",
        known in "(push|a\\.b|[a-z*>. ]{0,8})",
    ) {
        let bodies = [json, format!(r#"{{"meta": {{"id": {}}}}}"#, serde_json::Value::from(id.as_str()))];
        for (provider, body) in providers().into_iter().flat_map(|one| bodies.clone().map(|body| (one.clone(), body))) {
            let (provider, name, [secret, _]) = provider;
            let at = chrono::DateTime::from_timestamp(NOW, 0).unwrap();
            let out = signalbox_webhooks::write(&provider, name, Some(body.into_bytes()), "1", Some(secret), at).unwrap().unwrap();
            let made = Made { headers: out.headers, body: out.body, now: NOW };
            for event in [&event, &known] {
                let made = ["x-event", "x-shopify-topic", "x-gitlab-event", "x-github-event"].iter().fold(made.clone(), |made, name| made.with(name, event));
                if let Ok(Taken::Delivery(delivery)) = made.verify(&verifier(&provider, &[secret])) {
                    let token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
                    prop_assert!(delivery.event_name.split('.').all(token), "{}", delivery.event_name);
                    prop_assert!(delivery.delivery_id.is_none_or(|id| !id.contains(char::is_whitespace) && !id.is_empty()));
                }
            }
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
