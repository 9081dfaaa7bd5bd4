//! Who sends.

use crate::{Form, Picks};

/// Who sends deliveries, and how they are known to be genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// GitHub.
    Github,
    /// Stripe.
    Stripe,
    /// Slack.
    Slack,
    /// Shopify.
    Shopify,
    /// GitLab.
    Gitlab,
    /// Whoever follows Standard Webhooks.
    StandardWebhooks,
    /// Whoever signs the body with an HMAC.
    Hmac(Form, Picks),
    /// Whoever has a token.
    Bearer(Picks),
    /// Whoever has a password.
    Basic(Picks),
}

impl Provider {
    /// The names of all.
    pub const NAMES: &[&str] =
        &["github", "stripe", "slack", "shopify", "gitlab", "standard-webhooks", "hmac", "bearer", "basic"];

    /// The provider of that name, where the name and what deliveries say say all: an HMAC needs its [`Form`], too.
    pub fn named(name: &str, picks: Picks) -> Option<Self> {
        Some(match name {
            "github" => Self::Github,
            "stripe" => Self::Stripe,
            "slack" => Self::Slack,
            "shopify" => Self::Shopify,
            "gitlab" => Self::Gitlab,
            "standard-webhooks" => Self::StandardWebhooks,
            "bearer" => Self::Bearer(picks),
            "basic" => Self::Basic(picks),
            _ => return None,
        })
    }

    /// Its name in route files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Stripe => "stripe",
            Self::Slack => "slack",
            Self::Shopify => "shopify",
            Self::Gitlab => "gitlab",
            Self::StandardWebhooks => "standard-webhooks",
            Self::Hmac(..) => "hmac",
            Self::Bearer(_) => "bearer",
            Self::Basic(_) => "basic",
        }
    }

    /// What the types of its events have after `com.`, if it is one company.
    pub fn company(&self) -> Option<&'static str> {
        match self {
            Self::Github | Self::Stripe | Self::Slack | Self::Shopify | Self::Gitlab => Some(self.name()),
            Self::StandardWebhooks | Self::Hmac(..) | Self::Bearer(_) | Self::Basic(_) => None,
        }
    }

    /// Where its payloads have a URL that says where it happened.
    pub fn url_pointer(&self) -> Option<&'static str> {
        match self {
            Self::Github => Some("/repository/html_url"),
            Self::Gitlab => Some("/project/web_url"),
            _ => None,
        }
    }

    /// Whether it takes nothing but a 200 for a yes.
    pub fn wants_200(&self) -> bool {
        matches!(self, Self::Slack | Self::Shopify)
    }
}
