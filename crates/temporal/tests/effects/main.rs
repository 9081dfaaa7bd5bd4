//! Effects in a real Temporal server: each action, and what a repetition of it comes to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod all;
mod lab;
mod limits;
mod once;
mod options;
mod schedules;
mod workers;
