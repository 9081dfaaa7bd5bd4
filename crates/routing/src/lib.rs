//! Route files, checked route sets and plans.
//!
//! Text → [`RouteSet`] → [`Plan`]: a route file is read whole, with every fault and its place ([`Faults`]); what
//! was read is matched against events. Pure and synchronous: no clock, no randomness, no I/O. The same set and
//! the same event give the same plan, in a router, in a test and in a replay.
//!
//! Expressions are CEL inside `${ … }`; nothing else is a template.

mod check;
mod expression;
mod fault;
mod file;
mod reader;
mod route;
mod scan;
mod scope;
mod set;
mod subject;
mod template;
mod value;
mod yaml;

pub use fault::{Fault, Faults, Position};
pub use set::{Plan, RouteError, RouteSet};
