//! Route files, checked route sets and plans.
//!
//! Text → [`RouteSet`] → [`Plan`]: a route file is read whole, with every fault and its place ([`Faults`]); what
//! was read is matched against events. Pure and synchronous: no clock, no randomness, no I/O. The same set and
//! the same event give the same plan, in a router, in a test and in a replay.
//!
//! Expressions are CEL inside `${ … }`; nothing else is a template.

mod cel;
mod clauses;
mod difference;
mod explain;
mod fault;
mod files;
mod language;
mod learn;
mod lint;
mod plan;
mod rendered;
mod rules;
mod schedule;
mod schema;
mod set;
mod source;
mod subject;
mod testing;
mod yaml;

pub use difference::{Difference, DifferenceKind, Made, differences};
pub use explain::{Explained, Explanation, Seen, Why};
pub use fault::{Fault, Faults, Position, Severity, Span};
pub use files::FileSet;
pub use learn::Samples;
pub use plan::{Plan, RouteError};
pub use rendered::{brief, rendered, to_yaml};
pub use rules::{INLINE_SECRET, RULES, Rule};
pub use schedule::DeclaredSchedule;
pub use schema::{route_file_schema, test_file_schema};
pub use set::{Declared, RouteSet};
pub use source::{SecretPlace, Source};
pub use subject::{BadFilter, SubjectFilter};
pub use testing::{Coverage, Covered, Mismatch, Missed, Suite, TestResult};
