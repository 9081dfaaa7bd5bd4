//! What times mean, before anything runs.

use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};
use serde_json::{Map, Value, json};
use signalbox_routing::DeclaredSchedule;
use signalbox_schedules::{Timing, after, duration, shown};

use super::entry::Times;
use crate::commands::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::text::{BOLD, Cell, Details, time};

/// Tell what times mean and when they come next; nothing runs, and no server is asked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox schedule preview --cron '0 9 * * MON-FRI' --time-zone Europe/Paris
  signalbox schedule preview --cron '30 2 * * *' --time-zone America/New_York --count 3
  signalbox schedule preview --every 1h/5m --except 12-25 --json")]
pub struct Preview {
    #[command(flatten)]
    times: Times,

    /// How many of the next times
    #[arg(long, default_value_t = 5, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000), value_hint = ValueHint::Other)]
    count: u16,

    #[command(flatten)]
    output: Output,
}

impl Run for Preview {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let now = Utc::now();
        let timing = read(&self.times, now)?;
        let told = told(&timing, now, usize::from(self.count));
        self.output.show(&told, || text(&told, now))?;
        Ok(Exit::Done)
    }
}

fn read(times: &Times, now: DateTime<Utc>) -> Result<Timing, Failure> {
    let mut entry = Map::new();
    times.add_to(&mut entry);
    if let Some(delay) = entry.remove("after") {
        let delay = delay.as_str().unwrap_or_default();
        let at = duration(delay).map(|delay| after(delay, now));
        let at = at.map_err(|why| wrong(&format!("--after: {}", why.reason()), Some(why.suggestion())))?;
        let at = at.ok_or_else(|| wrong("--after: that is later than any time", None))?;
        entry.insert("at".to_owned(), at.into());
    }
    let timing = DeclaredSchedule::read_times(&Value::Object(entry).to_string());
    timing.map_err(|faults| wrong(&faults.text(), None))
}

fn wrong(what: &str, tip: Option<&str>) -> Failure {
    let failure = Failure::other(Exit::Refused, what.to_owned());
    match tip {
        Some(tip) => failure.with_tip(tip.to_owned()),
        None => failure,
    }
}

fn told(timing: &Timing, now: DateTime<Utc>, count: usize) -> Value {
    let zone = timing.time_zone();
    let next = timing.next_times(now).take(count).map(|at| {
        let both = shown(zone, at);
        json!({ "utc": both.utc, "local": both.local })
    });
    let warnings = timing.warnings(now);
    let warnings = warnings.iter().map(|one| json!({ "kind": one.kind().name(), "text": one.to_string() }));
    json!({
        "meaning": timing.meaning(), "time_zone": zone.name(),
        "next": next.collect::<Vec<_>>(), "warnings": warnings.collect::<Vec<_>>(),
    })
}

fn text(told: &Value, now: DateTime<Utc>) -> String {
    let field = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut details = Details::untitled().with("time zone", field(told, "time_zone"));
    for (n, at) in told["next"].as_array().into_iter().flatten().enumerate() {
        let utc = field(at, "utc");
        let soon = time::read(&utc).map_or_else(String::new, |at| format!(" ({})", time::relative(at, now)));
        let said = format!("{}  {utc}{soon}", field(at, "local"));
        details = details.with(if n == 0 { "next" } else { "" }, said);
    }
    for warning in told["warnings"].as_array().into_iter().flatten() {
        details = details.with("warning", field(warning, "text"));
    }
    format!("{}{details}", Cell::new(BOLD, field(told, "meaning")))
}
