//! Signatures that others have made.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod calls;

use base64::{Engine, prelude::BASE64_STANDARD};
use calls::{Made, delivery, verifier};
use ed25519_dalek::SigningKey;
use serde_json::json;
use signalbox_webhooks::{Algorithm, Encoding, Form, Picks, Provider, Rejected, Taken};

/// "Validating webhook deliveries", docs.github.com.
#[test]
fn githubs_own() {
    let made = Made::new(b"Hello, World!", 0).with("x-github-event", "ping").with(
        "x-hub-signature-256",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    );
    let verifier = verifier(&Provider::Github, &["It's a Secret to Everybody"]);
    // The signature is right; what it signs is no JSON.
    assert!(matches!(made.verify(&verifier), Err(Rejected::NotJson(_))));
}

/// Made by stripe-python 16.1.0, `WebhookSignature`.
#[test]
fn stripes_library() {
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1","amount_paid":1500}}}"#;
    const V1: &str = "7e79e74202a97e902a92b6e2f94368a7a109f08424a878f7062d853aeda84261";
    let verifier = verifier(&Provider::Stripe, &["whsec_test_secret"]);
    let made = |header: String| Made::new(BODY, 1_492_774_577).with("stripe-signature", &header);
    let taken = delivery(made(format!("t=1492774577,v1={V1}")).verify(&verifier));
    assert_eq!((taken.event_name.as_str(), taken.delivery_id.as_deref()), ("invoice.paid", Some("evt_1")));
    // While a secret is rolled there are several; other schemes count for nothing.
    let others = format!("t=1492774577,v1={},v1={V1},v0={V1}", "00".repeat(32));
    assert!(made(others).verify(&verifier).is_ok());
    for bad in [
        format!("t=1492774577,v0={V1}"),
        format!("v1={V1}"),
        format!("t=1492774578,v1={V1}"),
        "t=,v1=".into(),
    ] {
        assert!(matches!(made(bad).verify(&verifier), Err(Rejected::BadSignature(_))));
    }
}

/// "Verifying requests from Slack", docs.slack.dev: a slash command, which is a form.
#[test]
fn slacks_own() {
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let made = Made::new(BODY, 1_531_420_618)
        .with("content-type", "application/x-www-form-urlencoded")
        .with("x-slack-request-timestamp", "1531420618")
        .with("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    let verifier = verifier(&Provider::Slack, &["8f742231b10e8888abcd99yyyzzz85a5"]);
    let taken = delivery(made.verify(&verifier));
    assert_eq!(taken.event_name, "slash_command");
    assert_eq!(
        taken.delivery_id.as_deref(),
        Some("398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c")
    );
    assert_eq!((&taken.body["command"], &taken.body["text"]), (&json!("/webhook-collect"), &json!("")));
}

/// `libraries/go` of standard-webhooks/standard-webhooks: `TestWebhookSign` and `TestAsymmetricWebhookSign`.
#[test]
fn standard_webhooks_own() {
    let made = |signature: &str| {
        Made::new(br#"{"test": 2432232314}"#, 1_614_265_330)
            .with("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
            .with("webhook-timestamp", "1614265330")
            .with("webhook-signature", signature)
    };
    const V1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const V1A: &str =
        "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let seed = BASE64_STANDARD.decode("VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=").unwrap();
    let public = SigningKey::from_bytes(&seed.try_into().unwrap()).verifying_key();
    let public = format!("whpk_{}", BASE64_STANDARD.encode(public));

    for (signature, secrets) in [
        (V1, vec![secret]),
        (V1, vec!["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]),
        (V1A, vec![public.as_str()]),
        (V1, vec![public.as_str(), secret]),
        (&format!("v2,AAAA {V1A} v1,AAAA"), vec![secret, public.as_str()]),
    ] {
        let taken = delivery(made(signature).verify(&verifier(&Provider::StandardWebhooks, &secrets)));
        assert_eq!(taken.delivery_id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(taken.event_name, "received");
    }
    // One kind of key never stands for the other.
    for (signature, key) in [(V1A, secret), (V1, public.as_str()), (&V1.replace("v1,", "v1a,"), secret)] {
        let refused = made(signature).verify(&verifier(&Provider::StandardWebhooks, &[key]));
        assert!(matches!(refused, Err(Rejected::BadSignature(_))), "{signature} {key}");
    }
    // GitLab's signing tokens are the same.
    let taken =
        made(V1).with("x-gitlab-event", "Push Hook").verify(&verifier(&Provider::Gitlab, &["plain", secret]));
    assert_eq!(delivery(taken).event_name, "push");
}

/// RFC 2202 (SHA-1) and RFC 4231 (SHA-256, SHA-512), their second cases.
#[test]
fn hmacs_of_the_rfcs() {
    let hex = [
        (Algorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Algorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            Algorithm::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (algorithm, digest) in hex {
        let base64 = BASE64_STANDARD.encode(hex_bytes(digest));
        for (encoding, prefix, text) in
            [(Encoding::Hex, "", digest), (Encoding::Hex, "sig=", digest), (Encoding::Base64, "", &base64)]
        {
            let form = Form { header: "x-sig".into(), algorithm, encoding, prefix: prefix.into() };
            let provider = Provider::Hmac(form, Picks::default());
            let made =
                Made::new(b"what do ya want for nothing?", 0).with("x-sig", &format!("{prefix}{text}"));
            assert!(matches!(made.verify(&verifier(&provider, &["Jefe"])), Err(Rejected::NotJson(_))));
            let without =
                Made::new(b"what do ya want for nothing?", 0).with("x-sig", &format!("x{prefix}{text}"));
            assert!(matches!(
                without.verify(&verifier(&provider, &["Jefe"])),
                Err(Rejected::BadSignature(_))
            ));
        }
    }
}

/// `printf … | openssl dgst -sha256 -hmac hush -binary | base64`, as Shopify's documentation has it done.
#[test]
fn openssls_for_shopify() {
    let made = Made::new(br#"{"id":820982911946154508,"total_price":"398.00"}"#, 0)
        .with("x-shopify-topic", "orders/create")
        .with("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")
        .with("x-shopify-hmac-sha256", "/72deZZtJIaDOjWRgkbKyr0SwLbnkKRuvAPiMxbUGSM=");
    let taken = delivery(made.verify(&verifier(&Provider::Shopify, &["hush"])));
    assert_eq!(taken.event_name, "orders.create");
    assert_eq!(taken.delivery_id.as_deref(), Some("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"));
    assert_eq!(taken.body["id"], json!(820_982_911_946_154_508_u64));
}

/// RFC 7617, section 2, and RFC 6750, section 2.1.
#[test]
fn credentials_of_the_rfcs() {
    let basic = Provider::Basic(Picks::default());
    let made = |value: &str| Made::new(b"{}", 0).with("authorization", value);
    let aladdin = verifier(&basic, &["Aladdin:open sesame"]);
    assert!(made("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").verify(&aladdin).is_ok());
    assert!(made("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").verify(&aladdin).is_ok());
    let bearer = verifier(&Provider::Bearer(Picks::default()), &["mF_9.B5f-4.1JqM"]);
    assert!(made("Bearer mF_9.B5f-4.1JqM").verify(&bearer).is_ok());
    for bad in ["", "Bearer", "Bearer ", "Bearer mF_9.B5f-4.1Jq", "Basic mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"]
    {
        assert!(matches!(made(bad).verify(&bearer), Err(Rejected::BadCredentials(_))), "{bad}");
        assert!(made(bad).verify(&aladdin).is_err(), "{bad}");
    }
}

#[test]
fn slack_gets_its_challenge_back() {
    let verifier = verifier(&Provider::Slack, &["hush"]);
    let asked = calls::sent(&Provider::Slack, "url_verification", "hush");
    let challenge = Taken::Challenge("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P".to_owned());
    assert_eq!(asked.verify(&verifier), Ok(challenge));
    assert!(asked.verify(&calls::verifier(&Provider::Slack, &["another"])).is_err());
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().collect();
    digits.chunks(2).map(|two| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap()).collect()
}
