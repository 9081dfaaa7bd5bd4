//! A NATS server, the service, and whoever answers it.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::Utc;
use clap::Parser;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use signalbox_bus::{Bus, Offer, Settlement};
use signalbox_domain::{Command, Event, Outcome, OutcomeExt, OutcomeKind, Reason, of_command, read_event};
use signalbox_ingress::{Ingress, Options};
use signalbox_proto::{Message, names::PARTITIONS, v1::CommandBatch};
use signalbox_servers::{Binary, INSTALL_DIR, NatsOptions, NatsServer, local_http, locate};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

/// How the router of a test reacts.
pub enum Reaction {
    /// Writes the outcomes into the ledger and tells the caller.
    Tell(Vec<Outcome>),
    /// Only writes them into the ledger, as if the reply had been lost.
    Record(Vec<Outcome>),
}

pub struct Stack {
    pub nats: NatsServer,
    pub bus: Bus,
    pub url: String,
    pub stop: CancellationToken,
    pub tasks: JoinSet<()>,
    pub client: Client,
    pub commands: Arc<Mutex<Vec<Command>>>,
    pub events: Arc<Mutex<Vec<Event>>>,
}

pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Value,
}

pub async fn start_nats(port: u16, data: Option<&Path>) -> NatsServer {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(INSTALL_DIR);
    let binary =
        tokio::task::spawn_blocking(move || locate(Binary::NatsServer, &installed)).await.unwrap().unwrap();
    let options = NatsOptions::new(binary).port(port);
    let options = data.into_iter().fold(options, |options, dir| options.data_dir(dir));
    NatsServer::start(options).await.unwrap()
}

pub async fn build(nats_url: &str, more: &[&str]) -> Ingress {
    let arguments = ["x", "--nats-url", nats_url, "--listen", "127.0.0.1:0", "--grace", "5s"];
    let options = Flags::try_parse_from(arguments.iter().chain(more)).unwrap().options;
    Ingress::build(&options).await.unwrap()
}

impl Stack {
    /// Starts NATS and the service, which waits `wait` for outcomes.
    pub async fn start(wait: &str) -> Self {
        Self::start_with(&["--wait", wait]).await
    }

    pub async fn start_with(flags: &[&str]) -> Self {
        let nats = start_nats(0, None).await;
        let ingress = build(&nats.url(), flags).await;
        let options = signalbox_bus::Options { url: nats.url(), name: "test".into(), ..Default::default() };
        let bus = Bus::connect(&options, |_| {}).await.unwrap();
        bus.ensure_streams().await.unwrap();
        let (url, stop) = (format!("http://{}", ingress.address()), ingress.stop());
        let mut tasks = JoinSet::new();
        tasks.spawn(async { ingress.run().await.unwrap() });
        let stack = Self {
            nats,
            bus,
            url,
            stop,
            tasks,
            client: local_http().build().unwrap(),
            commands: Arc::default(),
            events: Arc::default(),
        };
        eventually(async || {
            let ready = stack.get("/readyz").await.body;
            let met = |name: &str| condition(&ready, name)["met"] == true;
            (met("nats") && met("streams")).then_some(()).ok_or(ready)
        })
        .await;
        stack
    }

    /// Reacts to every command.
    pub fn on_command(&mut self, react: impl Fn(&Command) -> Reaction + Send + Sync + 'static) {
        let react = Arc::new(react);
        for partition in 0..PARTITIONS {
            let (bus, react, seen) = (self.bus.clone(), Arc::clone(&react), Arc::clone(&self.commands));
            self.tasks.spawn(async move {
                let mut deliveries = bus.commands(partition);
                loop {
                    let delivery = deliveries.next().await;
                    for wire in CommandBatch::decode(delivery.payload().clone()).unwrap().commands {
                        let command = Command::try_from(wire).unwrap();
                        seen.lock().unwrap().push(command.clone());
                        settle(&bus, react(&command), command.reply_to.as_ref()).await;
                    }
                    delivery.settle(Settlement::Done).await;
                }
            });
        }
    }

    /// Reacts to every event.
    pub fn on_event(&mut self, react: impl Fn(&Event) -> Reaction + Send + Sync + 'static) {
        let (bus, seen) = (self.bus.clone(), Arc::clone(&self.events));
        self.tasks.spawn(async move {
            let mut deliveries = bus.events();
            loop {
                let delivery = deliveries.next().await;
                let event = read_event(&delivery.raw()).unwrap();
                seen.lock().unwrap().push(event.clone());
                settle(&bus, react(&event), event.reply_to.as_ref()).await;
                delivery.settle(Settlement::Done).await;
            }
        });
    }

    /// Answers every question on `subject`, once the offer stands.
    pub async fn on_question<Q: Message + Default, A: Message>(
        &mut self,
        name: &'static str,
        subject: &'static str,
        reply: impl Fn(Q) -> A + Send + Sync + 'static,
    ) {
        let offer = Offer { name, description: "a test", endpoints: Box::leak(Box::new([("all", subject)])) };
        let mut calls = self.bus.offer_when_there(&offer).await;
        self.tasks.spawn(async move {
            while let Some(call) = calls.next().await {
                let answer = reply(call.question().unwrap());
                call.answer(&answer).await;
            }
        });
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, &[], "").await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], "").await
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.url)).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send().await.unwrap()).await
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        Self { status, location, body: response.json().await.unwrap() }
    }
}

async fn settle(bus: &Bus, reaction: Reaction, to: Option<&signalbox_domain::ReplyTo>) {
    let (outcomes, told) = match reaction {
        Reaction::Tell(outcomes) => (outcomes, true),
        Reaction::Record(outcomes) => (outcomes, false),
    };
    for outcome in outcomes {
        bus.record(&outcome).await;
        if let (true, Some(to)) = (told, to) {
            bus.reply(to, &outcome).await;
        }
    }
}

/// The outcome of a command that Temporal has accepted.
pub fn accepted(command: &Command) -> Outcome {
    of_command(command, 1, Utc::now()).accepted(&command.action, "run-1".into())
}

/// The outcome of a command that Temporal has refused.
pub fn refused(command: &Command, reason: Reason) -> Outcome {
    of_command(command, 1, Utc::now()).because(
        OutcomeKind::Refused,
        reason,
        format!("Temporal says {reason}"),
    )
}

pub fn condition<'a>(ready: &'a Value, name: &str) -> &'a Value {
    ready["conditions"].as_array().unwrap().iter().find(|condition| condition["name"] == name).unwrap()
}

/// Asks until it is so; panics with the last reason after 20 s.
pub async fn eventually<T>(check: impl AsyncFn() -> Result<T, Value>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match check().await {
            Ok(value) => return value,
            Err(why) if Instant::now() > deadline => panic!("not so: {why}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
