//! Temporal: execute commands, look-ups, schedules and fault classes.
//!
//! With the worker, the only crate that imports `temporalio-client`. Effects go out as raw calls, because only
//! those take the request id that makes a repeated command one effect.

mod connect;
mod direct;
mod execute;
mod failure;
mod inspect;
mod lookup;
mod null;
mod open;
mod payload;
mod resolve;
mod schedule;
mod spans;
mod time;
mod visibility;

pub use connect::{ConnectError, Options, Temporal};
pub use execute::Accepted;
pub use failure::Failure;
pub use inspect::{Poller, Work};
pub use lookup::{LookupError, WorkflowResult};
pub use null::serve_null;
pub use schedule::{Changes, Described, Listed, NewSchedule, OtherRun, ScheduleError, SchedulePatch, Source};
pub use temporalio_client::Client;
