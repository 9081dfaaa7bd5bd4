//! Workflow definitions and their message types. No clock, no randomness, no I/O: what stands here is replayed.
//!
//! Whoever can reach NATS or the HTTP API can send any bytes as a signal or an input, and a handler whose type
//! does not decode them would fail its workflow task for ever. So every handler takes a [`RawValue`] and reads it
//! with [`arguments`]: what cannot be read is counted as `rejected`, an input that cannot be understood fails the
//! workflow with an application failure of type `InvalidInput`. What a run keeps, hands on or answers stays
//! below the server's limit of 2 MiB a payload.
//!
//! All arguments and results are ordinary `json/plain` payloads: a workflow in any other SDK can take the place
//! of one of these.
//!
//! [`RawValue`]: temporalio_common::data_converters::RawValue

// `#[workflow_methods]` makes public constants without a word, and its handlers own their arguments.
#[allow(missing_docs, clippy::needless_pass_by_value)]
mod aggregate;
mod arguments;
#[allow(missing_docs, clippy::needless_pass_by_value)]
mod batch;
#[allow(missing_docs, clippy::needless_pass_by_value)]
mod coordinator;
#[allow(missing_docs, clippy::needless_pass_by_value)]
mod cron;
#[allow(missing_docs, clippy::needless_pass_by_value)]
mod emit;
mod inbox;
mod moment;
mod trace;

pub use aggregate::{
    AggregateInput, AggregateProgress, AggregateResult, AggregateWorkflow, Condition, Ended, Until,
};
pub use arguments::{INVALID_INPUT, MAX_TEXT_BYTES, Unreadable};
pub use batch::{Batch, BatchInput, BatchProgress, BatchResult, BatchWorkflow, ProcessBatch, Processed};
pub use coordinator::{
    Child, CoordinatorInput, CoordinatorProgress, CoordinatorResult, CoordinatorWorkflow, MAX_CHILDREN,
};
pub use cron::{CronProgress, CronResult, CronWorkflow};
pub use emit::{Emit, EmitEvent, EmitEventWorkflow, Emitted};
pub use inbox::{MAX_MESSAGES, MAX_MESSAGES_BYTES, Message};
pub use trace::{TRACE_HEADER, trace_of};
