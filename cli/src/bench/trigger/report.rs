use serde::Serialize;

use super::turn::Turn;
use crate::bench::circumstances::Circumstances;
use crate::bench::numbers::{Spread, milliseconds, percentile, sorted};

/// All that was measured, and in which circumstances.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub circumstances: Circumstances,
    pub rounds: usize,
    pub starts_per_turn: usize,
    pub comparisons: Vec<Comparison>,
}

/// Both sides at one concurrency.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub concurrency: usize,
    pub measured: Measured,
    pub baseline: Measured,
    /// Median latency of the measured side by that of the baseline.
    pub latency_ratio: f64,
    /// Throughput of the measured side by that of the baseline in the same round: lowest, median and highest.
    pub throughput_ratio: Spread,
}

/// One side at one concurrency.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub side: String,
    pub median_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    pub starts_per_second: f64,
}

impl Report {
    pub fn new(rounds: usize, starts_per_turn: usize, comparisons: Vec<Comparison>) -> Self {
        Self { circumstances: Circumstances::here(), rounds, starts_per_turn, comparisons }
    }
}

impl Comparison {
    /// Of rounds; in each, the turn of the measured side and that of the baseline.
    pub fn new(concurrency: usize, names: [&str; 2], rounds: &[[Turn; 2]]) -> Self {
        let [measured, baseline] =
            [0, 1].map(|n| Measured::new(names[n], rounds.iter().map(|round| &round[n])));
        let ratios = rounds.iter().map(|[measured, baseline]| measured.throughput() / baseline.throughput());
        Self {
            concurrency,
            latency_ratio: measured.median_ms / baseline.median_ms,
            throughput_ratio: Spread::of(ratios),
            measured,
            baseline,
        }
    }
}

impl Measured {
    fn new<'a>(side: &str, turns: impl Iterator<Item = &'a Turn> + Clone) -> Self {
        let latencies = sorted(turns.clone().flat_map(|turn| &turn.latencies).map(milliseconds));
        let rates = sorted(turns.map(Turn::throughput));
        Self {
            side: side.to_owned(),
            median_ms: percentile(&latencies, 50),
            p90_ms: percentile(&latencies, 90),
            p99_ms: percentile(&latencies, 99),
            max_ms: percentile(&latencies, 100),
            starts_per_second: percentile(&rates, 50),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn turn(latencies: impl IntoIterator<Item = u64>, took: u64) -> Turn {
        let latencies = latencies.into_iter().map(Duration::from_millis).collect();
        Turn { latencies, took: Duration::from_millis(took) }
    }

    #[test]
    fn latencies_are_of_all_starts_and_throughput_is_of_rounds() {
        let rounds = [
            [turn([9, 3, 3, 3], 8), turn([2, 2, 2, 2], 4)],
            [turn([3, 3, 3, 3], 4), turn([2, 2, 2, 2], 4)],
            [turn([3, 3, 3, 3], 5), turn([2, 2, 2, 9], 4)],
        ];
        let comparison = Comparison::new(16, ["signalbox", "direct client"], &rounds);
        let Comparison { measured, baseline, latency_ratio, throughput_ratio, .. } = comparison;
        assert_eq!((measured.side.as_str(), baseline.side.as_str()), ("signalbox", "direct client"));
        assert_eq!((measured.median_ms, measured.max_ms), (3.0, 9.0));
        assert_eq!((baseline.median_ms, baseline.max_ms), (2.0, 9.0));
        assert_eq!((measured.starts_per_second, baseline.starts_per_second), (800.0, 1000.0));
        assert_eq!(latency_ratio, 1.5);
        let Spread { lowest, median, highest } = throughput_ratio;
        assert_eq!([lowest, median, highest], [0.5, 0.8, 1.0]);
    }
}
