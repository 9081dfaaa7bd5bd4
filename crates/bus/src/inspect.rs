//! Looking at what is there, for whoever operates it. Nothing is made or changed.

use std::time::{Duration, Instant};

use async_nats::jetstream::{
    ErrorCode,
    context::{ConsumerInfoErrorKind, GetStreamErrorKind},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    Bus, Error,
    streams::{consumers, streams},
};

/// The server that a connection goes to.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its version.
    pub version: String,
    /// How long a message to it and its answer take.
    pub round_trip: Duration,
}

/// What JetStream's account holds.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Bytes on disk.
    pub stored: u64,
    /// The most bytes on disk, where there is a limit.
    pub limit: Option<u64>,
}

/// A stream that the services need.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its name.
    pub stream: String,
    /// The subjects that it collects.
    pub subjects: Vec<String>,
    /// Its durable consumers.
    pub consumers: Vec<String>,
}

/// A stream that is there.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// The subjects that it collects.
    pub subjects: Vec<String>,
    /// How many messages it has.
    pub messages: u64,
    /// How many bytes those are.
    pub bytes: u64,
    /// Sequence of the last message, 0 if there was none ever.
    pub last_sequence: u64,
    /// When the last message came.
    pub last_at: DateTime<Utc>,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// A consumer that is there.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerState {
    /// Messages that it was not given yet.
    pub lag: u64,
    /// Messages that it was given and has not acknowledged.
    pub unacknowledged: usize,
    /// Up to this sequence of the stream all is acknowledged.
    pub ack_floor: u64,
    /// Requests for messages that wait now; none means that nobody reads.
    pub readers: usize,
}

/// What the services need in JetStream, besides the buckets of [`Bus::has_bucket`].
pub fn expected() -> Vec<Expected> {
    let of = |config: async_nats::jetstream::stream::Config| Expected {
        consumers: consumers(&config.name).into_iter().filter_map(|consumer| consumer.durable_name).collect(),
        stream: config.name,
        subjects: config.subjects,
    };
    streams().map(of).into()
}

impl Bus {
    /// The server, and how far away it is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server(&self) -> Result<Server, Error> {
        let asked = Instant::now();
        self.client.flush().await.map_err(|e| Error::when("reach the server")(e.into()))?;
        Ok(Server { version: self.client.server_info().version, round_trip: asked.elapsed() })
    }

    /// The account.
    ///
    /// # Errors
    /// When JetStream is off, or off for this account.
    pub async fn account(&self) -> Result<Account, Error> {
        let account = self.jetstream.query_account().await;
        let account = account.map_err(|e| Error::when("tell of the account")(e.into()))?;
        let limit = account.limits.max_storage.and_then(|limit| u64::try_from(limit).ok());
        Ok(Account { stored: account.storage, limit })
    }

    /// A stream; `None` if there is none of that name.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn stream_state(&self, name: &str) -> Result<Option<StreamState>, Error> {
        let stream = match self.jetstream.get_stream(name).await {
            Ok(stream) => stream,
            Err(error) => {
                return match error.kind() {
                    GetStreamErrorKind::JetStream(cause)
                        if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                    {
                        Ok(None)
                    }
                    _ => Err(Error::when("tell of the stream")(error.into())),
                };
            }
        };
        let info = stream.cached_info();
        Ok(Some(StreamState {
            subjects: info.config.subjects.clone(),
            messages: info.state.messages,
            bytes: info.state.bytes,
            last_sequence: info.state.last_sequence,
            last_at: info.state.last_timestamp,
            created: info.created,
        }))
    }

    /// A durable consumer; `None` if there is none of that name.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn consumer_state(&self, stream: &str, name: &str) -> Result<Option<ConsumerState>, Error> {
        let of = Error::when("tell of the consumer");
        let stream = self.jetstream.get_stream_no_info(stream).await.map_err(|e| of(e.into()))?;
        match stream.consumer_info(name).await {
            Ok(info) => Ok(Some(ConsumerState {
                lag: info.num_pending,
                unacknowledged: info.num_ack_pending,
                ack_floor: info.ack_floor.stream_sequence,
                readers: info.num_waiting,
            })),
            Err(error) => match error.kind() {
                ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => Ok(None),
                ConsumerInfoErrorKind::JetStream(cause) if cause.code() == 404 => Ok(None),
                _ => Err(of(error.into())),
            },
        }
    }

    /// Whether a bucket of this name is there.
    ///
    /// # Errors
    /// When JetStream cannot be asked.
    pub async fn has_bucket(&self, name: &str) -> Result<bool, Error> {
        // A bucket is a stream of this name (ADR-8 of NATS).
        Ok(self.stream_state(&format!("KV_{name}")).await?.is_some())
    }

    /// The server's clock; `None` if it is too old to tell.
    ///
    /// # Errors
    /// When there is no such stream or JetStream is away.
    pub async fn clock(&self, stream: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let of = Error::when("tell the time");
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let answer = self.client.request(subject, Bytes::new()).await.map_err(|e| of(e.into()))?;
        let answer: Value = serde_json::from_slice(&answer.payload).map_err(|e| of(e.into()))?;
        let time = answer["ts"].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Ok(time.map(|time| time.to_utc()))
    }
}
