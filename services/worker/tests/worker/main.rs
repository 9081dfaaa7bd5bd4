//! The worker against a real Temporal server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail that way")]

mod aggregate;
mod batch;
mod coordinator;
mod cron;
mod emit;
mod lab;
mod process;
mod replay;
mod shapes;
mod spans;
mod worker_process;
