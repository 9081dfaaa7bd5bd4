//! Tells what routes make of one event, and why.

mod found;
mod text;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};
use serde_json::json;
use signalbox_domain::{Event, EventId, EventSubject, RawMessage, read_event};
use signalbox_service::NatsArgs;

use super::{Run, lint, publish, running};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats;
use crate::output::Output;
use crate::route_files;

/// Tell what every route makes of an event, and why
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox explain --subject events.lab.trigger.ada --data '{\"name\": \"Ada\"}'
  signalbox explain --subject events.github.push --file push.json --routes routes
  signalbox explain message-1
  signalbox explain --sequence 1 --running --json

Nothing is published and nothing carried out. An event is described here, or is one that the
stream EVENTS still has: by its id, or its sequence there. Values of the event are shown: take care
where you paste them.")]
pub struct Explain {
    /// Id of an event that was published
    #[arg(value_hint = ValueHint::Other, required_unless_present_any = ["subject", "sequence"])]
    event_id: Option<EventId>,

    /// Sequence of an event in the stream EVENTS
    #[arg(long, value_name = "COUNT", conflicts_with = "event_id", value_parser = clap::value_parser!(u64).range(1..))]
    sequence: Option<u64>,

    /// NATS subject of an event that is described here
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["event_id", "sequence"], value_hint = ValueHint::Other)]
    subject: Option<EventSubject>,

    /// Its data: JSON, @FILE, or - for standard input; may be a whole CloudEvent, too
    #[arg(long, value_name = "DATA", requires = "subject", value_hint = ValueHint::Other)]
    data: Option<String>,

    /// The same from a file
    #[arg(long, value_name = "FILE", requires = "subject", conflicts_with = "data", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,

    /// Folders or files with routes
    #[arg(long, value_name = "PATH", num_args = 1.., default_value = route_files::FOLDER,
          value_hint = ValueHint::AnyPath)]
    routes: Vec<PathBuf>,

    /// The routes that the router runs now
    #[arg(long, conflicts_with = "routes")]
    running: bool,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

/// An event, and when it was stored.
pub struct Stored {
    pub event: Event,
    pub at: DateTime<Utc>,
}

impl Run for Explain {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let set = match self.running {
            true => running::set(&nats::connect(&self.nats).await?).await?,
            false => lint::load(&self.routes, self.output)?,
        };
        let stored = self.event().await?;
        let explanation = set.explain(&stored.event, stored.at);
        let event = &stored.event;
        let value = json!({
            "event_id": event.id.as_str(),
            "source": event.source.as_str(),
            "subject": event.nats_subject.as_str(),
            "stream_sequence": Some(event.stream_sequence).filter(|sequence| *sequence > 0),
            "route_set": set.version(),
            "mismatch": explanation.mismatch,
            "routes": explanation.routes,
        });
        self.output.show(&value, || text::report(event, &explanation))?;
        Ok(Exit::Done)
    }
}

impl Explain {
    async fn event(&self) -> Result<Stored, Failure> {
        match (&self.subject, self.sequence, &self.event_id) {
            (Some(subject), ..) => self.described(subject),
            (None, Some(sequence), _) => found::at(&self.nats, sequence).await,
            (None, None, Some(id)) => found::of_id(&self.nats, id).await,
            // The command line has been read: one of them is there.
            (None, None, None) => Err(Failure::other(Exit::Usage, "which event?")),
        }
    }

    /// As the router would read it, if it were stored now.
    fn described(&self, subject: &EventSubject) -> Result<Stored, Failure> {
        let file = self.file.as_ref().map(|path| format!("@{}", path.display()));
        let body = self.data.as_ref().or(file.as_ref()).map(|data| publish::read(data)).transpose()?;
        let at = Utc::now();
        let message = RawMessage {
            subject: subject.as_str(),
            headers: vec![("Nats-Msg-Id", "explained")],
            body: body.unwrap_or_default().into(),
            stream_sequence: 0,
            stored_at: at,
        };
        let event = read_event(&message).map_err(|bad| Failure::other(Exit::Usage, bad.to_string()))?;
        Ok(Stored { event, at })
    }
}
