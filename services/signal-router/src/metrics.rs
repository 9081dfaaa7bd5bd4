//! What the router counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use signalbox_domain::{Outcome, OutcomeKind};
use signalbox_telemetry::{Metrics, latency_histogram};

/// The router's metrics; cheap to clone.
#[derive(Clone)]
pub(crate) struct RouterMetrics {
    matched: Family<ByOutcome, Counter>,
    applied: Family<ByActionAndOutcome, Counter>,
    /// Attempts that failed and are made again.
    pub(crate) retries: Counter,
    /// Commands that are held: worked on, or waiting behind one of the same workflow.
    pub(crate) held: Gauge,
    /// Commands that wait for a run of their workflow.
    pub(crate) parked: Gauge,
    /// Commands that their flow holds back.
    pub(crate) waiting: Gauge,
    /// Commands whose place a later one took.
    pub(crate) superseded: Counter,
    /// Batches that went on.
    pub(crate) batches: Counter,
    /// Partitions of commands that this router has.
    pub(crate) partitions: Gauge,
    /// Route sets that were wanted, or were in the folder, and cannot be used.
    pub(crate) refused: Counter,
    route_set: Family<OfRouteSet, Gauge>,
    latency: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRouteSet {
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByActionAndOutcome {
    action: &'static str,
    outcome: &'static str,
}

impl RouterMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        Self {
            matched: metrics.register("router_events", "Events matched, by outcome", Family::default()),
            applied: metrics.register(
                "router_commands",
                "Commands settled, by action and outcome",
                Family::default(),
            ),
            retries: metrics.register(
                "router_retries",
                "Attempts that failed and are made again",
                Counter::default(),
            ),
            held: metrics.register(
                "router_commands_held",
                "Commands worked on or waiting for their turn",
                Gauge::default(),
            ),
            parked: metrics.register(
                "router_commands_parked",
                "Commands that wait for a run of their workflow",
                Gauge::default(),
            ),
            waiting: metrics.register(
                "router_flow_held",
                "Commands that the flow of their route holds back",
                Gauge::default(),
            ),
            superseded: metrics.register(
                "router_flow_superseded",
                "Commands whose place a later one of the same route and key took",
                Counter::default(),
            ),
            batches: metrics.register(
                "router_flow_batches",
                "Batches that went on to be carried out",
                Counter::default(),
            ),
            partitions: metrics.register(
                "router_partitions",
                "Partitions of commands that this router has; the others are other routers'",
                Gauge::default(),
            ),
            refused: metrics.register(
                "router_route_set_refused",
                "Route sets that were applied, or changed in the folder, and cannot be used",
                Counter::default(),
            ),
            route_set: metrics.register(
                "router_route_set_info",
                "The route set that runs",
                Family::default(),
            ),
            latency: metrics.register_seconds(
                "router_accepted_to_applied",
                "From the acceptance of a command to its outcome",
                latency_histogram(),
            ),
        }
    }

    /// This is the route set that runs, and no other.
    pub(crate) fn runs(&self, version: &str) {
        self.route_set.clear();
        self.route_set.get_or_create(&OfRouteSet { version: version.to_owned() }).set(1);
    }

    pub(crate) fn matched(&self, kind: OutcomeKind) {
        self.matched.get_or_create(&ByOutcome { outcome: name(kind) }).inc();
    }

    pub(crate) fn applied(&self, action: &'static str, outcome: &Outcome, seconds: f64) {
        self.applied.get_or_create(&ByActionAndOutcome { action, outcome: name(outcome.kind()) }).inc();
        self.latency.observe(seconds);
    }
}

/// The outcome in one word, as metrics and spans have it.
pub(crate) fn name(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Unspecified => "unspecified",
        OutcomeKind::Matched => "matched",
        OutcomeKind::Unmatched => "unmatched",
        OutcomeKind::Started => "started",
        OutcomeKind::Signalled => "signalled",
        OutcomeKind::Deduplicated => "deduplicated",
        OutcomeKind::Retrying => "retrying",
        OutcomeKind::Refused => "refused",
        OutcomeKind::Dead => "dead",
        OutcomeKind::Updated => "updated",
        OutcomeKind::Answered => "answered",
        OutcomeKind::Cancelled => "cancelled",
        OutcomeKind::Terminated => "terminated",
        OutcomeKind::Scheduled => "scheduled",
        OutcomeKind::Published => "published",
        OutcomeKind::Parked => "parked",
        OutcomeKind::Dropped => "dropped",
        OutcomeKind::Superseded => "superseded",
        OutcomeKind::Held => "held",
    }
}
