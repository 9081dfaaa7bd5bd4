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
use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior, interval, sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_millis(100);

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
}

/// Whoever publishes.
pub struct Publishers {
    jetstream: jetstream::Context,
    http: Client,
    base: String,
    pace: Mutex<Interval>,
    pub stored: AtomicU64,
    /// Attempts that were not answered with success.
    pub again: AtomicU64,
}

impl Publishers {
    pub async fn new(nats: &str, base: String, amount: Amount) -> anyhow::Result<Self> {
        let mut pace = interval(Duration::from_secs_f64(1.0 / amount.per_second));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let client = async_nats::ConnectOptions::new().retry_on_initial_connect().connect(nats).await?;
        Ok(Self {
            jetstream: jetstream::new(client),
            http: Client::builder().no_proxy().timeout(PATIENCE).build()?,
            base,
            pace: Mutex::new(pace),
            stored: AtomicU64::new(0),
            again: AtomicU64::new(0),
        })
    }

    /// Publishes everything; tells what was stored, each key's in its order.
    pub async fn publish(&self, amount: Amount) -> anyhow::Result<Vec<Accepted>> {
        let of = |key: usize| amount.events / amount.keys + usize::from(key < amount.events % amount.keys);
        let keys = (0..amount.keys).map(|key| self.publish_key(key, of(key)));
        Ok(try_join_all(keys).await?.into_iter().flatten().collect())
    }

    /// One more, when all others are done; tells its workflow, too.
    pub async fn publish_last(&self) -> (Accepted, String) {
        let (key, mark) = ("k999999", "k999999-000".to_owned());
        let workflow = format!("steady-{key}");
        let data = json!({ "key": key, "mark": mark, "first": true });
        self.nats(&format!("events.chaos.steady.{key}"), &mark, &data).await;
        (Accepted::of(mark, vec![workflow.clone()]), workflow)
    }

    async fn publish_key(&self, number: usize, count: usize) -> anyhow::Result<Vec<Accepted>> {
        let (way, key) = (Way::of(number), format!("k{number:03}"));
        let mut accepted = Vec::with_capacity(count);
        for n in 0..count {
            self.pace.lock().await.tick().await;
            let mark = format!("{key}-{n:05}");
            accepted.push(self.publish_one(way, &key, mark, n).await?);
            self.stored.fetch_add(1, Relaxed);
        }
        Ok(accepted)
    }

    async fn publish_one(&self, way: Way, key: &str, mark: String, n: usize) -> anyhow::Result<Accepted> {
        let data = json!({ "key": key, "mark": mark, "first": n == 0 });
        let to = |prefix: &str| vec![format!("{prefix}-{key}")];
        let (subject, workflows) = match way {
            Way::Chat => ("chat", [to("chat"), to("log")].concat()),
            Way::Steady if n % 2 == 1 => {
                self.webhook(&mark, &data).await?;
                return Ok(Accepted::of(mark, to("steady")));
            }
            Way::Steady => ("steady", to("steady")),
            Way::Called if n == 0 => {
                self.nats(&format!("events.chaos.called.{key}"), &mark, &data).await;
                self.is_there(&format!("called-{key}")).await;
                return Ok(Accepted::of(mark, to("called")));
            }
            // A run of its own, which has ended when the call may be repeated.
            Way::Called if n % 4 == 3 => {
                let once = format!("once-{mark}");
                self.call(&format!("/trigger-workflow/{once}?name={mark}"), &mark).await?;
                return Ok(Accepted::of(mark, vec![once]));
            }
            Way::Called => {
                self.call(&format!("/signal-workflow/called-{key}?message={mark}"), &mark).await?;
                return Ok(Accepted::of(mark, to("called")));
            }
            Way::Tally if n % 2 == 0 => ("tally.update", to("tally")),
            Way::Tally => ("tally.signal", to("tally")),
            Way::Echo => ("echo", to("echoed")),
            Way::Nobody => ("nobody", Vec::new()),
        };
        self.nats(&format!("events.chaos.{subject}.{key}"), &mark, &data).await;
        let effects = workflows.len().max(1);
        let dead = (way == Way::Nobody).then_some("workflow-not-found");
        Ok(Accepted { effects, dead, ..Accepted::of(mark, workflows) })
    }

    /// As any client does: with a message id, again until it is acknowledged.
    async fn nats(&self, subject: &str, id: &str, data: &Value) {
        let headers = HeaderMap::from_iter([(
            header::MESSAGE_ID.parse().expect("a name"),
            id.parse::<async_nats::HeaderValue>().expect("a value"),
        )]);
        loop {
            let send = async {
                let body = data.to_string().into();
                let sent =
                    self.jetstream.publish_with_headers(subject.to_owned(), headers.clone(), body).await?;
                sent.await
            };
            if let Ok(Ok(_)) = timeout(PATIENCE, send).await {
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
    fn of(mark: String, workflows: Vec<String>) -> Self {
        Self { id: mark.clone(), mark, effects: 1, workflows, dead: None }
    }
}
