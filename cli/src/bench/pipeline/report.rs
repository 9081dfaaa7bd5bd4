use serde::Serialize;

use super::PipelineBench;
use super::drain::Round;
use crate::bench::circumstances::Circumstances;
use crate::bench::numbers::{Spread, percentile, sorted};

/// All that was measured, and in which circumstances.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub circumstances: Circumstances,
    pub effect: String,
    pub temporal: String,
    pub rounds: usize,
    pub events_per_round: usize,
    pub keys: usize,
    pub throughput: Option<Throughput>,
    pub latency: Option<Latency>,
    pub backlog: Option<Backlog>,
}

/// Medians of rounds.
#[derive(Debug, Serialize)]
pub struct Throughput {
    pub events_per_second: f64,
    pub direct_per_second: f64,
    /// Of the direct client's rate in the same round.
    pub ratio: Spread,
    pub cpu_us: CpuOfEvent,
}

/// Microseconds of CPU for one event, or one call.
#[derive(Debug, Serialize)]
pub struct CpuOfEvent {
    pub router: f64,
    pub nats: f64,
    pub temporal: f64,
    pub direct_client: f64,
    pub temporal_of_direct: f64,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub events_per_second: f64,
    pub events: Percentiles,
    pub jetstream_trip: Percentiles,
    pub direct_call: Percentiles,
    /// Median of events by that of three trips and one call.
    pub ratio: f64,
    /// Of events: the 99th percentile by the median.
    pub spread: f64,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub struct Percentiles {
    pub median: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Debug, Serialize)]
pub struct Backlog {
    pub events: usize,
    pub seconds: f64,
    /// The most resident memory that the router had.
    pub most_memory_mb: f64,
    /// While each fifth was drained, from the first to the last.
    pub per_second_by_fifth: [f64; 5],
}

impl Report {
    pub fn new(bench: &PipelineBench) -> Self {
        Self {
            circumstances: Circumstances::here(),
            effect: format!("{:?}", bench.effect).to_lowercase(),
            temporal: format!("{:?}", bench.temporal).to_lowercase(),
            rounds: bench.rounds,
            events_per_round: bench.events,
            keys: bench.keys,
            throughput: None,
            latency: None,
            backlog: None,
        }
    }
}

impl Throughput {
    pub fn of(rounds: &[Round]) -> Self {
        let median = |of: fn(&Round) -> f64| percentile(&sorted(rounds.iter().map(of)), 50);
        Self {
            events_per_second: median(|round| round.events_per_second),
            direct_per_second: median(|round| round.direct_per_second),
            ratio: Spread::of(rounds.iter().map(|round| round.events_per_second / round.direct_per_second)),
            cpu_us: CpuOfEvent {
                router: median(|round| round.cpu.router),
                nats: median(|round| round.cpu.nats),
                temporal: median(|round| round.cpu.temporal),
                direct_client: median(|round| round.direct_cpu[0]),
                temporal_of_direct: median(|round| round.direct_cpu[1]),
            },
        }
    }
}

impl Latency {
    /// Of milliseconds, sorted.
    pub fn of(events_per_second: f64, events: &[f64], trips: &[f64], calls: &[f64]) -> Self {
        let [events, jetstream_trip, direct_call] = [events, trips, calls].map(Percentiles::of);
        Self {
            events_per_second,
            ratio: events.median / (3.0 * jetstream_trip.median + direct_call.median),
            spread: events.p99 / events.median,
            events,
            jetstream_trip,
            direct_call,
        }
    }
}

impl Percentiles {
    fn of(sorted: &[f64]) -> Self {
        let [median, p90, p99, max] = [50, 90, 99, 100].map(|percent| percentile(sorted, percent));
        Self { median, p90, p99, max }
    }
}
