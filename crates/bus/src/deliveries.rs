//! The deliveries of a durable consumer, to one process at a time.

mod take_up;

use std::time::Duration;

use async_nats::{
    HeaderMap,
    header::NATS_PIN_ID,
    jetstream::{
        self,
        consumer::{self, PriorityPolicy, PullConsumer, pull},
        context::ConsumerInfoErrorKind,
    },
};
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt};
use signalbox_telemetry::Chain;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{
    Bus, Delivery, Error,
    lease::{self, GROUP, Pinned, pin_of},
    pause::{LONGEST_PAUSE, patient},
    turn::{Turn, Turns},
};

/// Twice this without a word, and whether the consumer is still there is asked: callers wait for what it has.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Two silences on a connection that stands, one so soon after the other, and what was asked for is lost: other processes'
/// requests, which wait for their turn, keep the client from asking again.
const SOON_AFTER: Duration = Duration::from_millis(2500);
/// How often who waits for its turn looks whether anybody has it.
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// Who has given a consumer away leaves it to others for so long.
const STANDS_BACK: Duration = Duration::from_secs(3);

/// The deliveries of one durable consumer, in the order of its stream. Of all processes that want them one gets them;
/// when it dies, or gives them away, another one does, from where the acknowledgements end. While JetStream is away it
/// waits; should the consumer be gone, with a stream that was deleted or a server that lost its data, it is made again.
pub struct Deliveries {
    bus: Bus,
    stream: &'static str,
    durable: String,
    /// Messages that are asked for beforehand.
    ahead: usize,
    open: Option<Open>,
    openings: u64,
    /// The last that was given here, and when the stream that it is of was made.
    given: u64,
    began: Option<DateTime<Utc>>,
    stands_back_until: Option<Instant>,
    looks_at: Instant,
}

struct Open {
    stream: jetstream::stream::Stream<()>,
    seen: Seen,
    messages: pull::Stream,
    /// When nothing was heard, the last time.
    silent: Option<Instant>,
    /// Messages come under this pin, which is still to be taken up.
    offered: Option<Offered>,
    taken: Option<Taken>,
}

/// The consumer, as it was made last, and since when this process knows of that one.
struct Seen {
    made: DateTime<Utc>,
    since: Instant,
}

/// The first message under a pin, or one whose turn it is not: it comes again once the pin is taken up.
#[derive(Clone)]
struct Offered {
    pin: String,
    stream_sequence: u64,
    redelivered: bool,
    consumer_sequence: u64,
}

struct Taken {
    pinned: Pinned,
    number: u64,
    /// Up to here of the stream it may have been worked on before.
    seen: u64,
    turns: Turns,
}

impl Deliveries {
    pub(crate) fn new(bus: &Bus, stream: &'static str, durable: String, ahead: usize) -> Self {
        Self {
            bus: bus.clone(),
            stream,
            durable,
            ahead,
            open: None,
            openings: 0,
            given: 0,
            began: None,
            stands_back_until: None,
            looks_at: Instant::now(),
        }
    }

    /// The next delivery; pending while there is none, or while another process has them. May be dropped without loss.
    pub async fn next(&mut self) -> Delivery {
        loop {
            // What is rare is boxed: whoever takes a delivery copies this with everything that it may wait for.
            match &self.open {
                None => Box::pin(self.open()).await,
                Some(Open { offered: Some(_), .. }) => Box::pin(self.take_up()).await,
                Some(_) => {}
            }
            let ours = self.are_ours();
            let Some(open) = &mut self.open else { continue };
            let message = match ours {
                true => open.messages.next().await,
                false => match timeout_at(self.looks_at, open.messages.next()).await {
                    Ok(message) => message,
                    Err(_) => {
                        self.looks_at = Instant::now() + LOOKS_EVERY;
                        Box::pin(self.look_after_the_dead()).await;
                        continue;
                    }
                },
            };
            match message {
                Some(Ok(message)) => {
                    if let Some(delivery) = open.receive(message) {
                        self.given = self.given.max(delivery.stream_sequence);
                        return delivery;
                    }
                }
                Some(Err(error)) => {
                    tracing::trace!(%error, consumer = self.durable, "no deliveries for now");
                    let before = open.silent.replace(Instant::now()).filter(|_| self.bus.is_connected());
                    if before.is_some_and(|before| before.elapsed() < SOON_AFTER) {
                        self.open = None;
                    } else if Box::pin(self.consumer_is_gone()).await {
                        tracing::warn!(stream = self.stream, consumer = self.durable, "the consumer is gone");
                        self.open = None;
                    }
                }
                None => self.open = None,
            }
        }
    }

    /// The next delivery and those that are already there behind it, `most` together, and no more when they have
    /// `bytes`.
    pub async fn next_ready(&mut self, most: usize, bytes: usize) -> Vec<Delivery> {
        let first = self.next().await;
        let mut taken = first.payload().len();
        let mut deliveries = vec![first];
        while deliveries.len() < most
            && taken < bytes
            && let Some(delivery) = self.next().now_or_never()
        {
            taken += delivery.payload().len();
            deliveries.push(delivery);
        }
        deliveries
    }

    /// Whether they come to this process, as far as it knows.
    pub fn are_ours(&self) -> bool {
        let taken = self.open.as_ref().and_then(|open| open.taken.as_ref());
        taken.is_some_and(|taken| taken.pinned.lease().holds())
    }

    /// Gives them to another process that wants them, once what is still worked on here has come to its end. What was
    /// delivered and is not settled is delivered again, there.
    pub async fn give_away(&mut self, work: impl Future<Output = ()>) {
        let open = self.open.take();
        let taken = open.and_then(|Open { stream, taken, .. }| Some((stream, taken?)));
        // From here on the lease does not hold.
        let pinned = taken.map(|(stream, taken)| (stream, taken.pinned.pin));
        work.await;
        let Some((stream, pin)) = pinned.filter(|_| self.bus.is_connected()) else { return };
        self.stands_back_until = Some(Instant::now() + STANDS_BACK);
        let given_away = async {
            if lease::pinned(&stream, &self.durable).await?.as_deref() == Some(&pin) {
                let unpinned = stream.unpin_consumer(&self.durable, GROUP).await;
                unpinned.map_err(|e| Error::when("give a consumer away")(e.into()))?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = given_away.await {
            // Whoever wants them gets them when this process is not heard of any more.
            tracing::debug!(error = %Chain(&error), consumer = self.durable, "not given away at once");
        }
    }

    async fn open(&mut self) {
        if let Some(until) = self.stands_back_until {
            sleep_until(until).await;
            self.stands_back_until = None;
        }
        let mut pauses = patient();
        loop {
            match self.open_consumer().await {
                Ok(open) => {
                    self.open = Some(open);
                    return;
                }
                Err(error) => {
                    let Self { stream, durable, .. } = self;
                    tracing::debug!(error = %Chain(&error), stream, consumer = durable, "not open yet")
                }
            }
            sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    async fn open_consumer(&self) -> Result<Open, Error> {
        let of = Error::when("open the consumer");
        let Self { bus, durable, .. } = self;
        let stream = bus.jetstream.get_stream_no_info(self.stream).await.map_err(|e| of(e.into()))?;
        let pins = |info: &consumer::Info| info.config.priority_policy == PriorityPolicy::PinnedClient;
        let info = match stream.consumer_info(durable).await.ok().filter(pins) {
            Some(info) => info,
            None => {
                bus.ensure_streams().await.map_err(|e| of(e.into()))?;
                stream.consumer_info(durable).await.map_err(|e| of(e.into()))?
            }
        };
        if info.num_waiting == 0 && pin_of(&info).is_some() {
            // Whoever has the pin asks for nothing, and nobody else does: it is dead.
            stream.unpin_consumer(durable, GROUP).await.map_err(|e| of(e.into()))?;
        }
        let consumer: PullConsumer = stream.get_consumer(durable).await.map_err(&of)?;
        let messages = consumer
            .stream()
            .group(GROUP)
            .max_messages_per_batch(self.ahead)
            .expires(Duration::from_secs(30))
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|e| of(e.into()))?;
        let seen = Seen { made: info.created, since: Instant::now() };
        Ok(Open { stream, seen, messages, silent: None, offered: None, taken: None })
    }

    async fn consumer_is_gone(&self) -> bool {
        let Ok(stream) = self.bus.jetstream.get_stream_no_info(self.stream).await else { return false };
        match stream.consumer_info(&self.durable).await {
            Ok(_) => false,
            Err(error) => match error.kind() {
                ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => true,
                ConsumerInfoErrorKind::JetStream(cause) => cause.code() == 404,
                _ => false,
            },
        }
    }
}

impl Open {
    fn receive(&mut self, message: jetstream::Message) -> Option<Delivery> {
        let Ok(info) = message.info() else {
            tracing::warn!("a message without JetStream's reply subject was left alone");
            return None;
        };
        let pin = message.headers.as_ref().and_then(pin_in).unwrap_or_default();
        let taken = self.taken.as_mut().filter(|taken| taken.pinned.pin == pin);
        let turn = |taken: &mut Taken| taken.turns.take(info.consumer_sequence, Instant::now());
        let taken = taken.map(|taken| (turn(taken), taken)).filter(|(turn, _)| *turn != Turn::Out);
        let Some((turn, taken)) = taken else {
            self.offered = Some(Offered {
                pin: pin.to_owned(),
                stream_sequence: info.stream_sequence,
                redelivered: info.delivered > 1,
                consumer_sequence: info.consumer_sequence,
            });
            return None;
        };
        if turn == Turn::Stale {
            return None;
        }
        let (sequence, delivered, stored_at) = (info.stream_sequence, info.delivered, info.published);
        let (number, given_before, lease) = (taken.number, taken.seen, taken.pinned.lease().clone());
        let repeated = delivered > 1 || sequence <= taken.seen;
        let (message, acker) = message.split();
        Some(Delivery {
            message,
            acker,
            stream_sequence: sequence,
            stored_at,
            repeated,
            opening: number,
            given_before,
            lease,
        })
    }
}

/// The server writes it; a publisher may have written one before it.
fn pin_in(headers: &HeaderMap) -> Option<&str> {
    headers.get_last(NATS_PIN_ID).map(|pin| pin.as_str())
}
