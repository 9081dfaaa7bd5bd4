//! Who calls, and what they may do.
//!
//! [`needs`] says what each call needs, [`Gate`] who calls, [`Principal`] whether that is enough; the layer asks them in
//! turn. Whatever none of them knows is refused.

mod action;
mod api_key;
mod gate;
mod grant;
mod here;
mod issuer;
mod keyring;
mod layer;
mod needs;
mod openapi;
mod options;
mod principal;
mod reach;
mod refusal;
mod scopes;
mod tokens;

pub use action::{Action, NoSuchAction};
pub use api_key::ApiKey;
pub use gate::{AuthMode, Gate, Unasked};
pub use grant::{BadPattern, Grant, Pattern};
pub use keyring::Keyring;
pub use layer::guard;
#[cfg(test)]
pub use needs::of as need_of;
pub use needs::{Need, On};
pub use openapi::document;
pub use options::AuthArgs;
pub use principal::Principal;
pub use refusal::Refusal;
pub use scopes::ScopeRules;
#[cfg(test)]
pub use tokens::tests as token_tests;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use signalbox_bus::Bus;
use signalbox_service::{OnEnd, Process};
use tracing::{info, warn};

use tokens::Tokens;

/// The gate of a service that listens there, which follows the bucket of keys from now on.
///
/// # Errors
/// When this machine cannot speak TLS to the issuer.
pub fn gate(process: &Process, options: &AuthArgs, listen: SocketAddr, bus: &Bus) -> anyhow::Result<Gate> {
    let tokens = Tokens::new(options).context("cannot speak TLS to the issuer")?.map(Arc::new);
    let unasked = options.auth.unasked(listen, tokens.is_some());
    match unasked {
        Unasked::All => warn!("calls need no credentials: --auth off"),
        Unasked::FromHere => info!("calls from this machine need no credentials: it listens on loopback"),
        Unasked::Nobody => {}
    }
    let keys = Keyring::default();
    let only_keys = unasked == Unasked::Nobody && tokens.is_none();
    let follow = keys.clone().follow(bus.clone(), move |count| {
        if only_keys && count == 0 {
            warn!(
                "every call is refused: there is no API key (signalbox keys create) and no issuer of tokens"
            );
        }
    });
    process.background.spawn("API keys", OnEnd::StopService, async move {
        follow.await;
        Ok(())
    });
    Ok(Gate { unasked, anybody: Principal::unasked(), keys, tokens })
}
