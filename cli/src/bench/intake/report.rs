use serde::Serialize;

use super::turn::Turn;
use crate::bench::circumstances::Circumstances;
use crate::bench::numbers::{Spread, milliseconds, percentile, sorted};
use crate::text::{BOLD, Cell, DIM, Table};

/// All that was measured, and in which circumstances.
#[derive(Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub circumstances: Circumstances,
    pub rounds: usize,
    pub seconds: f64,
    pub concurrency: usize,
    pub http: Measured,
    pub jetstream: Measured,
    /// Events per second over HTTP by those of the bare publisher in the same round.
    pub ratio: Spread,
    /// Over HTTP: the 99th percentile by the median.
    pub spread: f64,
    /// The most resident memory that the ingress ever had.
    pub most_memory_mb: f64,
}

/// One side.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub events: usize,
    pub events_per_second: f64,
    pub median_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Microseconds of the server's CPU for each event.
    pub nats_us: f64,
    /// And of the ingress'.
    pub ingress_us: f64,
}

impl Report {
    /// Of rounds; in each, the turn over HTTP and that of the bare publisher.
    pub fn new(rounds: &[[Turn; 2]], seconds: f64, concurrency: usize, most_memory_mb: f64) -> Self {
        let [http, jetstream] = [0, 1].map(|side| Measured::of(rounds.iter().map(|round| &round[side])));
        let ratio = rounds.iter().map(|[http, jetstream]| http.throughput() / jetstream.throughput());
        Self {
            circumstances: Circumstances::here(),
            rounds: rounds.len(),
            seconds,
            concurrency,
            ratio: Spread::of(ratio),
            spread: http.p99_ms / http.median_ms,
            http,
            jetstream,
            most_memory_mb,
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let headings = ["PER SECOND", "MEDIAN", "P99", "MAX", "INGRESS", "NATS"].map(right);
        let [rate, median, p99, max, ingress, nats] = headings.each_ref().map(String::as_str);
        let mut table = Table::new(["EVENTS", rate, median, p99, max, ingress, nats]);
        table.row(self.http.row("HTTP"));
        table.row(self.jetstream.row("JetStream"));
        let bold = |ratio: f64| Cell::new(BOLD, right(&format!("{ratio:.2}")));
        let none = || Cell::from("");
        table.row([
            Cell::new(BOLD, "ratio"),
            bold(self.ratio.median),
            none(),
            none(),
            none(),
            none(),
            none(),
        ]);
        let Self { rounds, seconds, concurrency, circumstances, ratio, spread, most_memory_mb, .. } = self;
        let told = format!(
            "ratio {:.2} to {:.2} by round; over HTTP p99 is {spread:.1} times the median; the ingress had \
             {most_memory_mb:.0} MB at most; all that was accepted is stored",
            ratio.lowest, ratio.highest
        );
        let rounds =
            format!("{rounds} rounds of {seconds} s by each side, {concurrency} at a time; {circumstances}");
        format!("{table}\n\n{}\n{}", Cell::new(DIM, told), Cell::new(DIM, rounds))
    }
}

impl Measured {
    fn of<'a>(turns: impl Iterator<Item = &'a Turn> + Clone) -> Self {
        let latencies = sorted(turns.clone().flat_map(|turn| &turn.latencies).map(milliseconds));
        let median = |of: fn(&Turn) -> f64| percentile(&sorted(turns.clone().map(of)), 50);
        Self {
            events: latencies.len(),
            events_per_second: median(Turn::throughput),
            median_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
            max_ms: percentile(&latencies, 100),
            nats_us: median(|turn| turn.cpu.nats),
            ingress_us: median(|turn| turn.cpu.ingress),
        }
    }

    fn row(&self, side: &str) -> [Cell; 7] {
        let cell = |text: String| Cell::from(right(&text));
        let ms = |value: f64| cell(format!("{value:.2} ms"));
        let us = |value: f64| cell(format!("{value:.0} µs"));
        [
            side.into(),
            cell(format!("{:.0}", self.events_per_second)),
            ms(self.median_ms),
            ms(self.p99_ms),
            ms(self.max_ms),
            us(self.ingress_us),
            us(self.nats_us),
        ]
    }
}

fn right(text: &str) -> String {
    format!("{text:>10}")
}
