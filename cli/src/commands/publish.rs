//! An event over NATS, as any publisher sends it.

mod message;
mod wait;

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

use chrono::Utc;
use clap::{Args, ValueHint};
use serde_json::{Value, json};
use signalbox_bus::{Bus, PublishError, Stored};
use signalbox_domain::{EventId, EventSubject, Source, TraceContext};
use signalbox_service::NatsArgs;
use signalbox_telemetry::Chain;

use super::Run;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::nats::{self, NatsError};
use crate::output::Output;
use crate::text::Details;
use message::{Message, write};

/// The largest payload that NATS can be told to take.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Publish an event over NATS, as a CloudEvent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  signalbox publish events.lab.trigger.ada '{\"name\": \"Ada\"}' --wait
  signalbox publish events.lab.message.ada '{\"message\": \"hi\"}' --id message-1
  signalbox publish events.lab.chat.ada '{\"message\": \"hi\"}' --structured --wait
  echo '{\"message\": \"bye\"}' | signalbox publish events.lab.chat.ada - --bare
  signalbox publish events.lab.stop.ada --type com.example.stop
  signalbox publish events.lab.note 'not JSON' --content-type text/plain
  signalbox publish events.lab.note --header ce-tenant:shop --json

`signalbox events show ID` tells later what came of it.")]
pub struct Publish {
    /// Where to: `events.` and one or more tokens with dots between
    #[arg(value_hint = ValueHint::Other)]
    subject: EventSubject,

    /// The data: JSON, @FILE or - for standard input; none if it is not given
    #[arg(value_hint = ValueHint::FilePath)]
    data: Option<String>,

    /// Write the whole CloudEvent into the body, instead of its attributes into headers
    #[arg(long)]
    structured: bool,

    /// Send just the data, as a publisher does that knows nothing of CloudEvents
    #[arg(long, conflicts_with_all = ["structured", "type", "source"])]
    bare: bool,

    /// Id of the event; the same again is stored once. A fresh one, if it is not given
    #[arg(long, value_hint = ValueHint::Other)]
    id: Option<EventId>,

    /// Type of the event; what follows `events.` in the subject, if it is not given
    #[arg(long, value_name = "TYPE", value_hint = ValueHint::Other)]
    r#type: Option<String>,

    /// Source of the event, a URI reference
    #[arg(long, value_name = "URI", default_value = "/signalbox/cli", value_hint = ValueHint::Url)]
    source: Source,

    /// Media type of the data, if they are not JSON
    #[arg(long, value_name = "TYPE", default_value = "application/json", value_hint = ValueHint::Other)]
    content_type: String,

    /// Another header; may be repeated
    #[arg(long, value_name = "NAME:VALUE", value_hint = ValueHint::Other, value_parser = header)]
    header: Vec<(String, String)>,

    /// The trace that it belongs to (W3C Trace Context)
    #[arg(long, env = "TRACEPARENT", value_name = "TRACEPARENT", value_hint = ValueHint::Other, value_parser = trace)]
    traceparent: Option<TraceContext>,

    /// Wait for what comes of it
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10s",
          value_parser = humantime::parse_duration)]
    wait: Option<Duration>,

    #[command(flatten)]
    nats: NatsArgs,

    #[command(flatten)]
    output: Output,
}

impl Run for Publish {
    fn output(&self) -> Output {
        self.output
    }

    async fn run(self) -> Result<Exit, Failure> {
        let data = self.data.as_deref().map(read).transpose()?.unwrap_or_default();
        let message = write(&self, data, Utc::now())?;
        let bus = nats::connect(&self.nats).await?;
        match self.wait {
            None => self.send(&bus, message).await,
            Some(within) => self.send_and_wait(&bus, message, within).await,
        }
    }
}

impl Publish {
    async fn send(&self, bus: &Bus, message: Message) -> Result<Exit, Failure> {
        let reference = message.event.clone();
        let stored = publish(bus, message).await?;
        self.output.show(&told(&self.subject, &reference.id, stored), || self.text(&reference.id, stored))?;
        Ok(Exit::Done)
    }

    async fn send_and_wait(&self, bus: &Bus, message: Message, within: Duration) -> Result<Exit, Failure> {
        let (waiters, hand_over) = bus.waiters().await?;
        let mut waiting =
            waiters.expect().map_err(|error| Failure::other(Exit::Failed, error.to_string()))?;
        let event = message.event.clone();
        let message = message.replied_to(&waiting.reply_to());
        let followed = async {
            let stored = publish(bus, message).await?;
            Ok::<_, Failure>((stored, wait::outcomes(bus, &event, stored, &mut waiting, within).await))
        };
        let (stored, outcomes) = tokio::select! {
            followed = followed => followed?,
            () = hand_over => return Err(NatsError::JetStream("the connection to NATS is closed".to_owned()).into()),
        };
        let mut value = told(&self.subject, &event.id, stored);
        value["settled"] = outcomes.is_complete().into();
        value["outcomes"] = outcomes.values().into();
        self.output.show(&value, || format!("{}\n\n{}", self.text(&event.id, stored), outcomes.text()))?;
        Ok(outcomes.exit())
    }

    fn text(&self, id: &str, stored: Stored) -> String {
        let known = if stored.duplicate { ", which was there already" } else { "" };
        Details::of("stored", self.subject.as_str())
            .with("event", id)
            .with("message", format!("{} of EVENTS{known}", stored.stream_sequence))
            .with("trace", self.traceparent.as_ref().and_then(TraceContext::trace_id).unwrap_or_default())
            .to_string()
    }
}

fn told(subject: &EventSubject, id: &str, stored: Stored) -> Value {
    json!({
        "status": "stored", "event_id": id, "subject": subject.as_str(),
        "stream_sequence": stored.stream_sequence, "duplicate": stored.duplicate,
    })
}

async fn publish(bus: &Bus, message: Message) -> Result<Stored, Failure> {
    let Message { subject, message_id, headers, body, .. } = message;
    bus.publish_as_written(&subject, &message_id, headers, body).await.map_err(|error| {
        let text = Chain(&error).to_string();
        match error {
            PublishError::TooLarge => Failure::other(Exit::Refused, text),
            PublishError::NotStored(_) => NatsError::JetStream(text).into(),
            PublishError::Unknown(_) => Failure::other(Exit::Unavailable, text)
                .with_tip(format!("it may be stored; with --id {message_id} it can be repeated safely")),
        }
    })
}

/// The data: themselves, a file's or those of standard input.
///
/// # Errors
/// When they cannot be read, or are more than NATS takes.
pub fn read(data: &str) -> Result<Vec<u8>, Failure> {
    let unreadable =
        |name: &str, error: io::Error| Failure::other(Exit::Usage, format!("cannot read {name}: {error}"));
    let mut bytes = Vec::new();
    let source: (&str, Box<dyn Read>) = match (data, data.strip_prefix('@')) {
        ("-", _) => ("standard input", Box::new(io::stdin())),
        (_, Some(path)) => (path, Box::new(fs::File::open(path).map_err(|error| unreadable(path, error))?)),
        _ => return Ok(data.as_bytes().to_vec()),
    };
    let (name, reader) = source;
    reader.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name, error))?;
    match bytes.len() as u64 > LARGEST {
        true => Err(Failure::other(Exit::Refused, format!("{name} is larger than NATS takes"))),
        false => Ok(bytes),
    }
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("write it as NAME:VALUE")?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the name of a header is visible ASCII");
    }
    if value.chars().any(char::is_control) {
        return Err("the value of a header has no control characters");
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn trace(text: &str) -> Result<TraceContext, &'static str> {
    let context = TraceContext::from_headers(Some(text), None);
    match context.traceparent() {
        // A variable that is set to nothing says nothing.
        None if text.is_empty() => Ok(context),
        Some(_) => Ok(context),
        None => Err("it is written as 00-<32 hex digits>-<16 hex digits>-01"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_traces_are_checked() {
        assert_eq!(header("ce-tenant: shop:1").unwrap(), ("ce-tenant".to_owned(), "shop:1".to_owned()));
        for bad in ["", "x", ":v", "a b:c", "a:b\nc"] {
            assert!(header(bad).is_err(), "{bad}");
        }
        assert!(trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").is_ok());
        assert!(trace("").is_ok() && trace("00-0-0-01").is_err());
    }

    #[test]
    fn data_come_from_where_they_are_said_to() {
        assert_eq!(read("{}").unwrap(), b"{}");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[1]").unwrap();
        assert_eq!(read(&format!("@{}", file.path().display())).unwrap(), b"[1]");
        let error = read("@/nowhere/at/all").unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
