//! Learns the schema of events from samples.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use chrono::Utc;
use clap::{Args, ValueHint};
use serde::Serialize;
use serde_json::Value;
use signalbox_domain::{Data, Event, read_event};
use signalbox_routing::Samples;
use signalbox_service::NatsArgs;

use super::events::Filter;
use super::{Run, before};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;
use crate::progress::Progress;

/// Learn the schema of events from samples
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox learn --on 'events.shop.payment.*' samples.json > routes/payments.yaml
  signalbox learn --on 'events.lab.trigger.*' --since 1d
  signalbox learn --on 'events.lab.trigger.*' --json > trigger.schema.json

Prints what a route file says of such events. Read it before you use it: an event that does not fit is a dead letter from
then on, and what the samples never had is not in it. A sample is the data of an event, or a CloudEvent in JSON with
`data`; a file holds one or many, one after the other.")]
pub struct Learn {
    /// Files with samples, `-` for standard input; without any, events that the stream EVENTS has
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,

    /// Subjects of the events, as a NATS filter
    #[arg(long, value_name = "FILTER", value_hint = ValueHint::Other)]
    on: Filter,

    /// How far back to look in the stream, such as 10m or 2d
    #[arg(long, value_name = "TIME", default_value = "7d", conflicts_with = "files",
          value_parser = humantime::parse_duration)]
    since: Duration,

    /// At most so many events of the stream, the first
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, conflicts_with = "files",
          value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// Print the JSON Schema alone; an error is JSON on standard error then
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    nats: NatsArgs,
}

/// What a route file says of events.
#[derive(Serialize)]
struct RouteFile {
    version: u8,
    events: [Declared; 1],
}

#[derive(Serialize)]
struct Declared {
    on: String,
    schema: Value,
}

impl Run for Learn {
    fn output(&self) -> Output {
        Output { json: self.json }
    }

    async fn run(self) -> Result<Exit, Failure> {
        let samples = match self.files.as_slice() {
            [] => self.recorded().await?,
            files => from_files(files)?,
        };
        if samples.count() == 0 {
            let failure = Failure::other(Exit::Failed, "there is no sample to learn from");
            return Err(failure.with_tip("--since looks further back; a file may hold samples, too"));
        }
        let schema = samples.schema();
        let file = RouteFile {
            version: 1,
            events: [Declared { on: self.on.as_str().to_owned(), schema: schema.clone() }],
        };
        let yaml = serde_saphyr::to_string(&file).map_err(io::Error::other)?;
        let learned = format!("# Learned from {} events.\n{}", samples.count(), yaml.trim_end());
        self.output().show(&schema, || learned)?;
        Ok(Exit::Done)
    }
}

impl Learn {
    async fn recorded(&self) -> Result<Samples, Failure> {
        let bus = nats::connect(&self.nats).await?;
        let since = before(Utc::now(), self.since);
        let mut feed = bus.read_events(self.on.as_str(), Some(since)).await?;
        let (mut samples, progress) = (Samples::default(), Progress::new());
        while samples.count() < self.limit
            && let Some(entry) = feed.next_there().await?
        {
            // What is no event is a dead letter, whatever its schema.
            if let Ok(Event { data: Data::Json(data), .. }) = read_event(&entry.raw()) {
                samples.add(&data);
            }
            progress.show(format_args!("{} events, {} to come", samples.count(), feed.behind()));
        }
        Ok(samples)
    }
}

fn from_files(files: &[PathBuf]) -> Result<Samples, Failure> {
    let mut samples = Samples::default();
    for path in files {
        let text = read(path).map_err(|error| unusable(path, &error))?;
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            samples.add(data(&value.map_err(|error| unusable(path, &error))?));
        }
    }
    Ok(samples)
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() != "-" {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The data of a CloudEvent; anything else is data.
fn data(sample: &Value) -> &Value {
    match sample.get("specversion") {
        Some(_) => sample.get("data").unwrap_or(&Value::Null),
        None => sample,
    }
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Failure {
    let failure =
        Failure::other(Exit::Usage, format!("cannot take samples from {}: {error}", path.display()));
    failure.with_tip("a sample is JSON; a file holds one or many, one after the other")
}
