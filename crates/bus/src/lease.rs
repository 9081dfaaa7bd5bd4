//! Who may work on what a consumer delivers: JetStream pins one of the clients that ask it for messages, and gives it
//! to another one when that has not been heard of for a while (ADR-42 of NATS, "Pinned Client").

use std::time::Duration;

use async_nats::jetstream::{consumer, stream::Stream};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use crate::{Bus, Error};

/// The one priority group that our consumers have.
pub(crate) const GROUP: &str = "one";
/// Who is not heard of for so long loses what it has to another client.
pub(crate) const TIME_TO_LIVE: Duration = Duration::from_secs(5);
pub(crate) const RENEWED_EVERY: Duration = Duration::from_secs(1);

/// A consumer that is older has outlived every lease under the one before it, whosever clock that is by.
const OLD: TimeDelta = TimeDelta::minutes(1);

/// Says whether what was delivered may still be worked on by this process.
#[derive(Clone, Debug)]
pub struct Lease(watch::Receiver<State>);

#[derive(Clone, Copy, Debug)]
enum State {
    Until(Instant),
    Lost,
}

impl Lease {
    /// Whether it is known to hold now.
    pub fn holds(&self) -> bool {
        !self.is_lost() && matches!(*self.0.borrow(), State::Until(end) if Instant::now() < end)
    }

    /// Comes back when it is known: whether it holds. While NATS is away, nobody knows.
    pub async fn is_held(&self) -> bool {
        let mut state = self.0.clone();
        loop {
            if self.is_lost() {
                return false;
            }
            if matches!(*state.borrow_and_update(), State::Until(end) if Instant::now() < end) {
                return true;
            }
            if state.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Also when it is given up here.
    fn is_lost(&self) -> bool {
        self.0.has_changed().is_err() || matches!(*self.0.borrow(), State::Lost)
    }
}

/// What a client was pinned for. The lease ends with it.
pub(crate) struct Pinned {
    pub(crate) pin: String,
    lease: Lease,
    _renewing: AbortOnDropHandle<()>,
}

impl Pinned {
    /// `asked` is when the server was last asked for messages under this pin.
    pub(crate) fn since(
        asked: Instant,
        bus: &Bus,
        stream: (&'static str, &Stream<()>),
        durable: &str,
        pin: String,
    ) -> Self {
        let (state, lease) = watch::channel(State::Until(asked + TIME_TO_LIVE));
        let renewal = Renewal {
            bus: bus.clone(),
            name: stream.0,
            stream: stream.1.clone(),
            durable: durable.to_owned(),
            pin: pin.clone(),
            state,
        };
        // It ends with the lease, not with the process.
        #[allow(clippy::disallowed_methods)]
        let renewing = AbortOnDropHandle::new(tokio::spawn(renewal.run(asked)));
        Self { pin, lease: Lease(lease), _renewing: renewing }
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }
}

/// Keeps a pin while nothing is taken, and finds out when it is lost.
struct Renewal {
    bus: Bus,
    name: &'static str,
    stream: Stream<()>,
    durable: String,
    pin: String,
    state: watch::Sender<State>,
}

impl Renewal {
    async fn run(self, mut seen: Instant) {
        loop {
            tokio::time::sleep(RENEWED_EVERY).await;
            let asked = Instant::now();
            match self.renew().await {
                // The request before this one has come to the server, surely.
                Ok(true) => self.state.send_replace(State::Until(seen + TIME_TO_LIVE)),
                Ok(false) => {
                    self.state.send_replace(State::Lost);
                    return;
                }
                Err(_) => continue,
            };
            seen = asked;
        }
    }

    async fn renew(&self) -> Result<bool, Error> {
        ask(&self.bus, self.name, &self.durable, &self.pin).await?;
        Ok(pinned(&self.stream, &self.durable).await?.as_deref() == Some(&self.pin))
    }
}

/// How long somebody may still have a lease of the consumer before this one, by when the stream and this consumer were
/// made, and for how long this one has been seen. The first consumer of a stream has none before it.
pub(crate) fn rest_of_earlier(
    began: DateTime<Utc>,
    made: DateTime<Utc>,
    now: DateTime<Utc>,
    seen: Duration,
) -> Option<Duration> {
    let is_first = (made - began).to_std().is_ok_and(|later| later < TIME_TO_LIVE);
    let rest = TIME_TO_LIVE.checked_sub(seen).filter(|rest| !rest.is_zero());
    rest.filter(|_| !is_first && now - made < OLD)
}

/// Asks for a message that is not there, of one byte: that keeps the pin, and never gets anything.
pub(crate) async fn ask(bus: &Bus, stream: &str, durable: &str, pin: &str) -> Result<(), Error> {
    let request = json!({
        "batch": 1,
        "max_bytes": 1,
        "no_wait": true,
        "group": GROUP,
        "id": pin,
    });
    let to = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}");
    let sent = bus.client.publish_with_reply(to, bus.client.new_inbox(), request.to_string().into()).await;
    sent.map_err(|e| Error::when("ask for messages")(e.into()))
}

/// Who is pinned, if anybody is.
pub(crate) async fn pinned(stream: &Stream<()>, durable: &str) -> Result<Option<String>, Error> {
    let info = stream.consumer_info(durable).await;
    let info = info.map_err(|e| Error::when("tell of the consumer")(e.into()))?;
    Ok(pin_of(&info))
}

pub(crate) fn pin_of(info: &consumer::Info) -> Option<String> {
    let group = info.priority_groups.iter().find(|group| group.group == GROUP)?;
    group.pinned_client_id.clone().filter(|pin| !pin.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_that_was_made_anew_waits_for_a_lease_of_the_one_before() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let rest = |made, now, seen| rest_of_earlier(at(0), at(made), at(now), Duration::from_secs(seen));
        assert_eq!(rest(1000, 1000, 0), Some(TIME_TO_LIVE));
        assert_eq!(rest(1000, 1002, 2), Some(Duration::from_secs(3)));
        assert_eq!(rest(1000, 1005, 5), None, "every lease has ended");
        assert_eq!(rest(1000, 1061, 0), None, "it has been there for long");
        assert_eq!(rest(1000, 990, 0), Some(TIME_TO_LIVE), "our clock is behind");
        assert_eq!(rest(1, 1, 0), None, "the first of its stream");
    }
}
