//! Webhooks of declared sources, from a signed delivery to a workflow.

mod cli;
mod libraries;
mod outage;

use std::{
    fs,
    sync::{Arc, Weak},
};

use anyhow::ensure;
use async_nats::jetstream;
use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};
use signalbox_testkit::{Answer, Api, Service, Stack, eventually};
use signalbox_webhooks::{Algorithm, Encoding, Form, Outgoing, Pick, Picks, Provider, write};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{SIGNALBOX, SOON, described, expect, unique};

/// Sources of every kind, and a route that starts a workflow for whatever they send.
const ROUTES: &str = include_str!("webhooks/routes.yaml");

/// The secret of each source; that of `empty` is nowhere.
const SECRETS: [(&str, &str); 10] = [
    ("HUB_SECRET", "It's a Secret to Everybody"),
    ("PAYMENTS_SECRET", "whsec_test_secret"),
    ("PAYMENTS_OLD_SECRET", "whsec_old_secret"),
    ("CHAT_SECRET", "8f742231b10e8888abcd99yyyzzz85a5"),
    ("SHOP_SECRET", "hush"),
    ("LAB_SECRET", "a plain token"),
    ("STANDARD_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("DEPOT_SECRET", "depot-secret"),
    ("SENSOR_TOKEN", "sensor-token"),
    ("PRINTER_PASSWORD", "printer:password"),
];

/// A stack with these sources.
struct Hooked {
    stack: Stack,
    folder: TempDir,
}

impl Hooked {
    async fn start(routes: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("hooks.yaml"), routes).unwrap();
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", folder.path());
        SECRETS.iter().for_each(|(name, secret)| stack.set(name, *secret));
        stack.launch_all(&Service::ALL).await.unwrap();
        let hooked = Self { stack, folder };
        hooked.knows("payments").await;
        hooked
    }

    /// Waits until ingress has taken up a set with this source.
    async fn knows(&self, source: &str) {
        let api = self.stack.api();
        eventually(SOON, async || {
            let answer = api.post_body(&format!("/webhooks/{source}"), &[], "{}").await?;
            ensure!(answer.status == 401, "{}", answer.body);
            Ok(())
        })
        .await;
    }
}

/// One stack for all tests that change nothing.
async fn hooked() -> (Arc<Hooked>, Api) {
    static HOOKED: Mutex<Weak<Hooked>> = Mutex::const_new(Weak::new());
    let mut place = HOOKED.lock().await;
    let hooked = match place.upgrade() {
        Some(hooked) => hooked,
        None => Arc::new(Hooked::start(ROUTES).await),
    };
    *place = Arc::downgrade(&hooked);
    let api = hooked.stack.api();
    (hooked, api)
}

/// Each source: its provider, an event, and the event's type and source.
fn sources() -> Vec<(&'static str, Provider, &'static str, &'static str, &'static str)> {
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
    let own = "webhook:";
    vec![
        ("hub", Provider::Github, "push", "com.github.push", "https://github.com/octocat/website"),
        ("payments", Provider::Stripe, "invoice.paid", "com.stripe.invoice.paid", own),
        ("chat", Provider::Slack, "app_mention", "com.slack.app_mention", own),
        ("shop", Provider::Shopify, "orders.create", "com.shopify.orders.create", own),
        ("lab", Provider::Gitlab, "push", "com.gitlab.push", "https://gitlab.example.com/mike/diaspora"),
        ("standard", Provider::StandardWebhooks, "user.created", "com.standard.user.created", own),
        ("depot", Provider::Hmac(form, picks.clone()), "parcel.left", "com.depot.parcel.left", own),
        ("sensor", Provider::Bearer(picks), "too.hot", "com.sensor.too.hot", own),
        ("printer", Provider::Basic(Picks::default()), "paper.out", "com.printer.paper.out", own),
    ]
}

fn secret_of(source: &str) -> &'static str {
    let prefix = format!("{}_", source.to_uppercase());
    SECRETS.iter().find(|(name, _)| name.starts_with(&prefix)).unwrap().1
}

fn delivery(provider: &Provider, event: &str, id: &str, secret: &str) -> Outgoing {
    write(provider, event, None, id, Some(secret), Utc::now()).unwrap().unwrap()
}

/// Sends a delivery; `wait` for what comes of it.
async fn send(api: &Api, source: &str, outgoing: &Outgoing, wait: bool) -> Answer {
    let mut headers: Vec<_> = outgoing.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    if wait {
        headers.push(("prefer", "wait=30"));
    }
    api.post_body(&format!("/webhooks/{source}"), &headers, outgoing.body.clone()).await.unwrap()
}

/// What the ledger has of the effects of an event.
async fn effects(api: &Api, event_id: &str) -> Vec<Value> {
    let answer = api.get(&format!("/events/{event_id}")).await.unwrap();
    let outcomes = answer.body["outcomes"].as_array().cloned().unwrap_or_default();
    outcomes.into_iter().filter(|outcome| outcome["workflow_id"].is_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_delivery_of_each_kind_starts_its_workflow_once() {
    let (_hooked, api) = hooked().await;
    for (source, provider, event, kind, url) in sources() {
        let outgoing = delivery(&provider, event, &unique("delivery"), secret_of(source));
        let first = send(&api, source, &outgoing, true).await;
        expect(&first, 200);
        let id = first.text("event_id").to_owned();
        let workflow_id = first.body["workflows"][0]["workflow_id"].as_str().unwrap_or_default().to_owned();
        assert_eq!(workflow_id, format!("hook-{source}-{id}"), "{}", first.body);
        described(&api, &workflow_id).await;

        // Redelivered, as providers do; but for those whose source names no id.
        if source != "printer" {
            let again = send(&api, source, &outgoing, true).await;
            expect(&again, 200);
            assert_eq!(again.body["event_id"], json!(id));
            let effects = effects(&api, &id).await;
            assert_eq!(effects.len(), 1, "{source}: {effects:?}");
        }
        let known = api.get(&format!("/events/{id}")).await.unwrap().body;
        let told = &known["events"][0];
        let url = if url == "webhook:" { format!("webhook:{source}") } else { url.to_owned() };
        assert_eq!((&told["type"], &told["source"]), (&json!(kind), &json!(url)), "{known}");
        assert_eq!(told["subject"], json!(format!("events.{source}.{event}")), "{known}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_answered_once_it_is_stored() {
    let (hooked, api) = hooked().await;
    let jetstream = jetstream::new(hooked.stack.nats_client().await.unwrap());
    let log = jetstream.get_stream("EVENTS").await.unwrap();
    for (source, provider, event, status) in [
        ("payments", Provider::Stripe, "payment_intent.succeeded", 202),
        ("chat", Provider::Slack, "message", 200),
        ("shop", Provider::Shopify, "app.uninstalled", 200),
    ] {
        let answer =
            send(&api, source, &delivery(&provider, event, &unique("stored"), secret_of(source)), false)
                .await;
        expect(&answer, status);
        match status {
            202 => assert_eq!(answer.text("status"), "accepted", "{}", answer.body),
            _ => assert_eq!(answer.body, json!("")),
        }
        let stored = log.get_last_raw_message_by_subject(&format!("events.{source}.{event}")).await;
        assert!(stored.is_ok(), "{source}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_gets_its_challenge_back_and_nothing_is_stored() {
    let (hooked, api) = hooked().await;
    let asked = delivery(&Provider::Slack, "url_verification", "1", secret_of("chat"));
    let answer = send(&api, "chat", &asked, false).await;
    expect(&answer, 200);
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    assert_eq!(answer.body, json!({ "challenge": challenge }));
    nothing_on(&hooked, "events.chat.url_verification").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_refused_and_nothing_is_stored() {
    let (hooked, api) = hooked().await;
    for (source, provider, _, _, _) in sources() {
        let wrong = match provider {
            Provider::StandardWebhooks => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            _ => "nobody:knows this",
        };
        let made = |secret| write(&provider, "ping", Some(b"{}".to_vec()), "1", secret, Utc::now());
        let bodies = [Some(wrong), None].map(|secret| made(secret).unwrap().unwrap());
        for outgoing in bodies {
            let answer = send(&api, source, &outgoing, false).await;
            expect(&answer, 401);
            assert_eq!(answer.body["code"], "bad-signature", "{}", answer.body);
            assert!(!answer.body.to_string().contains(secret_of(source)));
        }
        nothing_on(&hooked, &format!("events.{source}.ping")).await;
    }
}

async fn nothing_on(hooked: &Hooked, subject: &str) {
    let jetstream = jetstream::new(hooked.stack.nats_client().await.unwrap());
    let log = jetstream.get_stream("EVENTS").await.unwrap();
    assert!(log.get_last_raw_message_by_subject(subject).await.is_err(), "{subject}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_secret_is_as_good_as_the_new_one() {
    let (_hooked, api) = hooked().await;
    let outgoing = delivery(&Provider::Stripe, "invoice.paid", &unique("old"), "whsec_old_secret");
    expect(&send(&api, "payments", &outgoing, true).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_are_not_there_or_lack_a_secret_say_so() {
    let (hooked, api) = hooked().await;
    let unknown = api.post_body("/webhooks/nobody", &[], "{}").await.unwrap();
    expect(&unknown, 404);
    assert_eq!(unknown.body["code"], "source-not-found");
    // Of `empty` there is no secret at all; of `half` one of two.
    let outgoing = delivery(&Provider::Github, "push", &unique("lost"), "the lost one");
    for source in ["empty", "half"] {
        let answer = send(&api, source, &outgoing, false).await;
        expect(&answer, 503);
        assert_eq!(answer.body["code"], "secret-missing");
        assert!(answer.text("detail").contains("the variable LOST_SECRET is not set"), "{}", answer.body);
    }
    let whole = delivery(&Provider::Github, "push", &unique("half"), secret_of("hub"));
    expect(&send(&api, "half", &whole, true).await, 200);
    let log = hooked.stack.log(Service::Ingress).join("\n");
    assert!(!SECRETS.iter().any(|(_, secret)| log.contains(secret)), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_a_set_that_is_applied_is_there_without_a_restart() {
    let hooked = Hooked::start(ROUTES).await;
    let api = hooked.stack.api();
    expect(&api.post_body("/webhooks/sales", &[], "{}").await.unwrap(), 404);
    fs::write(hooked.folder.path().join("hooks.yaml"), ROUTES.replace("name: payments", "name: sales"))
        .unwrap();
    hooked.knows("sales").await;
    expect(&api.request(Method::POST, "/webhooks/payments").send().await.map(status).unwrap(), 404);
    let outgoing = delivery(&Provider::Stripe, "invoice.paid", &unique("sales"), "whsec_test_secret");
    expect(&send(&api, "sales", &outgoing, true).await, 200);
}

fn status(response: reqwest::Response) -> Answer {
    Answer { status: response.status().as_u16(), body: Value::Null, traceparent: String::new() }
}
