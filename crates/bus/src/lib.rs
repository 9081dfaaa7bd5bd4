//! NATS: streams, publish, consume, settle, ledger, KV and request-reply.
//!
//! The only crate that imports `async-nats`. What is published carries a `Nats-Msg-Id`; what is consumed is
//! settled in one place, [`Delivery::settle`].

mod address;
mod commands;
mod connect;
mod consume;
mod dead_letters;
mod deliveries;
mod direct;
mod feed;
mod inspect;
mod lease;
mod ledger;
mod lifetime;
mod open;
mod parked;
mod pause;
mod publish;
mod redrive;
mod replay;
mod reply;
mod request;
mod route_sets;
mod seals;
mod spans;
mod streams;
mod table;
mod turn;

pub use address::shown;
pub use connect::{Bus, ConnectError, LinkState, Options};
pub use consume::{Delivery, Settlement};
pub use dead_letters::{Letter, LetterFilter, Page};
pub use deliveries::Deliveries;
pub use feed::{Entry, Feed, Start};
pub use inspect::{Account, ConsumerState, Expected, Server, StreamState, expected};
pub use lease::Lease;
pub use lifetime::ForgetsTooSoon;
pub use parked::{Parked, parked_span};
pub use pause::at_last;
pub use publish::{PublishError, Stored};
pub use redrive::{RedriveError, Several};
pub use reply::{Waiters, Waiting};
pub use request::{Call, Calls, Offer, RequestError, status};
pub use route_sets::{Revised, RouteSets, StoreError, Watched};
pub use seals::{Seal, SealError};
pub use streams::SetUpError;
pub use table::{Change, Changes, Table};

/// A call to JetStream that failed.
#[derive(Debug, thiserror::Error)]
#[error("JetStream could not {doing}")]
pub struct Error {
    /// What was to be done.
    doing: &'static str,
    #[source]
    cause: async_nats::Error,
}

impl Error {
    fn when(doing: &'static str) -> impl Fn(async_nats::Error) -> Self {
        move |cause| Self { doing, cause }
    }
}
