//! GitHub's webhooks, and the lab's stand-in for them.

use serde_json::Value;

use crate::{Algorithm, Delivery, Rejected};

/// Names the event, `push`.
pub const EVENT: &str = "x-github-event";
/// Identifies the delivery; a redelivery has the same.
pub const DELIVERY: &str = "x-github-delivery";
/// HMAC-SHA-256 of the body: `sha256=` and 64 hexadecimal digits.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// Checks a delivery. `header` gives the value of a header by its name in lower case; `body` is the request's,
/// byte for byte; a signature by any of `secrets` counts, so that a secret can be replaced without a gap.
///
/// With secrets every delivery must be signed; without, none is checked. A delivery without [`EVENT`] is the
/// lab's own form, `{"action": "push", "repository": {"name": …}}`, whose `action` names the event. `ping`, which
/// GitHub sends when a webhook is made, comes out like any other event.
///
/// # Errors
/// [`Rejected`] says why it is not taken.
pub fn verify<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secrets: &[&[u8]],
) -> Result<Delivery, Rejected> {
    if !secrets.is_empty() {
        let signature = header(SIGNATURE).ok_or(Rejected::Unsigned(SIGNATURE.into()))?;
        check_signature(signature, body, secrets)?;
    }
    let body = parse(header("content-type"), body)?;
    let event_name = event_name(header(EVENT), &body)?;
    check_shape(&event_name, &body)?;
    let delivery_id = header(DELIVERY).map(delivery_id).transpose()?;
    Ok(Delivery { event_name, delivery_id, verified: !secrets.is_empty(), body })
}

fn check_signature(signature: &str, body: &[u8], secrets: &[&[u8]]) -> Result<(), Rejected> {
    let given = signature.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok());
    let given = given.ok_or(Rejected::BadSignature(SIGNATURE.into()))?;
    match secrets.iter().any(|secret| Algorithm::Sha256.verifies(secret, &[body], &given)) {
        true => Ok(()),
        false => Err(Rejected::BadSignature(SIGNATURE.into())),
    }
}

/// The header of a delivery.
pub(crate) fn sign(body: &[u8], secret: &[u8]) -> Vec<(String, String)> {
    let mac = Algorithm::Sha256.sign(secret, &[body]);
    vec![(SIGNATURE.to_owned(), format!("sha256={}", hex::encode(mac)))]
}

fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Value, Rejected> {
    let is_form = || {
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") || body.starts_with(b"payload=")
    };
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => Err(Rejected::BadBody("the body is JSON, but not an object")),
        Err(_) if is_form() => Err(Rejected::FormEncoded),
        Err(error) => Err(Rejected::NotJson(error.to_string())),
    }
}

fn event_name(header: Option<&str>, body: &Value) -> Result<String, Rejected> {
    let name =
        header.or_else(|| body.get("action").and_then(Value::as_str)).ok_or(Rejected::NoEventName(EVENT))?;
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        return Err(Rejected::BadEventName(name.chars().take(64).collect()));
    }
    Ok(name.to_owned())
}

fn check_shape(event_name: &str, body: &Value) -> Result<(), Rejected> {
    let repository = body.pointer("/repository/name").and_then(Value::as_str).unwrap_or_default();
    if event_name == "push" && repository.is_empty() {
        return Err(Rejected::BadBody("a push has the name of its repository, a text, in `repository.name`"));
    }
    Ok(())
}

fn delivery_id(text: &str) -> Result<String, Rejected> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if text.is_empty() || text.len() > 128 || !text.bytes().all(allowed) {
        return Err(Rejected::BadDeliveryId(DELIVERY));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use serde_json::json;
    use sha2::Sha256;

    /// Published by GitHub, "Validating webhook deliveries".
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const PAYLOAD: &[u8] = b"Hello, World!";
    const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const GUID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

    fn verify_with(headers: &[(&str, &str)], body: &[u8], secrets: &[&[u8]]) -> Result<Delivery, Rejected> {
        verify(|name| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value), body, secrets)
    }

    /// Also with no key at all, which the one that is tested refuses.
    fn sign(body: &[u8], secret: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn push() -> Vec<u8> {
        json!({"ref": "refs/heads/main", "repository": {"name": "signalbox"}}).to_string().into_bytes()
    }

    #[test]
    fn githubs_own_example_is_right() {
        assert_eq!(sign(PAYLOAD, SECRET), SIGNED);
        assert_eq!(check_signature(SIGNED, PAYLOAD, &[SECRET]), Ok(()));
        let another = SIGNED.replace("757107", "757108");
        assert_eq!(
            check_signature(&another, PAYLOAD, &[SECRET]),
            Err(Rejected::BadSignature(SIGNATURE.into()))
        );
    }

    #[test]
    fn a_signed_push_is_taken() {
        let (body, signature) = (push(), sign(&push(), SECRET));
        let headers = [(EVENT, "push"), (DELIVERY, GUID), (SIGNATURE, signature.as_str())];
        let delivery = verify_with(&headers, &body, &[SECRET]).unwrap();
        assert_eq!((delivery.event_name.as_str(), delivery.delivery_id.as_deref()), ("push", Some(GUID)));
        assert!(delivery.verified);
        assert_eq!(delivery.body.to_string().into_bytes(), body);
    }

    #[test]
    fn any_live_secret_counts_and_no_other() {
        let (body, signature) = (push(), sign(&push(), b"new"));
        let headers = [(EVENT, "push"), (SIGNATURE, signature.as_str())];
        for secrets in [[b"old".as_slice(), b"new"], [b"new", b"old"]] {
            assert!(verify_with(&headers, &body, &secrets).is_ok());
        }
        let refused = Err(Rejected::BadSignature(SIGNATURE.into()));
        assert_eq!(verify_with(&headers, &body, &[b"old"]), refused);
        let nobodys = sign(&body, b"");
        assert_eq!(verify_with(&[(EVENT, "push"), (SIGNATURE, &nobodys)], &body, &[b""]), refused);
    }

    #[test]
    fn with_a_secret_nothing_comes_in_unsigned() {
        assert_eq!(
            verify_with(&[(EVENT, "push")], &push(), &[SECRET]),
            Err(Rejected::Unsigned(SIGNATURE.into()))
        );
        assert_eq!(verify_with(&[], &push(), &[SECRET]), Err(Rejected::Unsigned(SIGNATURE.into())));
        for odd in ["", "sha256=", "sha1=00", "757107ea", "sha256=zz", &SIGNED[..SIGNED.len() - 2]] {
            let headers = [(EVENT, "push"), (SIGNATURE, odd)];
            assert_eq!(
                verify_with(&headers, PAYLOAD, &[SECRET]),
                Err(Rejected::BadSignature(SIGNATURE.into())),
                "{odd}"
            );
        }
    }

    #[test]
    fn a_body_is_not_read_before_its_signature_is_right() {
        let headers = [(EVENT, "push"), (SIGNATURE, SIGNED)];
        assert!(matches!(verify_with(&headers, PAYLOAD, &[SECRET]), Err(Rejected::NotJson(_))));
        assert_eq!(verify_with(&headers, b"{", &[SECRET]), Err(Rejected::BadSignature(SIGNATURE.into())));
    }

    #[test]
    fn the_labs_form_names_the_event_in_its_body() {
        let body = json!({"action": "push", "repository": {"name": "signalbox"}}).to_string();
        let delivery = verify_with(&[], body.as_bytes(), &[]).unwrap();
        assert_eq!(
            (delivery.event_name.as_str(), delivery.delivery_id, delivery.verified),
            ("push", None, false)
        );
        let signature = sign(body.as_bytes(), SECRET);
        assert!(verify_with(&[(SIGNATURE, &signature)], body.as_bytes(), &[SECRET]).unwrap().verified);
    }

    #[test]
    fn the_header_goes_before_the_action() {
        let body = json!({"action": "opened", "issue": {}}).to_string();
        assert_eq!(verify_with(&[(EVENT, "issues")], body.as_bytes(), &[]).unwrap().event_name, "issues");
        let ping = json!({"zen": "Design for failure.", "hook_id": 1}).to_string();
        assert_eq!(verify_with(&[(EVENT, "ping")], ping.as_bytes(), &[]).unwrap().event_name, "ping");
    }

    #[test]
    fn what_is_wrong_with_a_delivery_is_said() {
        let why = |headers: &[(&str, &str)], body: &str| {
            verify_with(headers, body.as_bytes(), &[]).unwrap_err().to_string()
        };
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        insta::assert_snapshot!(why(&[form], "payload=%7B%7D"), @"the delivery is form-encoded; set the webhook's content type to application/json, not application/x-www-form-urlencoded");
        insta::assert_snapshot!(why(&[], "payload=%7B%7D"), @"the delivery is form-encoded; set the webhook's content type to application/json, not application/x-www-form-urlencoded");
        insta::assert_snapshot!(why(&[], "{"), @"the body is not JSON: EOF while parsing an object at line 1 column 1");
        insta::assert_snapshot!(why(&[], "{}"), @"neither the header x-github-event nor `action` in the body says what happened");
        insta::assert_snapshot!(why(&[], r#"{"action": 1}"#), @"neither the header x-github-event nor `action` in the body says what happened");
        insta::assert_snapshot!(why(&[(EVENT, "push")], "[]"), @"the body is JSON, but not an object");
        insta::assert_snapshot!(why(&[(EVENT, "push")], "{}"), @"a push has the name of its repository, a text, in `repository.name`");
        insta::assert_snapshot!(why(&[], r#"{"action": "push", "repository": {"name": 7}}"#), @"a push has the name of its repository, a text, in `repository.name`");
        insta::assert_snapshot!(why(&[(EVENT, "push.>")], "{}"), @r#"the event name "push.>" is not made of a-z, 0-9, `-` and `_`, or has more than 64 of them"#);
        insta::assert_snapshot!(why(&[(EVENT, "")], "{}"), @r#"the event name "" is not made of a-z, 0-9, `-` and `_`, or has more than 64 of them"#);
        insta::assert_snapshot!(why(&[(EVENT, "ping"), (DELIVERY, "a b")], "{}"), @"x-github-delivery is not made of letters, digits and `-`, or has more than 128 of them");
    }

    #[test]
    fn json_is_taken_whatever_curl_calls_it() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        assert!(verify_with(&[form], br#"{"action": "push", "repository": {"name": "x"}}"#, &[]).is_ok());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_anywhere_is_found(at in 0_usize..PAYLOAD.len() + 32, bit in 0_u8..8) {
            let mut bytes = [PAYLOAD, &hex::decode(&SIGNED[7..]).unwrap()].concat();
            bytes[at] ^= 1 << bit;
            let (body, digest) = bytes.split_at(PAYLOAD.len());
            let signature = format!("sha256={}", hex::encode(digest));
            prop_assert!(check_signature(&signature, body, &[SECRET]).is_err());
        }

        #[test]
        fn odd_deliveries_never_panic(
            body in prop::collection::vec(any::<u8>(), 0..64),
            value in ".{0,40}",
            event in "[a-z.*>_ ]{0,10}",
        ) {
            let _ = verify_with(&[(SIGNATURE, &value), (EVENT, &event)], &body, &[SECRET]);
            if let Ok(delivery) = verify_with(&[(EVENT, &event), (DELIVERY, &value)], b"{\"repository\":{\"name\":\"x\"}}", &[]) {
                prop_assert!(!delivery.event_name.contains(['.', '*', '>', ' ']));
            }
        }
    }
}
