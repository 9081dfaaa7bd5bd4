//! Waiting for outcomes: one inbox for the process, one place in it for each caller.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt;
use prost::Message;
use signalbox_domain::ReplyTo;
use signalbox_proto::v1::Outcome;
use tokio::sync::mpsc;

use crate::{Bus, Error};

/// Outcomes that a caller has not read yet; one that never reads them costs no more than this.
const UNREAD: usize = 64;

type Places = Arc<Mutex<HashMap<u64, mpsc::Sender<Outcome>>>>;

/// The callers of this process that wait for outcomes. Cheap to clone.
#[derive(Clone)]
pub struct Waiters {
    inbox: Arc<str>,
    next: Arc<AtomicU64>,
    places: Places,
}

/// One caller's place. Dropping it gives the place up.
pub struct Waiting {
    reply_to: ReplyTo,
    number: u64,
    places: Places,
    outcomes: mpsc::Receiver<Outcome>,
}

impl Waiters {
    /// A place for one caller.
    ///
    /// # Errors
    /// Never in practice: it would mean that the client's inbox is not one.
    pub fn expect(&self) -> Result<Waiting, signalbox_domain::BadId> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let reply_to = format!("{}.{number}", self.inbox).parse()?;
        let (sender, outcomes) = mpsc::channel(UNREAD);
        lock(&self.places).insert(number, sender);
        Ok(Waiting { reply_to, number, places: Arc::clone(&self.places), outcomes })
    }

    /// How many wait now.
    pub fn len(&self) -> usize {
        lock(&self.places).len()
    }

    /// Whether nobody waits now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn hand_over(&self, subject: &str, payload: &[u8]) {
        let place = subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let sender = place.and_then(|number: u64| lock(&self.places).get(&number).cloned());
        let Some(sender) = sender else { return };
        match Outcome::decode(payload) {
            Ok(outcome) => drop(sender.try_send(outcome)),
            Err(error) => tracing::warn!(%error, "an outcome could not be read"),
        }
    }
}

impl Waiting {
    /// Where to send outcomes for this caller.
    pub fn reply_to(&self) -> ReplyTo {
        self.reply_to.clone()
    }

    /// The next outcome; pending for as long as there is none.
    pub async fn next(&mut self) -> Outcome {
        match self.outcomes.recv().await {
            Some(outcome) => outcome,
            // The sender lives in `places` until this is dropped.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.places).remove(&self.number);
    }
}

fn lock(places: &Places) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Outcome>>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bus {
    /// Opens the process's inbox. The returned future must be run: it hands outcomes over until the connection
    /// is closed.
    ///
    /// # Errors
    /// When the client is closed.
    pub async fn waiters(&self) -> Result<(Waiters, impl Future<Output = ()> + Send + 'static), Error> {
        let inbox: Arc<str> = self.client.new_inbox().into();
        let mut subscription = self
            .client
            .subscribe(format!("{inbox}.*"))
            .await
            .map_err(|e| Error::when("open an inbox")(e.into()))?;
        let waiters = Waiters { inbox, next: Arc::default(), places: Arc::default() };
        let served = waiters.clone();
        let run = async move {
            while let Some(message) = subscription.next().await {
                served.hand_over(&message.subject, &message.payload);
            }
        };
        Ok((waiters, run))
    }

    /// Tells whoever waits. Nobody waiting is no error.
    pub async fn reply(&self, to: &ReplyTo, outcome: &Outcome) {
        if let Err(error) = self.client.publish(to.as_str().to_owned(), outcome.encode_to_vec().into()).await
        {
            tracing::warn!(%error, "the waiting caller was not told");
        }
    }
}
