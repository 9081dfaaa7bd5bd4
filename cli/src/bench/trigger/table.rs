use super::report::{Comparison, Measured, Report};
use crate::text::{BOLD, Cell, DIM, Table};

/// The report for people.
pub fn table(report: &Report) -> String {
    let headings = ["MEDIAN", "P90", "P99", "MAX", "STARTS/S"].map(|heading| format!("{heading:>10}"));
    let [median, p90, p99, max, rate] = headings.each_ref().map(String::as_str);
    let mut table = Table::new(["AT ONCE", "SIDE", median, p90, p99, max, rate, ""]);
    for comparison in &report.comparisons {
        table.row(side(&comparison.concurrency.to_string(), &comparison.measured));
        table.row(side("", &comparison.baseline));
        table.row(ratios(comparison));
    }
    let Report { circumstances, rounds, starts_per_turn, .. } = report;
    let circumstances = format!("{rounds} rounds of {starts_per_turn} starts by each side; {circumstances}");
    format!("{table}\n\n{}", Cell::new(DIM, circumstances))
}

fn side(concurrency: &str, measured: &Measured) -> [Cell; 8] {
    let Measured { side, median_ms, p90_ms, p99_ms, max_ms, starts_per_second } = measured;
    let [median, p90, p99, max] = [median_ms, p90_ms, p99_ms, max_ms].map(|ms| right(format!("{ms:.2} ms")));
    let rate = right(format!("{starts_per_second:.1}"));
    [concurrency.into(), side.into(), median, p90, p99, max, rate, "".into()]
}

/// Each below what it compares.
fn ratios(comparison: &Comparison) -> [Cell; 8] {
    let throughput = &comparison.throughput_ratio;
    let bold = |ratio: f64| Cell::new(BOLD, format!("{ratio:>10.2}"));
    let spread = format!("{:.2} to {:.2} by round", throughput.lowest, throughput.highest);
    let [none, p90, p99, max] = [(); 4].map(|()| Cell::from(""));
    let (latency, throughput) = (bold(comparison.latency_ratio), bold(throughput.median));
    [none, Cell::new(BOLD, "ratio"), latency, p90, p99, max, throughput, Cell::new(DIM, spread)]
}

fn right(text: String) -> Cell {
    format!("{text:>10}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::circumstances::Circumstances;
    use crate::bench::numbers::Spread;

    #[test]
    fn ratios_stand_below_what_they_compare() {
        let measured = |side: &str, ms: f64| Measured {
            side: side.to_owned(),
            median_ms: ms,
            p90_ms: 2.0 * ms,
            p99_ms: 3.0 * ms,
            max_ms: 40.0 * ms,
            starts_per_second: 1000.0 / ms,
        };
        let comparison = Comparison {
            concurrency: 1,
            measured: measured("http://localhost:8000", 6.0),
            baseline: measured("direct client", 4.0),
            latency_ratio: 1.5,
            throughput_ratio: Spread { lowest: 0.6, median: 0.667, highest: 0.7 },
        };
        let report = Report {
            circumstances: Circumstances { version: "1.2.3", build: "release", processors: 2 },
            rounds: 10,
            starts_per_turn: 100,
            comparisons: vec![comparison],
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&table(&report)), @r"
        AT ONCE  SIDE                       MEDIAN         P90         P99         MAX    STARTS/S
        1        http://localhost:8000     6.00 ms    12.00 ms    18.00 ms   240.00 ms       166.7
                 direct client             4.00 ms     8.00 ms    12.00 ms   160.00 ms       250.0
                 ratio                        1.50                                            0.67  0.60 to 0.70 by round

        10 rounds of 100 starts by each side; signalbox 1.2.3, release build, 2 processors
        ");
    }
}
