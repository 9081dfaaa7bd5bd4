//! Streams, consumers and buckets, made if they are not there.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, Info, PriorityPolicy, pull},
    context::ConsumerInfoErrorKind,
    kv,
    stream::{Config, RetentionPolicy, StorageType, Stream},
};
use signalbox_proto::names::{PARTITIONS, bucket, consumer, stream, subject};

use crate::{
    Bus,
    lease::{GROUP, TIME_TO_LIVE},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long JetStream may wait for an acknowledgement before it delivers again. What is worked on longer says
/// so in between ([`crate::Settlement::Working`]).
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(30);

/// Messages of a partition of FLOW that are held at once.
const MOST_HELD: i64 = 10_000;

/// That of an earlier version, which acknowledged one by one. JetStream does not change how one acknowledges; so there is
/// one of another name, which goes on where this one was.
const EARLIER_MATCH: &str = "match";

/// What could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the {what} `{name}` in JetStream")]
pub struct SetUpError {
    what: &'static str,
    name: String,
    #[source]
    cause: async_nats::Error,
}

impl Bus {
    /// Makes what the services need in JetStream, where it is missing. What is there stays as it is: an
    /// operator may have given a stream more replicas or another lifetime.
    ///
    /// # Errors
    /// [`SetUpError`] names the first that could not be made.
    pub async fn ensure_streams(&self) -> Result<(), SetUpError> {
        for config in streams() {
            let name = config.name.clone();
            let made = self.jetstream.get_or_create_stream(config).await;
            let made = made.map_err(|cause| SetUpError { what: "stream", name, cause: cause.into() })?;
            for config in consumers(&made.cached_info().config.name) {
                let name = config.durable_name.clone().unwrap_or_default();
                let there = ensure_consumer(&made, &name, config).await;
                there.map_err(|cause| SetUpError { what: "consumer", name, cause })?;
            }
        }
        for config in buckets() {
            self.ensure_bucket(config).await?;
        }
        Ok(())
    }

    async fn ensure_bucket(&self, config: kv::Config) -> Result<(), SetUpError> {
        let name = config.bucket.clone();
        if self.jetstream.get_key_value(&name).await.is_ok() {
            return Ok(());
        }
        match self.jetstream.create_key_value(config).await {
            Ok(_) => Ok(()),
            // Another service was quicker.
            Err(_) if self.jetstream.get_key_value(&name).await.is_ok() => Ok(()),
            Err(cause) => Err(SetUpError { what: "bucket", name, cause: cause.into() }),
        }
    }
}

async fn ensure_consumer(
    stream: &Stream,
    name: &str,
    mut config: pull::Config,
) -> Result<(), async_nats::Error> {
    if let Some(there) = find(stream, name).await? {
        // One that an earlier version made may be open to several clients at once.
        if there.config.priority_policy != PriorityPolicy::PinnedClient {
            stream.update_consumer(config).await?;
        }
        return Ok(());
    }
    let earlier = if name == consumer::MATCH { find(stream, EARLIER_MATCH).await? } else { None };
    if let Some(earlier) = &earlier {
        let start_sequence = earlier.ack_floor.stream_sequence + 1;
        config.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
    }
    match stream.create_consumer_strict(config).await {
        Ok(_) => {}
        // Another service was quicker.
        Err(_) if find(stream, name).await?.is_some() => {}
        Err(cause) => return Err(cause.into()),
    }
    if earlier.is_some() {
        // Whoever else saw it may have been quicker here too.
        let _gone = stream.delete_consumer(EARLIER_MATCH).await;
    }
    Ok(())
}

async fn find(stream: &Stream, name: &str) -> Result<Option<Info>, async_nats::Error> {
    match stream.consumer_info(name).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn streams() -> [Config; 6] {
    let file = |name: &str, subject: &str| Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        storage: StorageType::File,
        allow_direct: true,
        duplicate_window: Duration::from_secs(120),
        ..Default::default()
    };
    [
        Config { max_age: 7 * DAY, ..file(stream::EVENTS, subject::EVENTS) },
        Config { retention: RetentionPolicy::WorkQueue, ..file(stream::COMMANDS, subject::COMMANDS) },
        Config {
            retention: RetentionPolicy::WorkQueue,
            subjects: vec![subject::FLOW.to_owned(), subject::SEALS.to_owned()],
            ..file(stream::FLOW, subject::FLOW)
        },
        // The ledger lives longer than the log, so that no event of the log is ever unknown to it.
        Config { max_age: 8 * DAY, max_messages_per_subject: 1, ..file(stream::OUTCOMES, subject::OUTCOMES) },
        file(stream::DEAD_LETTERS, subject::DEAD_LETTERS),
        // A route lets a command wait for 7 days at most.
        Config { max_age: 8 * DAY, ..file(stream::PARKED, subject::PARKED) },
    ]
}

pub(crate) fn buckets() -> [kv::Config; 4] {
    let of = |name: &str, history| kv::Config { bucket: name.to_owned(), history, ..Default::default() };
    // A timeline has its own history, and files are written once.
    [
        of(bucket::SCHEDULES, 5),
        kv::Config { compression: true, ..of(bucket::ROUTES, 1) },
        // Nobody goes on with a replay of events that are gone.
        kv::Config { max_age: 8 * DAY, ..of(bucket::REPLAYS, 1) },
        of(bucket::API_KEYS, 1),
    ]
}

pub(crate) fn consumers(stream_name: &str) -> Vec<pull::Config> {
    let durable = |name: String, filter: String| pull::Config {
        durable_name: Some(name),
        filter_subject: filter,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: 2048,
        priority_policy: PriorityPolicy::PinnedClient,
        priority_groups: vec![GROUP.to_owned()],
        priority_timeout: TIME_TO_LIVE,
        ..Default::default()
    };
    match stream_name {
        // They are settled in their order, and many together: the last one's acknowledgement is that of all before it.
        stream::EVENTS => vec![pull::Config {
            ack_policy: AckPolicy::All,
            ..durable(consumer::MATCH.to_owned(), subject::EVENTS.to_owned())
        }],
        // What is acknowledged is gone from a work queue, so the stream itself is all the state that must last.
        stream::COMMANDS => (0..PARTITIONS)
            .map(|n| durable(consumer::apply(n), subject::commands(n)))
            .map(|config| pull::Config { memory_storage: true, ..config })
            .collect(),
        // What waits is not settled for long, and there may be much of it.
        stream::FLOW => (0..PARTITIONS)
            .map(|n| durable(consumer::flow(n), subject::flow(n)))
            .map(|config| pull::Config {
                memory_storage: true,
                ack_wait: DAY,
                max_ack_pending: MOST_HELD,
                ..config
            })
            .collect(),
        _ => Vec::new(),
    }
}
