//! A provider with its secrets.

use crate::{
    BadSecret, Call, Form, Picks, Provider, Rejected, Taken, basic, bearer, generic, github,
    gitlab::{self, Tokens},
    secrets::Secrets,
    shopify, slack,
    standard_webhooks::{self, Keys},
    stripe,
};

/// Tells the deliveries of a provider from those of others. Secrets are never printed.
#[derive(Clone, Debug)]
pub struct Verifier(Scheme);

#[derive(Clone, Debug)]
enum Scheme {
    Github(Secrets),
    Stripe(Secrets),
    Slack(Secrets),
    Shopify(Secrets),
    Gitlab(Tokens),
    StandardWebhooks(Keys),
    Hmac(Form, Picks, Secrets),
    Bearer(Picks, Secrets),
    Basic(Picks, Secrets),
}

impl Verifier {
    /// A verifier for deliveries of `provider`. Each of `secrets` alone is enough, so that one can be replaced without a
    /// gap.
    ///
    /// # Errors
    /// When there is none, or one is empty or not what the provider has for a secret.
    pub fn new(provider: &Provider, secrets: &[&str]) -> Result<Self, BadSecret> {
        if secrets.is_empty() || secrets.iter().any(|secret| secret.is_empty()) {
            return Err(BadSecret::Empty);
        }
        Ok(Self(match provider {
            Provider::Github => Scheme::Github(Secrets::of(secrets)?),
            Provider::Stripe => Scheme::Stripe(Secrets::of(secrets)?),
            Provider::Slack => Scheme::Slack(Secrets::of(secrets)?),
            Provider::Shopify => Scheme::Shopify(Secrets::of(secrets)?),
            Provider::Gitlab => Scheme::Gitlab(Tokens::of(secrets)?),
            Provider::StandardWebhooks => Scheme::StandardWebhooks(Keys::of(secrets)?),
            Provider::Hmac(form, picks) => Scheme::Hmac(form.clone(), picks.clone(), Secrets::of(secrets)?),
            Provider::Bearer(picks) => Scheme::Bearer(picks.clone(), Secrets::of(secrets)?),
            Provider::Basic(picks) => Scheme::Basic(picks.clone(), basic::users(secrets)?),
        }))
    }

    /// Checks a call.
    ///
    /// # Errors
    /// [`Rejected`] says why it is not taken.
    pub fn verify(&self, call: &Call<'_>) -> Result<Taken, Rejected> {
        let delivery = match &self.0 {
            Scheme::Slack(secrets) => return slack::verify(call, secrets),
            Scheme::Github(secrets) => github::verify(call.header, call.body, &secrets.exposed()),
            Scheme::Stripe(secrets) => stripe::verify(call, secrets),
            Scheme::Shopify(secrets) => shopify::verify(call, secrets),
            Scheme::Gitlab(tokens) => gitlab::verify(call, tokens),
            Scheme::StandardWebhooks(keys) => standard_webhooks::verify(call, keys),
            Scheme::Hmac(form, picks, secrets) => generic::verify(call, form, picks, secrets),
            Scheme::Bearer(picks, tokens) => bearer::verify(call, picks, tokens),
            Scheme::Basic(picks, users) => basic::verify(call, picks, users),
        };
        delivery.map(Taken::Delivery)
    }
}
