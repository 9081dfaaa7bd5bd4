//! Deliveries as providers send them, shortened, for trying out routes.

use crate::name;

/// A delivery as a provider sends it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The name of the provider.
    pub provider: &'static str,
    /// What happened, in the provider's words.
    pub event: &'static str,
    /// JSON.
    pub body: &'static str,
}

macro_rules! samples {
    ($($provider:literal $event:literal $file:literal,)*) => {
        const SAMPLES: &[Sample] = &[$(Sample {
            provider: $provider,
            event: $event,
            body: include_str!(concat!("../samples/", $provider, "/", $file, ".json")),
        }),*];
    };
}

samples! {
    "github" "ping" "ping",
    "github" "pull_request" "pull_request",
    "github" "push" "push",
    "gitlab" "Merge Request Hook" "merge_request",
    "gitlab" "Push Hook" "push",
    "shopify" "app/uninstalled" "app_uninstalled",
    "shopify" "orders/create" "orders_create",
    "slack" "app_mention" "app_mention",
    "slack" "message" "message",
    "slack" "url_verification" "url_verification",
    "stripe" "invoice.paid" "invoice.paid",
    "stripe" "payment_intent.succeeded" "payment_intent.succeeded",
}

/// All samples of a provider.
pub fn samples(provider: &str) -> impl Iterator<Item = &'static Sample> {
    SAMPLES.iter().filter(move |sample| sample.provider == provider)
}

/// The sample whose event has this name in subjects.
pub fn sample(provider: &str, event: &str) -> Option<&'static Sample> {
    samples(provider).find(|sample| sample.name() == event)
}

impl Sample {
    /// What happened, as it stands in subjects.
    pub fn name(&self) -> String {
        let words = self.event.trim_end_matches(" Hook");
        let words = if words == self.event { words.to_owned() } else { words.to_ascii_lowercase() };
        name::event_name(&words).unwrap_or_default()
    }
}
