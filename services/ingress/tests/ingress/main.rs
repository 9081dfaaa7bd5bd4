//! The service in front of a real NATS server. The test itself plays the router and the scheduler manager.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is a test")]

mod commands;
mod life;
mod lookups;
mod schedules;
mod stack;
mod webhooks;
mod whole_schedules;
