//! Logs, metrics and traces: set-up, and the names that others may rely on.
//!
//! # Fields of a log line
//!
//! A line in JSON has `timestamp` (RFC 3339), `level`, `service`, `target` and `message`; the fields of the event
//! and of the spans around it stand beside them, the innermost last to write. Those five names are taken. The
//! others have one meaning everywhere:
//!
//! | field | meaning |
//! |---|---|
//! | `event.id` | id of the CloudEvent |
//! | `workflow.id`, `run.id` | the workflow and its run |
//! | `effect.key` | key of one intended effect |
//! | `route` | name of the route |
//! | `subject` | NATS subject |
//! | `trace.id` | the trace that the event or call belongs to |
//! | `attempt` | number of the attempt, from 1 |
//! | `delay_ms` | how long until the next attempt, in milliseconds |
//! | `condition` | name of a readiness condition |
//! | `task` | name of a task of the process |
//! | `error` | an error and its causes, as [`Chain`] prints them |
//!
//! Messages are lower-case fragments without a full stop. `error`: a human should act. `warn`: recovered.
//! `info`: a rare change of state. Lines per event are `debug`. Bodies and secrets are never logged.

mod chain;
mod json;
mod log;
mod metrics;
mod trace;

pub use chain::Chain;
pub use log::{DEFAULT_FILTER, InitError, LogFormat, LogOptions, init};
pub use metrics::{LATENCY_BUCKETS, Metrics, OPENMETRICS, latency_histogram};
pub use opentelemetry_sdk::trace::IdGenerator;
pub use trace::{
    Span, SpanDetails, TraceError, TraceOptions, TracesSampler, Tracing, WorkflowTracer, current,
    start_tracing, start_tracing_with_ids,
};
