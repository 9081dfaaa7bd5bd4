//! Declared sources: what is read, and what is said about those that are wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

use signalbox_routing::{RouteSet, SecretPlace};
use signalbox_webhooks::{Algorithm, Encoding, Pick, Provider};

fn load(sources: &str) -> Result<RouteSet, String> {
    let text = format!("version: 1\nsources:\n{sources}");
    RouteSet::load([("r.yaml".to_owned(), text)]).map_err(|faults| faults.to_string())
}

fn faults(sources: &str) -> String {
    load(sources).map_or_else(|faults| faults, |_| "none".to_owned())
}

fn one(rest: &str) -> String {
    faults(&format!("  - name: shop\n    secrets: [ {{ env: SHOP }} ]\n{rest}"))
}

#[test]
fn sources_are_read_as_they_are_written() {
    let set = load(
        "
  - { name: payments, provider: stripe, secrets: [ { env: STRIPE }, { file: /run/secrets/stripe } ] }
  - name: depot
    provider: hmac
    secrets: [ { env: DEPOT } ]
    header: X-Signature
    algorithm: sha512
    encoding: base64
    prefix: sha512=
    event_type: { header: X-Event }
    delivery_id: { pointer: /meta/id }
",
    )
    .unwrap();
    let [depot, payments] = set.sources() else { panic!("{:?}", set.sources()) };
    assert_eq!((payments.name.as_str(), &payments.provider), ("payments", &Provider::Stripe));
    let places = [SecretPlace::Env("STRIPE".to_owned()), SecretPlace::File("/run/secrets/stripe".to_owned())];
    assert_eq!(payments.secrets, places);
    let Provider::Hmac(form, picks) = &depot.provider else { panic!("{depot:?}") };
    assert_eq!((form.header.as_str(), form.prefix.as_str()), ("x-signature", "sha512="));
    assert_eq!((form.algorithm, form.encoding), (Algorithm::Sha512, Encoding::Base64));
    assert_eq!(picks.event_type, Some(Pick::Header("x-event".to_owned())));
    assert_eq!(picks.delivery_id, Some(Pick::Pointer("/meta/id".to_owned())));
}

#[test]
fn every_provider_can_be_named() {
    for name in Provider::NAMES {
        let header = if *name == "hmac" { ", header: X-Signature" } else { "" };
        let set =
            load(&format!("  - {{ name: a, provider: {name}, secrets: [ {{ env: A }} ]{header} }}")).unwrap();
        assert_eq!(set.sources()[0].provider.name(), *name);
    }
}

#[test]
fn secrets_are_never_written_out() {
    let secrets = |secrets: &str| faults(&format!("  - {{ name: a, provider: stripe, secrets: {secrets} }}"));
    insta::assert_snapshot!(secrets("[ hush-hush ]"), @"r.yaml:3:45: a secret is written out; say where it is: `{ env: NAME }`, or `{ file: /run/secrets/name }`");
    insta::assert_snapshot!(secrets("[ 12345678 ]"), @"r.yaml:3:45: a secret is written out; say where it is: `{ env: NAME }`, or `{ file: /run/secrets/name }`");
    insta::assert_snapshot!(secrets("[ { secret: hush-hush } ]"), @r"
    r.yaml:3:45: a secret is in one place, `env` or `file`
    r.yaml:3:47: unknown field `secret`; known are `env`, `file`
    r.yaml:3:55: `secret` is written out; keep it with the worker that needs it, in its environment or a secret store
    ");
    insta::assert_snapshot!(secrets("[ { env: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw } ]"), @"r.yaml:3:52: this looks like a secret key; keep it with the worker that needs it, in its environment or a secret store");
    insta::assert_snapshot!(secrets("hush-hush"), @"r.yaml:3:43: `secrets` is a list, not a text");
    insta::assert_snapshot!(secrets("[]"), @"r.yaml:3:43: a source has 1 to 10 secrets");
    insta::assert_snapshot!(secrets("[ {} ]"), @"r.yaml:3:45: a secret is in one place, `env` or `file`");
    insta::assert_snapshot!(secrets("[ { env: A, file: /a } ]"), @"r.yaml:3:45: a secret is in one place, `env` or `file`");
    insta::assert_snapshot!(secrets("[ { env: SIGNALBOX_SECRET } ]"), @"r.yaml:3:52: `env` has another beginning than `SIGNALBOX_`: those are settings, and unknown ones stop the start");
    insta::assert_snapshot!(secrets("[ { env: A-B } ]"), @"r.yaml:3:52: `env` is the name of a variable: letters, digits and `_`");
    insta::assert_snapshot!(secrets("[ { file: secrets/a } ]"), @"r.yaml:3:53: `file` is a path from `/` on");
}

#[test]
fn what_is_wrong_with_a_source_is_said() {
    insta::assert_snapshot!(one("    provider: strip"), @"r.yaml:5:15: `provider` is one of `github`, `stripe`, `slack`, `shopify`, `gitlab`, `standard-webhooks`, `hmac`, `bearer`, `basic`; did you mean `stripe`?");
    insta::assert_snapshot!(one("    provider: stripe\n    evnt_type: { pointer: /a }"), @"r.yaml:6:5: unknown field `evnt_type`; did you mean `event_type`?");
    insta::assert_snapshot!(one("    provider: stripe\n    header: X-Sig\n    event_type: { pointer: /a }"), @r"
    r.yaml:6:13: `header` is for `hmac`, and means nothing for `stripe`
    r.yaml:7:17: `event_type` is for `hmac`, `bearer` and `basic`, and means nothing for `stripe`
    ");
    insta::assert_snapshot!(one("    provider: bearer\n    encoding: hex"), @"r.yaml:6:15: `encoding` is for `hmac`, and means nothing for `bearer`");
    insta::assert_snapshot!(one("    provider: hmac"), @"r.yaml:3:5: missing field `header`, which `hmac` needs; `header` is the one that has the signature");
    insta::assert_snapshot!(one("    provider: hmac\n    header: X Sig\n    algorithm: md5"), @r"
    r.yaml:6:13: `header` is the name of a header, such as `X-Signature`
    r.yaml:7:16: `algorithm` is one of `sha1`, `sha256`, `sha512`
    ");
    insta::assert_snapshot!(one("    provider: basic\n    event_type: { pointer: a }\n    delivery_id: {}"), @r"
    r.yaml:6:28: `pointer` is a JSON Pointer: `/` before each part
    r.yaml:7:18: `delivery_id` is a map with one of `header` and `pointer`
    ");
    insta::assert_snapshot!(faults("  - name: a.b\n    provider: github"), @r"
    r.yaml:3:5: missing field `secrets`
    r.yaml:3:11: the name of a source has 1 to 64 letters (a-z, A-Z), digits, `-` or `_`
    ");
    insta::assert_snapshot!(faults("  payments: {}"), @"r.yaml:3:3: `sources` is a list, not a map");
    let twice = "  - { name: a, provider: github, secrets: [ { env: A } ] }\n".repeat(2);
    insta::assert_snapshot!(faults(&twice), @"r.yaml:4:13: the name `a` is taken by the source at r.yaml:3:13");
}
