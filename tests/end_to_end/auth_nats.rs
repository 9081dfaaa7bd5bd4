//! NATS with the users of the compose stack: each service works, and a publisher does nothing but publish.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use anyhow::ensure;
use async_nats::{Event, connection::State};
use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;
use signalbox_servers::{Binary, Launch, NatsOptions, NatsServer, Process, TemporalServer, free_port};
use signalbox_testkit::{Api, binary, eventually, isolated, root, temporal_server};
use tokio::sync::{Mutex, mpsc};

use crate::{SIGNALBOX, SOON, cli::Cli, expect, unique};

/// What a debug build on a busy machine may need until everything is up.
const START: Duration = Duration::from_secs(120);

const SERVICES: [&str; 4] = ["signal-router", "scheduler-manager", "worker", "ingress"];

/// The server's configuration as it stands, with passwords of this test.
fn config() -> String {
    let text = fs::read_to_string(root().join("deploy/nats/nats.conf")).unwrap();
    let users = SERVICES.iter().chain(&["operator", "publisher"]);
    users.fold(text, |text, user| {
        let variable = format!("${}", variable(user));
        assert!(text.contains(&variable), "{variable}");
        text.replace(&variable, &password(user))
    })
}

fn variable(user: &str) -> String {
    format!("NATS_{}_PASSWORD", user.to_uppercase().replace('-', "_"))
}

fn password(user: &str) -> String {
    format!("password-of-{user}")
}

struct Guarded {
    nats: NatsServer,
    temporal: TemporalServer,
    api: Api,
    services: BTreeMap<&'static str, Process>,
}

impl Guarded {
    async fn start() -> Self {
        let options = NatsOptions::new(binary(Binary::NatsServer).unwrap()).config(config());
        let nats = NatsServer::start(options).await.unwrap();
        let temporal = temporal_server(|options| options).await.unwrap();
        let (mut services, mut ports) = (BTreeMap::new(), BTreeMap::new());
        for service in SERVICES {
            let port = free_port().unwrap();
            let listen = format!("127.0.0.1:{port}");
            let launch = Launch::new(service, SIGNALBOX).args(["serve", service, "--listen", &listen]);
            let mut env = vec![
                ("NATS_URL", nats.url()),
                ("NATS_USER", service.to_owned()),
                ("NATS_PASSWORD", password(service)),
                ("TEMPORAL_ADDRESS", temporal.address()),
                ("SIGNALBOX_LOG", "info,async_nats=debug".to_owned()),
            ];
            if service == "signal-router" {
                env.push(("SIGNALBOX_ROUTES", root().join("routes").to_str().unwrap().to_owned()));
            }
            let env = env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            services.insert(service, Process::spawn(isolated(Launch { env, ..launch })).unwrap());
            ports.insert(service, port);
        }
        let api = |service| Api::new(format!("http://127.0.0.1:{}", ports[service]));
        for service in SERVICES {
            eventually(START, async || api(service).ready().await).await;
        }
        Self { nats, temporal, api: api("ingress"), services }
    }

    fn cli(&self, user: &str) -> Cli {
        Cli::new()
            .with("SIGNALBOX_API", self.api.url(""))
            .with("NATS_URL", self.nats.url())
            .with("NATS_USER", user)
            .with("NATS_PASSWORD", password(user))
            .with("TEMPORAL_ADDRESS", self.temporal.address())
    }

    /// What the server refused them, by their own logs.
    fn violations(&self) -> Vec<String> {
        let lines = self.services.iter().flat_map(|(name, process)| {
            process.last_lines().into_iter().map(move |line| format!("{name}: {line}"))
        });
        lines.filter(|line| line.to_lowercase().contains("permissions violation")).collect()
    }
}

/// A client without a name, and what the server refuses it.
struct Publisher {
    client: async_nats::Client,
    refused: Arc<Mutex<mpsc::UnboundedReceiver<String>>>,
}

impl Publisher {
    async fn connect(url: &str) -> Self {
        let (sender, refused) = mpsc::unbounded_channel();
        let options = async_nats::ConnectOptions::new().event_callback(move |event| {
            let sender = sender.clone();
            async move {
                if let Event::ServerError(error) = event {
                    let _ = sender.send(error.to_string());
                }
            }
        });
        let client = options.connect(url).await.unwrap();
        Self { client, refused: Arc::new(Mutex::new(refused)) }
    }

    /// What the server says to whatever was just done.
    async fn refusal(&self) -> String {
        self.client.flush().await.unwrap();
        let mut refused = self.refused.lock().await;
        tokio::time::timeout(SOON, refused.recv()).await.expect("it was not refused").unwrap()
    }
}

#[test]
fn the_compose_stack_has_these_users() {
    let compose: Value = serde_saphyr::from_str(include_str!("../../docker-compose.yml")).unwrap();
    let server = &compose["services"]["nats"];
    assert!(server["command"].to_string().contains("/etc/nats/nats.conf"), "{server}");
    assert!(server["volumes"].to_string().contains("./deploy/nats:/etc/nats:ro"), "{server}");
    for service in SERVICES {
        let environment = &compose["services"][service]["environment"];
        let known = &server["environment"][variable(service)];
        assert_eq!(environment["NATS_USER"], service);
        assert!(known.is_string() && environment["NATS_PASSWORD"] == *known, "{service}: {known}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_work_with_their_own_permissions_and_a_publisher_only_publishes() {
    let stack = Guarded::start().await;
    let (api, id) = (&stack.api, unique("users"));
    for (method, path) in [
        (Method::POST, format!("/trigger-workflow/{id}")),
        (Method::POST, format!("/signal-workflow/{id}?message=hi")),
        (Method::GET, format!("/workflows/{id}/queries/progress")),
        (Method::POST, format!("/stop-workflow/{id}")),
        (Method::GET, format!("/workflow-result/{id}")),
        (Method::POST, format!("/schedule-workflow/{id}?cron=0%200%201%201%20*")),
        (Method::GET, "/schedule-workflow".to_owned()),
        (Method::PUT, format!("/schedule-workflow/{id}?name=other")),
        (Method::DELETE, format!("/schedule-workflow/{id}")),
        (Method::GET, "/dead-letters".to_owned()),
        (Method::GET, "/openapi.json".to_owned()),
        (Method::GET, "/workflows".to_owned()),
        (Method::POST, format!("/events/lab.trigger.{id}-http")),
    ] {
        let request = api.request(method.clone(), &path);
        let request = if path.starts_with("/events/") {
            request.json(&serde_json::json!({"name": "x"}))
        } else {
            request
        };
        let response = request.send().await.unwrap();
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {body}\n{:#?}", stack.violations());
    }

    eventually(SOON, async || {
        let plan = api.get("/schedule-plan").await?;
        let known = plan.body["version"].as_str().is_some_and(|version| !version.is_empty());
        ensure!(known, "the manager does not follow the routes: {}\n{:#?}", plan.body, stack.violations());
        Ok(())
    })
    .await;

    // An event of somebody without a name, with an acknowledgement, and what became of it.
    let publisher = Publisher::connect(&stack.nats.url()).await;
    let jetstream = async_nats::jetstream::new(publisher.client.clone());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", id.as_str());
    let subject = format!("events.lab.trigger.{id}-event");
    let stored = jetstream.publish_with_headers(subject, headers, "{\"name\": \"x\"}".into()).await.unwrap();
    stored.await.unwrap();
    eventually(SOON, async || {
        let answer = api.get(&format!("/events/{id}")).await?;
        ensure!(answer.body["final"] == true, "{}", answer.body);
        Ok(())
    })
    .await;

    let operator = stack.cli("operator");
    let key = operator.json(&["keys", "create", "test", "--action", "admin"]).await;
    assert_eq!(operator.json(&["keys", "revoke", key["id"].as_str().unwrap()]).await["status"], "revoked");
    assert_eq!(operator.run(&["routes", "list", "--json"]).await.code, 0);

    assert_eq!(stack.violations(), Vec::<String>::new());

    for subject in [
        "commands.0",
        "outcomes.a.b",
        "signalbox.router.lookup",
        "$KV.signalbox-api-keys.61",
        "$JS.API.STREAM.INFO.EVENTS",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.ACK.EVENTS.matcher.1.1.1.1.1",
        "_INBOX.signalbox-ingress.x.1",
    ] {
        publisher.client.publish(subject, "x".into()).await.unwrap();
        let refusal = publisher.refusal().await.to_lowercase();
        assert!(
            refusal.contains("permissions violation") && refusal.contains("publish"),
            "{subject}: {refusal}"
        );
    }
    for subject in ["events.>", "outcomes.>", "_INBOX.signalbox-ingress.>", "$SRV.>", ">"] {
        let _subscription = publisher.client.subscribe(subject).await.unwrap();
        let refusal = publisher.refusal().await.to_lowercase();
        assert!(
            refusal.contains("permissions violation") && refusal.contains("subscription"),
            "{subject}: {refusal}"
        );
    }
    // Whoever listens to all inboxes hears nothing of those of the services.
    let mut all = publisher.client.subscribe("_INBOX.>").await.unwrap();
    publisher.client.flush().await.unwrap();
    expect(&api.get(&format!("/workflows/{id}")).await.unwrap(), 200);
    assert_eq!(publisher.client.connection_state(), State::Connected);
    let operator =
        async_nats::ConnectOptions::with_user_and_password("operator".into(), password("operator"));
    let operator = operator.connect(stack.nats.url()).await.unwrap();
    operator.publish("_INBOX.end", "end".into()).await.unwrap();
    operator.flush().await.unwrap();
    let first = tokio::time::timeout(SOON, all.next()).await.unwrap().unwrap();
    assert_eq!(first.subject.as_str(), "_INBOX.end");
}
