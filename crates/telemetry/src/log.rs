use std::io::{self, IsTerminal};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::json::{Fields, JsonLines};

/// What is logged when nothing is asked for: `info`, and of the talkative clients only warnings.
pub const DEFAULT_FILTER: &str = "info,async_nats=warn,temporalio=warn,tonic=warn,hyper=warn,h2=warn,rustls=warn,reqwest=warn,tower=warn,opentelemetry=off";

/// Flags and variables that decide what is logged, and how.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LogOptions {
    /// How log lines are written; auto: text on a terminal, else JSON
    #[arg(long, env = "SIGNALBOX_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// What is logged, added to the default: `debug`, `warn`, `signalbox_bus=debug,async_nats=info`
    #[arg(long, env = "SIGNALBOX_LOG", default_value = "info", value_name = "FILTER", value_parser = checked)]
    pub log: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One compact line for human eyes; colours only on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is not in the syntax of `EnvFilter`.
    #[error("log filter `{filter}` is not understood")]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Logging was set up before in this process.
    #[error("logging is set up already")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Sends this process's logs to standard output, under the name `service`.
///
/// # Errors
/// When the filter is not understood, or logging is set up already.
pub fn init(service: &'static str, options: &LogOptions) -> Result<(), InitError> {
    let filter =
        filter(&options.log).map_err(|source| InitError::Filter { filter: options.log.clone(), source })?;
    // A closed standard output loses lines; it must not also write to (and perhaps panic on) standard error.
    let layer = fmt::layer().with_writer(io::stdout).log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_for_logs));
    match options.log_format {
        LogFormat::Text => registry.with(layer.with_ansi(colours()).compact()).try_init(),
        LogFormat::Auto if io::stdout().is_terminal() => {
            registry.with(layer.with_ansi(colours()).compact()).try_init()
        }
        LogFormat::Auto | LogFormat::Json => registry
            .with(layer.with_ansi(false).fmt_fields(Fields::new()).event_format(JsonLines { service }))
            .try_init(),
    }
    .map_err(InitError::AlreadySet)
}

/// What libraries say at `trace` has whole messages in it, and with them what others send: whatever is asked for, that is
/// no log's.
fn is_for_logs(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || metadata.target().starts_with("signalbox")
}

/// The terminal takes colours, and the user did not switch them off (`NO_COLOR`, `TERM=dumb`).
fn colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// The default with `directives` added, which win. One that asks for less than warnings stands alone.
fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    let alone = EnvFilter::try_new(directives)?;
    if alone.max_level_hint().is_some_and(|level| level < LevelFilter::WARN) {
        return Ok(alone);
    }
    EnvFilter::try_new(format!("{DEFAULT_FILTER},{directives}"))
}

fn checked(directives: &str) -> Result<String, ParseError> {
    filter(directives).map(|_| directives.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        logs: LogOptions,
    }

    #[test]
    fn flags_are_read_and_checked() {
        let flags =
            Flags::try_parse_from(["x", "--log-format", "json", "--log", "signalbox_bus=debug"]).unwrap();
        assert_eq!(flags.logs.log_format, LogFormat::Json);
        assert_eq!(flags.logs.log, "signalbox_bus=debug");
        let error = Flags::try_parse_from(["x", "--log", "signalbox=loud"]).unwrap_err().to_string();
        assert!(error.contains("--log") && error.contains("loud"), "{error}");
        assert!(Flags::try_parse_from(["x", "--log-format", "xml"]).is_err());
    }

    #[test]
    fn directives_are_added_to_the_default() {
        let debug = filter("signalbox_bus=debug").unwrap().to_string();
        for part in ["info", "async_nats=warn", "signalbox_bus=debug"] {
            assert!(debug.split(',').any(|directive| directive == part), "{part} in {debug}");
        }
        let louder = filter("async_nats=trace").unwrap().to_string();
        assert!(louder.contains("async_nats=trace") && !louder.contains("async_nats=warn"), "{louder}");
        let quieter = filter("error").unwrap().to_string();
        assert_eq!(quieter, "error");
    }
}
