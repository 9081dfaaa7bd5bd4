//! One verifier a webhook provider.
//!
//! Pure: headers, the body as it came, the secrets that are live and the time go in; a [`Delivery`] or the reason why
//! not comes out. A verifier reads nothing of a body before the signature over it is right.

mod age;
mod basic;
mod bearer;
mod body;
mod call;
mod delivery;
mod generic;
pub mod github;
mod gitlab;
mod keyed_hash;
mod name;
mod pick;
mod provider;
mod sample;
mod secrets;
mod send;
mod shopify;
mod slack;
mod standard_webhooks;
mod stripe;
mod verifier;

pub use call::Call;
pub use delivery::{Delivery, Rejected, Taken};
pub use generic::Form;
pub use keyed_hash::{Algorithm, Encoding};
pub use pick::{Pick, Picks};
pub use provider::Provider;
pub use sample::{Sample, sample, samples};
pub use secrets::BadSecret;
pub use send::{Outgoing, write};
pub use verifier::Verifier;
