//! What Temporal's SDK measures (`temporal_…`: tasks, pollers, slots, the cache), among the metrics of the process.
//! Durations are in seconds.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Metric;
use signalbox_telemetry::{Metrics, latency_histogram};
use temporalio_common::telemetry::metrics::{
    self as sdk, CoreMeter, CounterBase, GaugeBase, HistogramDurationBase, MetricAttributable,
    MetricAttributes, MetricParameters, NewAttributes, NoOpCoreMeter, NoOpInstrument,
};

/// How many sets of labels a metric has. Types of workflows are among the labels, and anybody may start workflows of
/// any type on this worker's queue.
const MAX_SETS: usize = 1_000;

type Labels = Vec<(String, String)>;

/// Registers what the SDK asks for, each name once: the SDK asks again for every worker that it makes.
#[derive(Debug)]
pub(crate) struct SdkMeter {
    metrics: Arc<Metrics>,
    counters: Instruments<Counter>,
    gauges: Instruments<Gauge>,
    latencies: Instruments<Histogram>,
}

type Instruments<M> = Mutex<HashMap<String, Arc<Instrument<M>>>>;

#[derive(Debug)]
struct Instrument<M> {
    family: Family<Labels, M>,
    sets: AtomicUsize,
}

impl SdkMeter {
    /// Measures into `metrics`.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, counters: Mutex::default(), gauges: Mutex::default(), latencies: Mutex::default() }
    }

    fn instrument<M: Metric + TypedMetric + Clone>(
        &self,
        known: &Instruments<M>,
        name: String,
        help: &str,
        new: fn() -> M,
    ) -> Arc<Instrument<M>> {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let register = || {
            let family = Family::new_with_constructor(new);
            let family = self.metrics.register_unprefixed(&name, help, family);
            Arc::new(Instrument { family, sets: AtomicUsize::new(0) })
        };
        Arc::clone(known.entry(name.clone()).or_insert_with(register))
    }
}

/// The SDK has no other instruments than these three; those that it may have one day are not measured.
impl CoreMeter for SdkMeter {
    fn new_attributes(&self, attributes: NewAttributes) -> MetricAttributes {
        NoOpCoreMeter.new_attributes(attributes)
    }

    fn extend_attributes(&self, existing: MetricAttributes, attributes: NewAttributes) -> MetricAttributes {
        NoOpCoreMeter.extend_attributes(existing, attributes)
    }

    fn counter(&self, it: MetricParameters) -> sdk::Counter {
        let name = it.name.into_owned();
        sdk::Counter::new(self.instrument(&self.counters, name, &it.description, Counter::default))
    }

    fn gauge(&self, it: MetricParameters) -> sdk::Gauge {
        let name = it.name.into_owned();
        sdk::Gauge::new(self.instrument(&self.gauges, name, &it.description, Gauge::default))
    }

    fn histogram_duration(&self, it: MetricParameters) -> sdk::HistogramDuration {
        let name = format!("{}_seconds", it.name);
        let instrument = self.instrument(&self.latencies, name, &it.description, latency_histogram);
        sdk::HistogramDuration::new(instrument)
    }

    fn histogram(&self, it: MetricParameters) -> sdk::Histogram {
        NoOpCoreMeter.histogram(it)
    }

    fn histogram_f64(&self, it: MetricParameters) -> sdk::HistogramF64 {
        NoOpCoreMeter.histogram_f64(it)
    }

    fn gauge_f64(&self, it: MetricParameters) -> sdk::GaugeF64 {
        NoOpCoreMeter.gauge_f64(it)
    }

    fn up_down_counter(&self, it: MetricParameters) -> sdk::UpDownCounter {
        NoOpCoreMeter.up_down_counter(it)
    }
}

impl<M: Clone> Instrument<M> {
    /// The metric with these labels, unless there are too many.
    fn of(&self, attributes: &MetricAttributes) -> Option<Measured<M>> {
        let labels = labels(attributes);
        if let Some(metric) = self.family.get(&labels) {
            return Some(Measured(metric.clone()));
        }
        let room = self.sets.fetch_add(1, Ordering::Relaxed) < MAX_SETS;
        room.then(|| Measured(self.family.get_or_create_owned(&labels)))
    }
}

/// The SDK's attributes that measure nothing hold labels all the same.
fn labels(attributes: &MetricAttributes) -> Labels {
    let MetricAttributes::NoOp(labels) = attributes else { return Labels::new() };
    let mut labels: Labels = labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    labels.sort_unstable();
    labels
}

struct Measured<M>(M);

impl CounterBase for Measured<Counter> {
    fn adds(&self, value: u64) {
        self.0.inc_by(value);
    }
}

impl GaugeBase for Measured<Gauge> {
    fn records(&self, value: u64) {
        self.0.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

impl HistogramDurationBase for Measured<Histogram> {
    fn records(&self, value: Duration) {
        self.0.observe(value.as_secs_f64());
    }
}

macro_rules! with_attributes {
    ($metric:ty, $base:ident) => {
        impl MetricAttributable<Box<dyn $base>> for Instrument<$metric> {
            fn with_attributes(
                &self,
                attributes: &MetricAttributes,
            ) -> Result<Box<dyn $base>, Box<dyn Error>> {
                Ok(match self.of(attributes) {
                    Some(measured) => Box::new(measured),
                    None => Box::new(NoOpInstrument),
                })
            }
        }
    };
}

with_attributes!(Counter, CounterBase);
with_attributes!(Gauge, GaugeBase);
with_attributes!(Histogram, HistogramDurationBase);

#[cfg(test)]
mod tests {
    use super::*;

    fn of_type(meter: &SdkMeter, workflow_type: String) -> MetricAttributes {
        meter.new_attributes([sdk::MetricKeyValue::new("workflow_type", workflow_type)].into())
    }

    #[test]
    fn what_is_asked_for_twice_is_one_metric() {
        let metrics = Arc::new(Metrics::new("worker"));
        let meter = SdkMeter::new(Arc::clone(&metrics));
        for _ in 0..2 {
            meter.counter("temporal_ended".into()).add(2, &of_type(&meter, "A".to_owned()));
        }
        let latency = meter.histogram_duration("temporal_latency".into());
        latency.record(Duration::from_millis(20), &of_type(&meter, "A".to_owned()));
        let text = metrics.encode();
        let count = "temporal_ended_total{service=\"worker\",workflow_type=\"A\"} 4\n";
        assert!(text.contains(count), "{text}");
        let bucket =
            "temporal_latency_seconds_bucket{service=\"worker\",le=\"0.025\",workflow_type=\"A\"} 1\n";
        assert!(text.contains(bucket), "{text}");
    }

    #[test]
    fn labels_from_outside_do_not_grow_without_bound() {
        let metrics = Arc::new(Metrics::new("worker"));
        let meter = SdkMeter::new(Arc::clone(&metrics));
        let gauge = meter.gauge("temporal_gauge".into());
        for number in 0..2 * MAX_SETS {
            gauge.record(1, &of_type(&meter, format!("type-{number}")));
        }
        assert_eq!(metrics.encode().matches("type-").count(), MAX_SETS);
    }
}
