//! The other side: a delivery as its provider would send it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    BadSecret, Pick, Picks, Provider, Sample, basic, bearer, generic, github, gitlab, sample, shopify, slack,
    standard_webhooks, stripe,
};

/// A call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// What is signed.
    pub body: Vec<u8>,
}

/// A delivery of `provider` that says that `event` has happened: its sample, unless there are other `data`. It is signed
/// if there is a `secret`. `None` if there is neither a sample nor data.
///
/// # Errors
/// When the secret is none for this provider.
pub fn write(
    provider: &Provider,
    event: &str,
    data: Option<Vec<u8>>,
    id: &str,
    secret: Option<&str>,
    at: DateTime<Utc>,
) -> Result<Option<Outgoing>, BadSecret> {
    let sample = sample(provider.name(), event);
    let Some(body) = data.or_else(|| own_body(provider, sample, event, id)) else { return Ok(None) };
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(named(provider, sample.map_or(event, |sample| sample.event), id));
    if let Some(secret) = secret {
        headers.extend(signed(provider, &body, secret, id, at)?);
    }
    Ok(Some(Outgoing { headers, body }))
}

fn own_body(provider: &Provider, sample: Option<&Sample>, event: &str, id: &str) -> Option<Vec<u8>> {
    let body = match provider {
        Provider::StandardWebhooks => json!({ "type": event, "data": { "id": id } }),
        Provider::Hmac(_, picks) | Provider::Bearer(picks) | Provider::Basic(picks) => {
            picked(picks, event, id)
        }
        _ => with_id(provider, serde_json::from_str(sample?.body).ok()?, id),
    };
    Some(body.to_string().into_bytes())
}

/// The sample with an id of its own, where the provider has it in the body.
fn with_id(provider: &Provider, mut body: Value, id: &str) -> Value {
    let (pointer, id) = match provider {
        Provider::Stripe => ("/id", format!("evt_{id}")),
        Provider::Slack => ("/event_id", format!("Ev{id}")),
        _ => return body,
    };
    if let Some(place) = body.pointer_mut(pointer) {
        *place = id.into();
    }
    body
}

/// A body in which is found what is looked for.
fn picked(picks: &Picks, event: &str, id: &str) -> Value {
    let mut body = json!({});
    match &picks.event_type {
        None => put(&mut body, "/type", event),
        Some(Pick::Pointer(pointer)) => put(&mut body, pointer, event),
        Some(Pick::Header(_)) => {}
    }
    if let Some(Pick::Pointer(pointer)) = &picks.delivery_id {
        put(&mut body, pointer, id);
    }
    body
}

/// Writes a text at a place, and what leads there.
fn put(body: &mut Value, pointer: &str, text: &str) {
    let place = pointer.split('/').skip(1).fold(body, |place, key| {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        &mut place[key.replace("~1", "/").replace("~0", "~")]
    });
    *place = text.into();
}

/// The headers that say what happened, and the id.
fn named(provider: &Provider, event: &str, id: &str) -> Vec<(String, String)> {
    let pairs = match provider {
        Provider::Github => vec![(github::EVENT, event), (github::DELIVERY, id)],
        Provider::Shopify => vec![(shopify::TOPIC, event), (shopify::ID, id)],
        Provider::Gitlab => vec![(gitlab::EVENT, event), (gitlab::ID, id)],
        Provider::Hmac(_, picks) | Provider::Bearer(picks) | Provider::Basic(picks) => {
            let header = |pick: &'_ Option<Pick>| match pick {
                Some(Pick::Header(name)) => Some(name.clone()),
                _ => None,
            };
            let pairs = [(header(&picks.event_type), event), (header(&picks.delivery_id), id)];
            return pairs.into_iter().filter_map(|(name, text)| Some((name?, text.to_owned()))).collect();
        }
        Provider::Stripe | Provider::Slack | Provider::StandardWebhooks => Vec::new(),
    };
    pairs.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

fn signed(
    provider: &Provider,
    body: &[u8],
    secret: &str,
    id: &str,
    at: DateTime<Utc>,
) -> Result<Vec<(String, String)>, BadSecret> {
    let key = secret.as_bytes();
    Ok(match provider {
        Provider::Github => github::sign(body, key),
        Provider::Stripe => stripe::sign(body, key, at),
        Provider::Slack => slack::sign(body, key, at),
        Provider::Shopify => shopify::sign(body, key),
        Provider::Gitlab if secret.starts_with(standard_webhooks::SECRET) => {
            standard_webhooks::sign(body, secret, id, at)?
        }
        Provider::Gitlab => gitlab::present(secret),
        Provider::StandardWebhooks => standard_webhooks::sign(body, secret, id, at)?,
        Provider::Hmac(form, _) => generic::sign(form, body, key),
        Provider::Bearer(_) => bearer::present(secret),
        Provider::Basic(_) => basic::present(secret),
    })
}
