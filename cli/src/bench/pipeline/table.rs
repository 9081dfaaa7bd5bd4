use super::report::{Backlog, Latency, Percentiles, Report, Throughput};
use crate::text::{BOLD, Cell, DIM, Table};

/// The report for people.
pub fn table(report: &Report) -> String {
    let parts = [
        report.throughput.as_ref().map(throughput),
        report.latency.as_ref().map(latency),
        report.backlog.as_ref().map(backlog),
    ];
    let Report { circumstances, rounds, events_per_round, keys, effect, temporal, .. } = report;
    let circumstances = format!(
        "{rounds} rounds of {events_per_round} events, each a {effect}, {keys} keys, Temporal: {temporal}; \
         {circumstances}"
    );
    let mut text: Vec<_> = parts.into_iter().flatten().collect();
    text.push(Cell::new(DIM, circumstances).to_string());
    text.join("\n\n")
}

fn throughput(of: &Throughput) -> String {
    let headings = ["PER SECOND", "ROUTER", "NATS", "TEMPORAL", "CLIENT"].map(right);
    let [rate, router, nats, temporal, client] = headings.each_ref().map(String::as_str);
    let mut table = Table::new(["THROUGHPUT", rate, router, nats, temporal, client]);
    let us = |value: f64| Cell::from(right(format!("{value:.0} µs")));
    let cpu = &of.cpu_us;
    let rate = |value: f64| Cell::from(right(format!("{value:.0}")));
    let none = || Cell::from("");
    table.row([
        "events".into(),
        rate(of.events_per_second),
        us(cpu.router),
        us(cpu.nats),
        us(cpu.temporal),
        none(),
    ]);
    table.row([
        "direct client".into(),
        rate(of.direct_per_second),
        none(),
        none(),
        us(cpu.temporal_of_direct),
        us(cpu.direct_client),
    ]);
    let ratio = Cell::new(BOLD, right(format!("{:.2}", of.ratio.median)));
    table.row([Cell::new(BOLD, "ratio"), ratio, none(), none(), none(), none()]);
    let spread = format!("{:.2} to {:.2} by round", of.ratio.lowest, of.ratio.highest);
    format!("{table}\n{}", Cell::new(DIM, spread))
}

fn latency(of: &Latency) -> String {
    let headings = ["MEDIAN", "P90", "P99", "MAX"].map(right);
    let [median, p90, p99, max] = headings.each_ref().map(String::as_str);
    let mut table = Table::new(["LATENCY", median, p90, p99, max]);
    let row = |name: &str, of: &Percentiles| {
        let [median, p90, p99, max] =
            [of.median, of.p90, of.p99, of.max].map(|ms| Cell::from(right(format!("{ms:.2} ms"))));
        [name.into(), median, p90, p99, max]
    };
    table.row(row("event to effect", &of.events));
    table.row(row("JetStream, one trip", &of.jetstream_trip));
    table.row(row("direct call", &of.direct_call));
    let ratio = format!(
        "{:.2} times three trips and a call; p99 is {:.1} times the median; {:.0} events a second",
        of.ratio, of.spread, of.events_per_second
    );
    format!("{table}\n{}", Cell::new(BOLD, ratio))
}

fn backlog(of: &Backlog) -> String {
    let Backlog { events, seconds, most_memory_mb, per_second_by_fifth } = of;
    let fifths = per_second_by_fifth.map(|rate| format!("{rate:.0}")).join(", ");
    let [first, .., last] = per_second_by_fifth;
    let trend = match *first > 0.0 {
        true => format!("; the last at {:.2} of the first", last / first),
        false => String::new(),
    };
    format!(
        "BACKLOG\n{events} events in {seconds:.0} s; the router took {most_memory_mb:.0} MB at most\n\
         {fifths} a second by fifths of them{trend}"
    )
}

fn right(text: impl AsRef<str>) -> String {
    format!("{:>11}", text.as_ref())
}
