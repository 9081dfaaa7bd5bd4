//! The worker against a real Temporal server.

mod aggregate;
mod batch;
mod coordinator;
mod cron;
mod lab;
mod process;
mod replay;
mod shapes;
