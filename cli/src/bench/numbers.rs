//! Numbers that were measured several times.

use std::time::Duration;

use serde::Serialize;

/// Of several rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    pub lowest: f64,
    pub median: f64,
    pub highest: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let values = sorted(values);
        let [lowest, median, highest] = [0, 50, 100].map(|percent| percentile(&values, percent));
        Self { lowest, median, highest }
    }
}

pub fn milliseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The least value that `percent` of all do not exceed; of nothing, 0.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let hundred: Vec<_> = (1..=100).map(f64::from).collect();
        assert_eq!([0, 50, 90, 99, 100].map(|p| percentile(&hundred, p)), [1.0, 50.0, 90.0, 99.0, 100.0]);
        assert_eq!([0, 50, 99, 100].map(|p| percentile(&[7.0], p)), [7.0; 4]);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
