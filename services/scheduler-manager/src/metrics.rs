//! What reconciling counts.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use signalbox_telemetry::Metrics;

use crate::plan::Depth;

/// The metrics of reconciling; cheap to clone.
#[derive(Clone)]
pub(crate) struct ManagerMetrics {
    writes: Family<ByKind, Counter>,
    passes: Family<ByDepthAndResult, Counter>,
    /// Schedules that the applied route set declares.
    pub(crate) declared: Gauge,
    /// Of these, and of those that are declared no more, those that the last pass wrote.
    pub(crate) differing: Gauge,
    /// Of these, those whose id another one has that was not declared.
    pub(crate) conflicts: Gauge,
    /// Of these, those that Temporal does not take.
    pub(crate) refused: Gauge,
    took: Gauge<f64, AtomicU64>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It was not there.
    Create,
    /// It is declared otherwise.
    Change,
    /// Somebody had changed it in Temporal.
    Mend,
    /// It is declared no more.
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDepthAndResult {
    depth: &'static str,
    result: &'static str,
}

impl ManagerMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            writes: metrics.register(
                "scheduler_writes",
                "Declared schedules written in Temporal, by kind",
                Family::default(),
            ),
            passes: metrics.register(
                "scheduler_passes",
                "Comparisons of what is declared with what Temporal has, by depth and result",
                Family::default(),
            ),
            declared: metrics.register(
                "scheduler_declared",
                "Schedules that the applied route set declares",
                Gauge::default(),
            ),
            differing: metrics.register(
                "scheduler_differing",
                "Declared schedules that the last comparison found otherwise, and wrote",
                Gauge::default(),
            ),
            conflicts: metrics.register(
                "scheduler_conflicts",
                "Declared schedules whose id one has that was not declared",
                Gauge::default(),
            ),
            refused: metrics.register(
                "scheduler_refused",
                "Declared schedules that Temporal does not take",
                Gauge::default(),
            ),
            took: metrics.register_seconds(
                "scheduler_pass",
                "How long the last comparison took",
                Gauge::default(),
            ),
        }
    }

    pub(crate) fn wrote(&self, write: Write) {
        let kind = match write {
            Write::Create => "create",
            Write::Change => "change",
            Write::Mend => "mend",
            Write::Delete => "delete",
        };
        self.writes.get_or_create(&ByKind { kind }).inc();
    }

    pub(crate) fn passed(&self, depth: Depth, took: Duration, well: bool) {
        let depth = match depth {
            Depth::List => "list",
            Depth::Each => "each",
        };
        let result = if well { "ok" } else { "failed" };
        self.passes.get_or_create(&ByDepthAndResult { depth, result }).inc();
        self.took.set(took.as_secs_f64());
    }
}
