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
    pub http2: Measured,
    pub http1: Measured,
    pub jetstream: Measured,
    /// Events per second over HTTP/2, and HTTP/1.1, by those of the bare publisher in the same round.
    pub ratio: Ratio,
    /// Over HTTP/2, and HTTP/1.1: the 99th percentile by the median.
    pub spread: [f64; 2],
    /// The most resident memory that the ingress ever had.
    pub most_memory_mb: f64,
}

/// Events per second by those of the bare publisher in the same round.
#[derive(Debug, Serialize)]
pub struct Ratio {
    pub http2: Spread,
    pub http1: Spread,
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
    /// Of rounds; in each, a turn of each side, in the order of [`Side::ALL`].
    pub fn new(rounds: &[Vec<Turn>], seconds: f64, concurrency: usize, most_memory_mb: f64) -> Self {
        let [http2, http1, jetstream] =
            [0, 1, 2].map(|side| Measured::of(rounds.iter().map(|round| &round[side])));
        let ratio = |side: usize| {
            Spread::of(rounds.iter().map(|round| round[side].throughput() / round[2].throughput()))
        };
        Self {
            circumstances: Circumstances::here(),
            rounds: rounds.len(),
            seconds,
            concurrency,
            ratio: Ratio { http2: ratio(0), http1: ratio(1) },
            spread: [&http2, &http1].map(|side| side.p99_ms / side.median_ms),
            http2,
            http1,
            jetstream,
            most_memory_mb,
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let headings = ["PER SECOND", "MEDIAN", "P99", "MAX", "INGRESS", "NATS", "RATIO"].map(right);
        let [rate, median, p99, max, ingress, nats, ratio] = headings.each_ref().map(String::as_str);
        let mut table = Table::new(["EVENTS", rate, median, p99, max, ingress, nats, ratio, ""]);
        table.row(self.http2.row("HTTP/2", Some(&self.ratio.http2)));
        table.row(self.http1.row("HTTP/1.1", Some(&self.ratio.http1)));
        table.row(self.jetstream.row("JetStream", None));
        let Self { rounds, seconds, concurrency, circumstances, spread: [http2, http1], .. } = self;
        let told = format!(
            "over HTTP p99 is {http2:.1} and {http1:.1} times the median; the ingress had {:.0} MB at most; all that was \
             accepted is stored",
            self.most_memory_mb
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

    fn row(&self, side: &str, ratio: Option<&Spread>) -> [Cell; 9] {
        let cell = |text: String| Cell::from(right(&text));
        let ms = |value: f64| cell(format!("{value:.2} ms"));
        let us = |value: f64| cell(format!("{value:.0} µs"));
        let bold = |ratio: &Spread| Cell::new(BOLD, right(&format!("{:.2}", ratio.median)));
        let by_round = |ratio: &Spread| format!("{:.2} to {:.2} by round", ratio.lowest, ratio.highest);
        [
            side.into(),
            cell(format!("{:.0}", self.events_per_second)),
            ms(self.median_ms),
            ms(self.p99_ms),
            ms(self.max_ms),
            us(self.ingress_us),
            us(self.nats_us),
            ratio.map_or_else(|| "".into(), bold),
            Cell::new(DIM, ratio.map(by_round).unwrap_or_default()),
        ]
    }
}

fn right(text: &str) -> String {
    format!("{text:>10}")
}
