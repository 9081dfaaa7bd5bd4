//! What an event costs by the number of routes. No server takes part.

use std::fmt::Write;
use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::DateTime;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use serde_json::{Value, json};
use signalbox_domain::{RawMessage, read_event};
use signalbox_routing::RouteSet;

use crate::bench::circumstances::Circumstances;
use crate::bench::numbers::{percentile, sorted};
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::{Cell, DIM, Table};

const SUBJECT: &str = "events.shop.order.paid";
/// Routes that want the event in any set.
const WANTED: usize = 3;
/// Each number is a median of this many rounds, in which all take turns.
const ROUNDS: usize = 9;
/// A file has a limit.
const IN_A_FILE: usize = 1000;
const TURN: Duration = Duration::from_millis(40);

/// Measure what an event costs by the number of routes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox bench routes --routes 10,100
  signalbox bench routes --routes 10,1000 --json

Reads an event from its bytes and plans what comes of it. Of each set, three routes have its
subject; the others have subjects of their own. BARE is the work that nobody can spare: to
parse the event's JSON, and to plan with these three routes and no other. In the last rows all
routes have the event's subject, and the guards of all but three are false.")]
pub struct RoutesBench {
    /// Sizes of the sets
    #[arg(long, default_value = "10,100,1000,10000", value_delimiter = ',', value_name = "COUNT",
          value_parser = RangedU64ValueParser::<usize>::new().range(3..=100_000))]
    routes: Vec<usize>,

    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    circumstances: Circumstances,
    /// Parsing the event's JSON, and planning with three routes.
    bare_ns: f64,
    measured: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    routes: usize,
    wanted_by: &'static str,
    /// Whether the three guards are true.
    matches: bool,
    event_ns: f64,
    /// Of the bare work.
    ratio: f64,
}

/// One that takes its turn.
struct Work<'w> {
    run: Box<dyn Fn() -> usize + 'w>,
    took: Vec<f64>,
}

impl Run for RoutesBench {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let report = self.report()?;
        self.output.show(&report, || table(&report))?;
        Ok(Exit::Done)
    }
}

impl RoutesBench {
    fn report(&self) -> Result<Report, Failure> {
        let data = data();
        let body = data.to_string();
        let three = set(WANTED, "subject", true)?;
        let mut sets = Vec::new();
        for (wanted_by, matches) in [("subject", true), ("subject", false), ("guard", true)] {
            for routes in self.routes.iter().copied() {
                sets.push((routes, wanted_by, matches, set(routes, wanted_by, matches)?));
            }
        }
        let event = event(&body)?;
        let parse = || black_box(serde_json::from_str::<Value>(black_box(&body))).map_or(0, |_| 1);
        let plan_three = || three.plan(black_box(&event), DateTime::UNIX_EPOCH).commands.len();
        let mut works = vec![Work::new(parse), Work::new(plan_three)];
        for (.., set) in &sets {
            let body = &body;
            works.push(Work::new(move || match self::event(black_box(body)) {
                Ok(event) => set.plan(&event, DateTime::UNIX_EPOCH).commands.len(),
                Err(_) => 0,
            }));
        }
        for _ in 0..ROUNDS {
            works.iter_mut().for_each(Work::turn);
        }
        let took: Vec<_> =
            works.into_iter().map(|work| percentile(&sorted(work.took.into_iter()), 50)).collect();
        let bare_ns = took.iter().take(2).sum();
        let measured = sets.iter().zip(took.iter().skip(2)).map(|((routes, wanted_by, matches, _), took)| {
            Measured { routes: *routes, wanted_by, matches: *matches, event_ns: *took, ratio: took / bare_ns }
        });
        Ok(Report { circumstances: Circumstances::here(), bare_ns, measured: measured.collect() })
    }
}

impl<'w> Work<'w> {
    fn new(run: impl Fn() -> usize + 'w) -> Self {
        Self { run: Box::new(run), took: Vec::new() }
    }

    fn turn(&mut self) {
        let (began, mut times) = (Instant::now(), 0_u32);
        while began.elapsed() < TURN {
            black_box((self.run)());
            times += 1;
        }
        self.took.push(began.elapsed().as_nanos() as f64 / f64::from(times));
    }
}

/// An order of some size.
fn data() -> Value {
    let items: Vec<_> =
        (0..5).map(|n| json!({ "sku": format!("sku-{n}"), "count": n, "price": 12.5 })).collect();
    json!({
        "order_id": 7, "status": "paid", "amount": 1250, "currency": "EUR",
        "customer": { "name": "Ada", "city": "London", "vip": true }, "items": items,
    })
}

fn event(body: &str) -> Result<signalbox_domain::Event, Failure> {
    let message = RawMessage {
        subject: SUBJECT,
        headers: Vec::new(),
        body: body.as_bytes().to_vec().into(),
        stream_sequence: 7,
        stored_at: DateTime::UNIX_EPOCH,
    };
    read_event(&message).map_err(|error| Failure::other(Exit::Failed, error.to_string()))
}

/// So many routes, of which three want the event, if `matches`.
fn set(routes: usize, wanted_by: &str, matches: bool) -> Result<RouteSet, Failure> {
    let files = (0..routes).step_by(IN_A_FILE).map(|first| {
        let text = file(first..routes.min(first + IN_A_FILE), wanted_by, matches);
        (format!("bench-{first}.yaml"), text)
    });
    RouteSet::load(files).map_err(|faults| Failure::other(Exit::Failed, faults.to_string()))
}

fn file(routes: Range<usize>, wanted_by: &str, matches: bool) -> String {
    let mut text = "version: 1\nroutes:\n".to_owned();
    for n in routes {
        let wanted = n < WANTED;
        let on =
            if wanted || wanted_by == "guard" { SUBJECT.to_owned() } else { format!("events.other.s{n}.*") };
        let status = if wanted && matches { "paid" } else { "refused" };
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "  - name: r{n}\n    on: {on}\n    when: ${{ event.data.status == \"{status}\" && event.data.amount > {n} }}\n    \
             signal: {{ workflow_id: \"order-${{ event.data.order_id }}-{n}\", name: paid, args: [ \"${{ event.data.items }}\" ] }}\n"
        );
    }
    text
}

fn table(report: &Report) -> String {
    let right = |text: String| format!("{text:>12}");
    let headings = ["ROUTES", "AN EVENT", "RATIO"].map(|heading| right(heading.to_owned()));
    let [routes, took, ratio] = headings.each_ref().map(String::as_str);
    let mut table = Table::new(["WANTED BY", "MATCH", routes, took, ratio]);
    let us = |ns: f64| Cell::from(right(format!("{:.2} µs", ns / 1e3)));
    table.row(["bare".into(), "3".into(), Cell::from(""), us(report.bare_ns), Cell::from("")]);
    for Measured { routes, wanted_by, matches, event_ns, ratio } in &report.measured {
        table.row([
            (*wanted_by).into(),
            if *matches { "3" } else { "0" }.into(),
            Cell::from(right(routes.to_string())),
            us(*event_ns),
            Cell::from(right(format!("{ratio:.2}"))),
        ]);
    }
    format!("{table}\n\n{}", Cell::new(DIM, report.circumstances.to_string()))
}
