//! The contract: protobuf messages, subjects, stream and header names.
//!
//! Whoever speaks to Signalbox over NATS needs nothing but this crate or, in another language, the `.proto`
//! files beside it. It depends on nothing of ours. `golden/` keeps bytes of every version; they are added to
//! and never edited.

pub mod names;

/// Version 1 of the messages, generated from `signalbox/v1/*.proto`.
#[allow(missing_docs, clippy::all, rust_2018_idioms, unused_qualifications)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/signalbox.v1.rs"));
}

pub use prost::Message;

#[cfg(test)]
mod golden;
