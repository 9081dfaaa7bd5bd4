//! The events: each key has a publisher, which sends the next when the one before it is stored, however often it takes.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context, bail};
use async_nats::{HeaderMap, jetstream};
use futures::future::try_join_all;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use signalbox_proto::names::header;
use signalbox_servers::local_http;
use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Events come so many at once, so that some wait while others are under way.
const BURST: u32 = 16;
/// Every third event of some keys is published again, a day late as it were: when the next one has been.
const TWICE: usize = 3;

/// How the events of a key come, and what they lead to: see `routes.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Chat,
    Steady,
    Called,
    Tally,
    Echo,
    Nobody,
}

impl Way {
    fn of(key: usize) -> Self {
        match key % 20 {
            19 => Self::Nobody,
            n => [Self::Chat, Self::Steady, Self::Called, Self::Tally, Self::Echo][n % 5],
        }
    }
}

/// An event that was stored, and what is to come of it.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Of the event, or of the one that a direct call stands for.
    pub id: String,
    pub mark: String,
    /// Workflows that are to have the mark, once each.
    pub workflows: Vec<String>,
    /// Effects in the ledger under that id.
    pub effects: usize,
    /// The reason of its dead letter, if that is what is to come of it.
    pub dead: Option<&'static str>,
}

/// How much, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    pub events: usize,
    pub keys: usize,
    pub per_second: f64,
    /// Then whoever still publishes gives up.
    pub within: Duration,
}

struct Pace {
    bursts: Interval,
    left: u32,
}

impl Pace {
    fn new(per_second: f64) -> Self {
        let mut bursts = interval(Duration::from_secs_f64(f64::from(BURST) / per_second));
        bursts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { bursts, left: 0 }
    }

    async fn next(&mut self) {
        if self.left == 0 {
            self.bursts.tick().await;
            self.left = BURST;
        }
        self.left -= 1;
    }
}

/// Whoever publishes.
pub struct Publishers {
    jetstream: jetstream::Context,
    http: Client,
    base: String,
    pace: Mutex<Pace>,
    pub stored: AtomicU64,
    /// Attempts that were not answered with success.
    pub again: AtomicU64,
    /// Messages that JetStream had already.
    pub duplicates: AtomicU64,
}

impl Publishers {
    pub async fn new(nats: &str, base: String, amount: Amount) -> anyhow::Result<Self> {
        let client = async_nats::ConnectOptions::new().retry_on_initial_connect().connect(nats).await?;
        Ok(Self {
            jetstream: jetstream::new(client),
            http: local_http().timeout(PATIENCE).build()?,
            base,
            pace: Mutex::new(Pace::new(amount.per_second)),
            stored: AtomicU64::new(0),
            again: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
        })
    }

    /// Publishes everything; tells what was stored, each key's in its order.
    pub async fn publish(&self, amount: Amount) -> anyhow::Result<Vec<Accepted>> {
        let all = timeout(amount.within, self.publish_all(amount));
        all.await.with_context(|| format!("not all was taken within {:?}", amount.within))?
    }

    async fn publish_all(&self, amount: Amount) -> anyhow::Result<Vec<Accepted>> {
        let of = |key: usize| amount.events / amount.keys + usize::from(key < amount.events % amount.keys);
        let keys = (0..amount.keys).map(|key| self.publish_key(key, of(key)));
        Ok(try_join_all(keys).await?.into_iter().flatten().collect())
    }

    /// One more, when all others are done; tells its workflow, too.
    pub async fn publish_last(&self) -> anyhow::Result<(Accepted, String)> {
        let last = self.publish_one(Way::Steady, "k999999", 0).await?;
        let workflow = last.workflows.concat();
        Ok((last, workflow))
    }

    async fn publish_key(&self, number: usize, count: usize) -> anyhow::Result<Vec<Accepted>> {
        let (way, key) = (Way::of(number), format!("k{number:03}"));
        let mut accepted = Vec::with_capacity(count);
        for n in 0..count {
            self.pace.lock().await.next().await;
            accepted.push(self.publish_one(way, &key, n).await?);
            self.stored.fetch_add(1, Relaxed);
        }
        Ok(accepted)
    }

    async fn publish_one(&self, way: Way, key: &str, n: usize) -> anyhow::Result<Accepted> {
        let mark = mark(key, n);
        let to = |prefix: &str| vec![format!("{prefix}-{key}")];
        let accepted = match way {
            Way::Chat => Accepted { effects: 2, ..Accepted::of(&mark, [to("chat"), to("log")].concat()) },
            Way::Steady => Accepted::of(&mark, to("steady")),
            // A run of its own, which has ended when the call may be repeated.
            Way::Called if n % 4 == 3 => Accepted::of(&mark, vec![format!("once-{mark}")]),
            Way::Called => Accepted::of(&mark, to("called")),
            Way::Tally => Accepted::of(&mark, to("tally")),
            Way::Echo => Accepted::of(&mark, to("echoed")),
            Way::Nobody => Accepted { dead: Some("workflow-not-found"), ..Accepted::of(&mark, Vec::new()) },
        };
        let data = json!({ "key": key, "mark": mark, "first": n == 0 });
        let on = |subject: &str| format!("events.chaos.{subject}.{key}");
        match way {
            Way::Chat => {
                self.cloudevent(&on("chat"), &mark, &mark, &data).await;
                if n % TWICE == TWICE - 1 {
                    let before = self::mark(key, n - 1);
                    let data = json!({ "key": key, "mark": before });
                    self.cloudevent(&on("chat"), &before, &format!("{before}-again"), &data).await;
                }
            }
            Way::Steady if n % 2 == 1 => self.webhook(&mark, &data).await?,
            Way::Steady => self.message(&on("steady"), &mark, &data).await,
            Way::Called if n == 0 => {
                self.message(&on("called"), &mark, &data).await;
                self.is_there(&format!("called-{key}")).await;
            }
            Way::Called if n % 4 == 3 => {
                self.call(&format!("/trigger-workflow/once-{mark}?name={mark}"), &mark).await?;
            }
            Way::Called => {
                self.call(&format!("/signal-workflow/called-{key}?message={mark}"), &mark).await?;
            }
            Way::Tally if n.is_multiple_of(2) => self.message(&on("tally.update"), &mark, &data).await,
            Way::Tally => self.message(&on("tally.signal"), &mark, &data).await,
            Way::Echo => self.message(&on("echo"), &mark, &data).await,
            Way::Nobody => self.message(&on("nobody"), &mark, &data).await,
        }
        Ok(accepted)
    }

    /// A bare message, whose id is the event's.
    async fn message(&self, subject: &str, id: &str, data: &Value) {
        self.nats(subject, &[(header::MESSAGE_ID, id)], data).await;
    }

    async fn cloudevent(&self, subject: &str, id: &str, message_id: &str, data: &Value) {
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", id),
            ("ce-source", "/chaos"),
            ("ce-type", "chaos"),
            (header::MESSAGE_ID, message_id),
        ];
        self.nats(subject, &headers, data).await;
    }

    /// As any client does it: again under the same message id until it is acknowledged.
    async fn nats(&self, subject: &str, headers: &[(&str, &str)], data: &Value) {
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| map.insert(*name, *value));
        loop {
            let send = async {
                let body = data.to_string().into();
                self.jetstream.publish_with_headers(subject.to_owned(), map.clone(), body).await?.await
            };
            if let Ok(Ok(stored)) = timeout(PATIENCE, send).await {
                self.duplicates.fetch_add(u64::from(stored.duplicate), Relaxed);
                return;
            }
            self.once_more().await;
        }
    }

    async fn webhook(&self, id: &str, data: &Value) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}/webhook/github", self.base)).body(data.to_string());
        let headers = request.header("content-type", "application/json").header("x-github-event", "chaos");
        self.until_answered(headers.header("x-github-delivery", id)).await
    }

    async fn call(&self, path: &str, id: &str) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}{path}", self.base));
        self.until_answered(request.header("Idempotency-Key", id)).await
    }

    /// No answer, or one that says so, means to call again under the same key.
    async fn until_answered(&self, request: RequestBuilder) -> anyhow::Result<()> {
        loop {
            let request = request.try_clone().context("a body that can be sent again")?;
            if let Ok(answer) = request.send().await {
                match answer.status() {
                    status if status.is_success() => return Ok(()),
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {}
                    status if status.is_server_error() => {}
                    status => bail!("{status} {}: {}", answer.url().clone(), answer.text().await?),
                }
            }
            self.once_more().await;
        }
    }

    /// Waits until a workflow can be signalled.
    async fn is_there(&self, workflow_id: &str) {
        let url = format!("{}/workflows/{workflow_id}", self.base);
        loop {
            match self.http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return,
                _ => sleep(AGAIN_AFTER).await,
            }
        }
    }

    async fn once_more(&self) {
        self.again.fetch_add(1, Relaxed);
        sleep(AGAIN_AFTER).await;
    }
}

impl Accepted {
    fn of(mark: &str, workflows: Vec<String>) -> Self {
        Self { id: mark.to_owned(), mark: mark.to_owned(), effects: 1, workflows, dead: None }
    }
}

/// Of the n-th event of a key; in the order of the texts.
fn mark(key: &str, n: usize) -> String {
    format!("{key}-{n:05}")
}
