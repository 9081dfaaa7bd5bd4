use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::trace;

/// Upper bounds of the buckets for latencies, in seconds: 1 ms to a minute.
pub const LATENCY_BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The content type of [`Metrics::encode`].
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A histogram with [`LATENCY_BUCKETS`]; also fits `Family::new_with_constructor`.
pub fn latency_histogram() -> Histogram {
    Histogram::new(LATENCY_BUCKETS)
}

/// The metrics of one service in this process; nothing is global.
///
/// Names get the prefix `signalbox_` and every sample the label `service`. Three come by themselves:
/// `signalbox_build_info{version}`, `process_start_time_seconds` and, once anything is traced,
/// `signalbox_spans_total{result}`: `exported`, `failed` (the collector did not take them) or `dropped` (too many
/// waited for it).
pub struct Metrics {
    unprefixed: Mutex<Registry>,
    registry: Mutex<Registry>,
}

impl Metrics {
    /// Metrics of the service of that name.
    pub fn new(service: &'static str) -> Self {
        let labels = || [("service".into(), service.into())].into_iter();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut unprefixed = Registry::with_labels(labels());
        unprefixed.register_with_unit(
            "process_start_time",
            "When the process started, since the Unix epoch",
            Unit::Seconds,
            ConstGauge::new(started),
        );
        let mut registry = Registry::with_prefix_and_labels("signalbox", labels());
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What runs here", version);
        registry.register("spans", "Spans that have ended, by what became of them", trace::spans());
        Self { unprefixed: Mutex::new(unprefixed), registry: Mutex::new(registry) }
    }

    /// Registers a metric and hands it back. `name` comes without prefix, and without the `_total` of a counter;
    /// it must not have been registered before.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        locked(&self.registry).register(name, help, metric.clone());
        metric
    }

    /// The same for a metric that a library has named: it gets no prefix.
    pub fn register_unprefixed<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        locked(&self.unprefixed).register(name, help, metric.clone());
        metric
    }

    /// The same as [`register`](Self::register) for a measure in seconds: `_seconds` is added to the name.
    pub fn register_seconds<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        locked(&self.registry).register_with_unit(name, help, Unit::Seconds, metric.clone());
        metric
    }

    /// All metrics in the OpenMetrics text format. Should a metric fail to encode, the text lacks its end mark and
    /// is refused by whoever reads it.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let encoded = encode_registry(&mut text, &locked(&self.unprefixed))
            .and_then(|()| encode_registry(&mut text, &locked(&self.registry)))
            .and_then(|()| encode_eof(&mut text));
        if encoded.is_err() {
            tracing::error!("metrics cannot be encoded");
        }
        text
    }
}

fn locked(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;

    use super::*;

    #[test]
    fn metrics_carry_prefix_and_service() {
        let metrics = Metrics::new("ingress");
        let settled = metrics.register(
            "deliveries_settled",
            "Deliveries settled, by verdict",
            Family::<Vec<(String, String)>, Counter>::default(),
        );
        settled.get_or_create(&vec![("verdict".into(), "ack".into())]).inc_by(3);
        let text = metrics.encode();
        let sample = "signalbox_deliveries_settled_total{service=\"ingress\",verdict=\"ack\"} 3\n";
        assert!(text.contains(sample), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn every_service_tells_its_build_and_start() {
        let text = Metrics::new("worker").encode();
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            text.contains(&format!("signalbox_build_info{{service=\"worker\",version=\"{version}\"}} 1\n")),
            "{text}"
        );
        let start = text
            .lines()
            .find_map(|line| line.strip_prefix("process_start_time_seconds{service=\"worker\"} "));
        assert!(start.unwrap().parse::<f64>().unwrap() > 1.7e9);
    }

    #[test]
    fn latencies_fall_into_the_shared_buckets() {
        let metrics = Metrics::new("worker");
        let latency = metrics.register_seconds("apply", "Time to apply a command", latency_histogram());
        latency.observe(0.02);
        let text = metrics.encode();
        assert!(
            text.contains("signalbox_apply_seconds_bucket{service=\"worker\",le=\"0.01\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("signalbox_apply_seconds_bucket{service=\"worker\",le=\"0.025\"} 1\n"),
            "{text}"
        );
    }

    #[test]
    fn two_services_share_nothing() {
        let (one, other) = (Metrics::new("one"), Metrics::new("other"));
        one.register("seen", "Seen", Counter::<u64>::default());
        assert!(!other.encode().contains("seen"));
    }
}
