//! Names and ids from outside, as they can be parts of an event.

use std::borrow::Cow;

use crate::Rejected;

const LONGEST_NAME: usize = 128;
const LONGEST_ID: usize = 256;

/// What happened, as tokens of a subject: `.`, `/` and `:` stand between tokens, and what no token can have becomes `_`.
pub(crate) fn event_name(text: &str) -> Result<String, Rejected> {
    let tokens: Vec<_> =
        text.trim().split(['.', '/', ':']).filter(|part| !part.is_empty()).map(token).collect();
    let name = tokens.join(".");
    match name.len() <= LONGEST_NAME && name.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(name),
        false => Err(Rejected::UnusableEventName(text.chars().take(LONGEST_NAME).collect())),
    }
}

fn token(part: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    part.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// The id of a delivery, as the id of an event.
pub(crate) fn delivery_id(text: &str, place: impl Into<Cow<'static, str>>) -> Result<String, Rejected> {
    let seen = |c: char| !c.is_whitespace() && !c.is_control();
    match !text.is_empty() && text.len() <= LONGEST_ID && text.chars().all(seen) {
        true => Ok(text.to_owned()),
        false => Err(Rejected::UnusableDeliveryId(place.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_tokens() {
        for (name, tokens) in [
            ("push", "push"),
            ("payment_intent.succeeded", "payment_intent.succeeded"),
            ("orders/create", "orders.create"),
            ("ns:Order Placed", "ns.Order_Placed"),
            ("a..b.>", "a.b._"),
            (" größe* ", "gr__e_"),
        ] {
            assert_eq!(event_name(name).as_deref(), Ok(tokens), "{name}");
        }
        for bad in ["", " ", "...", "*.>", &"x".repeat(129)] {
            assert!(matches!(event_name(bad), Err(Rejected::UnusableEventName(_))), "{bad}");
        }
    }

    #[test]
    fn ids_are_seen_and_short() {
        assert_eq!(delivery_id("evt_1/a+b=", "x").as_deref(), Ok("evt_1/a+b="));
        for bad in ["", "a b", "a\n", "\u{7f}", &"x".repeat(257)] {
            assert!(delivery_id(bad, "x").is_err(), "{bad:?}");
        }
    }
}
