//! Real servers and services owned by a test, and waiting for a state.
//!
//! A [`Stack`] is one `nats-server`, one Temporal dev server and the four services, each a process of its own on
//! ports of its own; all die with it. An [`OtlpReceiver`] is the collector of what they trace; a [`Link`] lies between a
//! service and a server, and can be cut. Tests wait with [`eventually`] for a state, never for a time.

mod eventually;
mod family;
mod http;
mod link;
mod otlp;
mod python;
mod stack;

pub use eventually::eventually;
pub use family::{Relative, descendants, interrupt, put_to_sleep, wake_up};
pub use http::{Answer, Api};
pub use link::{Link, Passing};
pub use otlp::{Collecting, OtlpReceiver, Span, SpanKind, Trace};
pub use python::{python, python_worker};
pub use stack::{Recorded, Service, Stack, binary, isolated, nats_server, root, temporal_server};
