//! Calls as tests make them.

#![allow(dead_code, reason = "not every test needs all of it")]

use chrono::DateTime;
use signalbox_webhooks::{
    Algorithm, Call, Delivery, Encoding, Form, Pick, Picks, Provider, Rejected, Taken, Verifier, write,
};

pub const NOW: i64 = 1_778_025_600;
pub const ID: &str = "0198c0de-0000-7000-8000-000000000000";

/// A call, and when it comes.
#[derive(Clone, Debug)]
pub struct Made {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub now: i64,
}

impl Made {
    pub fn new(body: &[u8], now: i64) -> Self {
        Self { headers: Vec::new(), body: body.to_vec(), now }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn verify(&self, verifier: &Verifier) -> Result<Taken, Rejected> {
        let header = |name: &str| {
            self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let now = DateTime::from_timestamp(self.now, 0).unwrap();
        verifier.verify(&Call { header: &header, body: &self.body, now })
    }
}

pub fn verifier(provider: &Provider, secrets: &[&str]) -> Verifier {
    Verifier::new(provider, secrets).unwrap()
}

pub fn delivery(taken: Result<Taken, Rejected>) -> Delivery {
    match taken {
        Ok(Taken::Delivery(delivery)) => delivery,
        other => panic!("{other:?}"),
    }
}

/// A delivery as its provider sends it at [`NOW`].
pub fn sent(provider: &Provider, event: &str, secret: &str) -> Made {
    let at = DateTime::from_timestamp(NOW, 0).unwrap();
    let outgoing = write(provider, event, None, ID, Some(secret), at).unwrap().unwrap();
    Made { headers: outgoing.headers, body: outgoing.body, now: NOW }
}

/// Each provider, an event of it, and two secrets: one that is live, and one that was.
pub fn providers() -> Vec<(Provider, &'static str, [&'static str; 2])> {
    const STANDARD: [&str; 2] =
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
    let picks = Picks {
        event_type: Some(Pick::Header("x-event".into())),
        delivery_id: Some(Pick::Pointer("/meta/id".into())),
    };
    let form = Form {
        header: "x-signature".into(),
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        prefix: "sha512=".into(),
    };
    vec![
        (Provider::Github, "push", ["new one", "old one"]),
        (Provider::Stripe, "invoice.paid", ["whsec_new", "whsec_old"]),
        (Provider::Slack, "app_mention", ["new one", "old one"]),
        (Provider::Shopify, "orders.create", ["new one", "old one"]),
        (Provider::Gitlab, "merge_request", ["new one", "old one"]),
        (Provider::Gitlab, "push", STANDARD),
        (Provider::StandardWebhooks, "user.created", STANDARD),
        (Provider::Hmac(form, picks.clone()), "order.placed", ["new one", "old one"]),
        (Provider::Bearer(picks.clone()), "order.placed", ["new-one", "old-one"]),
        (Provider::Basic(picks), "order.placed", ["u:new", "u:old"]),
    ]
}

/// Whether what a provider sends is signed, and not only who sends it known.
pub fn signs(provider: &Provider, secret: &str) -> bool {
    match provider {
        Provider::Bearer(_) | Provider::Basic(_) => false,
        Provider::Gitlab => secret.starts_with("whsec_"),
        _ => true,
    }
}
