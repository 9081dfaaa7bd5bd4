//! The same questions to every provider.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

mod calls;

use calls::{ID, NOW, delivery, providers, sent, signs, verifier};
use serde_json::{Value, json};
use signalbox_webhooks::{BadSecret, Pick, Picks, Provider, Rejected, Verifier, sample, samples};

/// The headers that are, or may be, a signature or credentials.
const CREDENTIALS: [&str; 8] = [
    "x-hub-signature-256",
    "stripe-signature",
    "x-slack-signature",
    "x-shopify-hmac-sha256",
    "x-gitlab-token",
    "webhook-signature",
    "x-signature",
    "authorization",
];

#[test]
fn what_a_provider_sends_is_taken_for_what_it_is() {
    for (provider, event, [secret, _]) in providers() {
        let taken = delivery(sent(&provider, event, secret).verify(&verifier(&provider, &[secret])));
        assert_eq!(taken.event_name, event, "{}", provider.name());
        let id = match provider {
            Provider::Stripe => format!("evt_{ID}"),
            Provider::Slack => format!("Ev{ID}"),
            _ => ID.to_owned(),
        };
        assert_eq!(taken.delivery_id, Some(id), "{}", provider.name());
        assert!(taken.verified && taken.body.is_object());
    }
}

#[test]
fn every_sample_is_one() {
    for (provider, _, [secret, _]) in providers() {
        for sample in samples(provider.name()) {
            let made = sent(&provider, &sample.name(), secret);
            assert!(made.verify(&verifier(&provider, &[secret])).is_ok(), "{sample:?}");
        }
    }
    assert_eq!(sample("gitlab", "merge_request").unwrap().event, "Merge Request Hook");
    assert!(sample("github", "nothing").is_none());
}

#[test]
fn a_secret_is_replaced_without_a_gap() {
    for (provider, event, [new, old]) in providers() {
        let (by_new, by_old) = (sent(&provider, event, new), sent(&provider, event, old));
        for both in [[new, old], [old, new]] {
            let both = verifier(&provider, &both);
            assert!(by_new.verify(&both).is_ok() && by_old.verify(&both).is_ok(), "{}", provider.name());
        }
        let refused = by_old.verify(&verifier(&provider, &[new])).unwrap_err();
        assert!(
            matches!(refused, Rejected::BadSignature(_) | Rejected::BadCredentials(_)),
            "{}: {refused}",
            provider.name()
        );
        assert!(!refused.to_string().contains(new) && !refused.to_string().contains(old));
    }
}

#[test]
fn nothing_comes_in_unsigned() {
    for (provider, event, [secret, _]) in providers() {
        let made = sent(&provider, event, secret);
        let bare = CREDENTIALS.iter().fold(made.clone(), |made, name| made.without(name));
        assert_eq!(made.headers.len(), bare.headers.len() + 1, "{}", provider.name());
        let refused = bare.verify(&verifier(&provider, &[secret]));
        assert!(matches!(refused, Err(Rejected::Unsigned(_))), "{}: {refused:?}", provider.name());
    }
}

#[test]
fn old_deliveries_and_those_to_come_are_refused() {
    let dated = providers().into_iter().filter(|(provider, _, [secret, _])| match provider {
        Provider::Gitlab => signs(provider, secret),
        Provider::Stripe | Provider::Slack | Provider::StandardWebhooks => true,
        _ => false,
    });
    let mut asked = 0;
    for (provider, event, [secret, _]) in dated {
        let (made, verifier) = (sent(&provider, event, secret), verifier(&provider, &[secret]));
        for (away, right) in
            [(0, true), (300, true), (-300, true), (301, false), (-301, false), (86_400, false)]
        {
            let mut made = made.clone();
            made.now = NOW + away;
            let taken = made.verify(&verifier);
            match right {
                true => assert!(taken.is_ok(), "{} {away}", provider.name()),
                false => assert!(matches!(taken, Err(Rejected::Stale(_))), "{} {away}", provider.name()),
            }
        }
        asked += 1;
    }
    assert_eq!(asked, 4);
}

#[test]
fn a_body_that_was_written_anew_is_another_one() {
    for (provider, event, [secret, _]) in providers().into_iter().filter(|(p, _, [s, _])| signs(p, s)) {
        let mut made = sent(&provider, event, secret);
        let same: Value = serde_json::from_slice(&made.body).unwrap();
        made.body = serde_json::to_vec_pretty(&same).unwrap();
        let refused = made.verify(&verifier(&provider, &[secret]));
        assert!(matches!(refused, Err(Rejected::BadSignature(_))), "{}", provider.name());
    }
}

#[test]
fn a_body_is_not_read_before_its_signature_is_right() {
    for (provider, event, [secret, other]) in providers() {
        let mut made = sent(&provider, event, other);
        made.body = b"{".to_vec();
        let refused = made.verify(&verifier(&provider, &[secret])).unwrap_err();
        assert!(
            matches!(refused, Rejected::BadSignature(_) | Rejected::BadCredentials(_)),
            "{}: {refused}",
            provider.name()
        );
    }
}

#[test]
fn secrets_have_the_form_of_their_provider() {
    for (provider, _, _) in providers() {
        for none in [[].as_slice(), &[""], &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""]] {
            assert_eq!(Verifier::new(&provider, none).unwrap_err(), BadSecret::Empty, "{}", provider.name());
        }
    }
    for bad in ["whsec_?", "whpk_AAAA", "plain text"] {
        let refused = Verifier::new(&Provider::StandardWebhooks, &[bad]).unwrap_err();
        assert_eq!(refused, BadSecret::StandardWebhooks, "{bad}");
    }
    assert_eq!(Verifier::new(&Provider::StandardWebhooks, &["whsec_"]).unwrap_err(), BadSecret::Empty);
    let refused = Verifier::new(&Provider::Basic(Picks::default()), &["no-colon"]).unwrap_err();
    assert_eq!(refused, BadSecret::Basic);
    let printed = format!("{:?}", verifier(&Provider::Github, &["hush-hush"]));
    assert!(!printed.contains("hush") && printed.contains("***"), "{printed}");
}

#[test]
fn what_is_picked_has_to_be_there() {
    let picks = |event_type: Option<Pick>, delivery_id: Option<Pick>| {
        Provider::Bearer(Picks { event_type, delivery_id })
    };
    let told = |provider: &Provider, body: &Value| {
        let made = calls::Made::new(body.to_string().as_bytes(), NOW)
            .with("authorization", "Bearer t")
            .with("x-id", "7");
        let taken = made.verify(&verifier(provider, &["t"]));
        taken.map(|taken| delivery(Ok(taken))).map(|taken| (taken.event_name, taken.delivery_id))
    };
    let pointer = |text: &str| Some(Pick::Pointer(text.to_owned()));
    let header = |text: &str| Some(Pick::Header(text.to_owned()));
    let is = |name: &str, id: Option<&str>| Ok((name.to_owned(), id.map(str::to_owned)));

    assert_eq!(told(&picks(None, None), &json!({})), is("received", None));
    assert_eq!(told(&picks(None, None), &json!({"type": "a.b"})), is("a.b", None));
    assert_eq!(told(&picks(pointer("/e/0"), header("x-id")), &json!({"e": ["x/y"]})), is("x.y", Some("7")));
    assert_eq!(
        told(&picks(None, pointer("/n")), &json!([1])).unwrap_err().to_string(),
        "the delivery has no text at /n, which this source takes for the delivery id"
    );
    assert_eq!(told(&picks(None, pointer("/n")), &json!({"n": 12})), is("received", Some("12")));
    assert_eq!(
        told(&picks(header("x-event"), None), &json!({})).unwrap_err().to_string(),
        "the delivery has no header x-event, which this source takes for the event type"
    );
}

#[test]
fn a_form_is_an_object_of_texts() {
    let made = calls::Made::new(b"type=sms.received&From=%2B4930&Body=hi+there", NOW)
        .with("authorization", "Bearer t")
        .with("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let taken = delivery(made.verify(&verifier(&Provider::Bearer(Picks::default()), &["t"])));
    assert_eq!(taken.event_name, "sms.received");
    assert_eq!(taken.body, json!({"type": "sms.received", "From": "+4930", "Body": "hi there"}));
}

#[test]
fn slacks_interactions_are_json_in_a_form() {
    let payload = br#"payload=%7B%22type%22%3A%22block_actions%22%2C%22trigger_id%22%3A%2212.3.ab%22%7D"#;
    let at = chrono::DateTime::from_timestamp(NOW, 0).unwrap();
    let out = signalbox_webhooks::write(&Provider::Slack, "x", Some(payload.to_vec()), ID, Some("s"), at)
        .unwrap()
        .unwrap();
    let made = calls::Made { headers: out.headers, body: out.body, now: NOW }
        .with("content-type", "application/x-www-form-urlencoded");
    let taken = delivery(made.verify(&verifier(&Provider::Slack, &["s"])));
    assert_eq!((taken.event_name.as_str(), taken.delivery_id.as_deref()), ("block_actions", Some("12.3.ab")));
}

#[test]
fn gitlabs_system_hooks_are_named_in_the_body() {
    let made = calls::Made::new(br#"{"event_name": "project_create"}"#, NOW)
        .with("x-gitlab-token", "t")
        .with("x-gitlab-event", "System Hook");
    assert_eq!(delivery(made.verify(&verifier(&Provider::Gitlab, &["t"]))).event_name, "project_create");
}
