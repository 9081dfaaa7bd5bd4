//! Route sets that change while events come: by hand, by the folder, with a crash in between.

mod crash;
mod folder;
mod load;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, ensure};
use async_nats::jetstream::{self, consumer::pull};
use futures::StreamExt;
use serde_json::{Value, json};
use signalbox_domain::OutcomeExt;
use signalbox_proto::{
    Message,
    names::{bucket, header, route_key},
    v1::{Outcome, RouteFile, RouteFiles, WantedRoutes},
};
use signalbox_testkit::{Service, Stack, eventually};
use tempfile::TempDir;

use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, Told},
};

/// One route, which starts a workflow that is named after the version and the event.
fn marked(mark: &str) -> String {
    format!(
        "version: 1\nroutes:\n  - name: marked\n    on: events.marked.*\n    start:\n      workflow: CronWorkflow\n      \
         workflow_id: {mark}-${{ event.tokens[2] }}\n"
    )
}

/// A router whose folder is the test's own.
struct Routed {
    stack: Stack,
    cli: Cli,
    folder: TempDir,
    jetstream: jetstream::Context,
}

impl Routed {
    /// The folder has the routes of this mark.
    async fn start(mark: &str) -> Self {
        let folder = TempDir::new().unwrap();
        write(folder.path(), mark);
        let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
        stack.set("SIGNALBOX_ROUTES", folder.path());
        stack.launch_all(&[Service::SignalRouter]).await.unwrap();
        let jetstream = jetstream::new(stack.nats_client().await.unwrap());
        Self { cli: Cli::to(&stack), stack, folder, jetstream }
    }

    async fn restart(&mut self) {
        self.stack.launch_all(&[Service::SignalRouter]).await.unwrap();
    }

    /// Applies the routes of this mark from a folder of their own; tells their version.
    async fn apply(&self, mark: &str) -> String {
        let told = self.try_to_apply(&marked(mark)).await;
        assert_eq!((told.code, told.json()["status"].as_str()), (0, Some("running")), "{told:?}");
        told.json()["version"].as_str().unwrap().to_owned()
    }

    async fn try_to_apply(&self, routes: &str) -> Told {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("marked.yaml"), routes).unwrap();
        self.cli.run(&["apply", folder.path().to_str().unwrap(), "--wait=30s", "--json"]).await
    }

    /// Applies a set past the command line's own check, as a build with other rules would.
    async fn apply_unchecked(&self, version: &str, text: &str) {
        let routes = self.jetstream.get_key_value(bucket::ROUTES).await.unwrap();
        let files = RouteFiles { files: vec![RouteFile { name: "a.yaml".into(), text: text.into() }] };
        routes.put(route_key::set(version), files.encode_to_vec().into()).await.unwrap();
        let wanted =
            WantedRoutes { version: version.into(), applied_by: "another".into(), ..Default::default() };
        routes.put(route_key::WANTED, wanted.encode_to_vec().into()).await.unwrap();
    }

    /// What `signalbox routes` says.
    async fn routes(&self) -> Value {
        self.cli.json(&["routes"]).await
    }

    async fn runs(&self, version: &str) {
        eventually(SOON, async || {
            let routes = self.routes().await;
            ensure!(routes["running"] == version, "{routes}");
            Ok(())
        })
        .await;
    }

    /// Stores an event; tells its sequence.
    async fn publish(&self, name: &str) -> u64 {
        publish(&self.jetstream, name).await
    }

    /// With which version an event was matched, and which workflow that is to have started.
    async fn matched(&self, name: &str) -> Matched {
        eventually(SOON, async || {
            let matched = Matched::all(&self.jetstream).await?;
            let matched = matched.get(name).with_context(|| format!("{name} is not matched"))?;
            ensure!(!matched.effects.is_empty(), "{name} has no effect yet");
            Ok(matched.clone())
        })
        .await
    }

    async fn metric(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let metrics = self.stack.ask(Service::SignalRouter, "/metrics").await?.body;
        let lines = metrics.as_str().unwrap_or_default().lines();
        Ok(lines.filter(|line| line.starts_with(name)).map(str::to_owned).collect())
    }
}

async fn publish(jetstream: &jetstream::Context, name: &str) -> u64 {
    let headers = async_nats::HeaderMap::from_iter([(
        header::MESSAGE_ID.parse().unwrap(),
        name.parse::<async_nats::HeaderValue>().unwrap(),
    )]);
    let stored = jetstream.publish_with_headers(format!("events.marked.{name}"), headers, "{}".into()).await;
    stored.unwrap().await.unwrap().sequence
}

fn write(folder: &Path, mark: &str) {
    fs::write(folder.join("marked.yaml"), marked(mark)).unwrap();
}

/// What became of an event.
#[derive(Clone, Debug, Default)]
struct Matched {
    versions: Vec<String>,
    effects: Vec<Effect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Effect {
    version: String,
    workflow_id: String,
    kind: String,
}

impl Matched {
    /// Of all events of the ledger, by the last token of their subject.
    async fn all(jetstream: &jetstream::Context) -> anyhow::Result<BTreeMap<String, Self>> {
        let stream = jetstream.get_stream("OUTCOMES").await?;
        let last = stream.cached_info().state.last_sequence;
        let mut all = BTreeMap::<String, Self>::new();
        if last == 0 {
            return Ok(all);
        }
        let reader = stream.create_consumer(pull::OrderedConfig::default()).await?;
        let mut messages = reader.messages().await?;
        while let Some(message) = messages.next().await {
            let message = message?;
            let mut outcome = Outcome::decode(message.payload.clone())?;
            let subject = outcome.event.as_ref().map_or("", |event| event.nats_subject.as_str());
            let matched = all.entry(subject.rsplit('.').next().unwrap_or_default().to_owned()).or_default();
            let matching = outcome.take_matching();
            matched.versions.extend(matching.map(|matching| matching.route_set));
            match outcome.effect_key.is_empty() {
                true => matched.versions.push(outcome.route_set),
                false => matched.effects.push(Effect {
                    kind: outcome.kind().as_str_name().to_owned(),
                    version: outcome.route_set,
                    workflow_id: outcome.workflow_id,
                }),
            }
            if message.info().map_err(|error| anyhow::anyhow!(error))?.stream_sequence >= last {
                break;
            }
        }
        Ok(all)
    }

    /// That it is matched once, by this version, to one effect.
    fn is_of(&self, version: &str, workflow_id: &str) {
        let effect = self.effect_of(version, workflow_id);
        assert_eq!(effect.kind, "OUTCOME_KIND_STARTED");
    }

    /// The same where the router was killed: what it had started and not told is told by the next one.
    fn is_of_after_all(&self, version: &str, workflow_id: &str) {
        let effect = self.effect_of(version, workflow_id);
        assert!(["OUTCOME_KIND_STARTED", "OUTCOME_KIND_DEDUPLICATED"].contains(&&*effect.kind), "{self:?}");
    }

    fn effect_of(&self, version: &str, workflow_id: &str) -> &Effect {
        assert_eq!(
            (self.versions.as_slice(), self.effects.len()),
            (&[version.to_owned()][..], 1),
            "{self:?}"
        );
        let effect = &self.effects[0];
        assert_eq!((effect.version.as_str(), effect.workflow_id.as_str()), (version, workflow_id));
        effect
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_are_planned_applied_and_rolled_back() {
    let routed = Routed::start("a").await;
    let cli = &routed.cli;
    let first = routed.routes().await;
    let a = first["running"].as_str().unwrap().to_owned();
    assert_eq!(
        (&first["periods"][0]["applied_by"], &first["wanted"]["status"]),
        (&json!("folder"), &json!("running"))
    );
    routed.publish("one").await;
    routed.matched("one").await.is_of(&a, "a-one");

    let folder = TempDir::new().unwrap();
    write(folder.path(), "b");
    let path = folder.path().to_str().unwrap();
    let plan = cli.json(&["plan", path]).await;
    assert_eq!(
        (&plan["changed"], &plan["added"], &plan["removed"]),
        (&json!(["marked"]), &json!([]), &json!([]))
    );
    assert!(plan["diff"].as_str().unwrap().contains("+      workflow_id: b-${ event.tokens[2] }"), "{plan}");
    assert_eq!(routed.routes().await, first, "a plan changes nothing");

    let applied = cli.json(&["apply", path, "--note", "b is better", "--by", "ada"]).await;
    let b = applied["version"].as_str().unwrap();
    assert_eq!(
        (&applied["status"], &applied["from_sequence"], b),
        (&json!("running"), &json!(2), plan["version"].as_str().unwrap())
    );
    assert_eq!(cli.json(&["plan", path]).await["changes"], false);
    assert_eq!(cli.json(&["apply", path]).await["from_sequence"], 2, "the same again changes nothing");
    assert_eq!(routed.publish("two").await, 2);
    routed.matched("two").await.is_of(b, "b-two");

    let back = cli.json(&["rollback"]).await;
    assert_eq!(
        (&back["version"], &back["before"], &back["from_sequence"]),
        (&json!(a), &json!(b), &json!(3))
    );
    routed.publish("three").await;
    routed.matched("three").await.is_of(&a, "a-three");
    assert_eq!(cli.json(&["rollback", &b[..6]]).await["version"], b);
    routed.publish("four").await;
    routed.matched("four").await.is_of(b, "b-four");

    let history = routed.routes().await;
    let of = |field: &str| {
        history["periods"].as_array().unwrap().iter().map(|p| p[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("from_sequence"), [4, 3, 2, 1]);
    assert_eq!(of("version"), [b, &a, b, &a]);
    assert_eq!(of("note")[2], "b is better");
    assert_eq!(of("applied_by")[2], "ada");
    let shown = cli.json(&["routes", "show", &a]).await;
    assert_eq!(shown["files"], json!([{ "name": "marked.yaml", "text": marked("a") }]));
    assert_eq!(cli.run(&["routes", "show", "0000"]).await.code, 2);
    assert_eq!(cli.run(&["rollback", "ffff"]).await.code, 2);
    let info = routed.metric("signalbox_router_route_set_info").await.unwrap();
    assert!(info.len() == 1 && info[0].contains(b), "{info:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_set_is_refused_and_what_runs_goes_on() {
    let mut routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    let faulty = routed.try_to_apply("version: 1\nroutes:\n  - {name: x, on: nowhere, singal: {}}\n").await;
    assert_eq!(faulty.code, 3, "{faulty:?}");
    let error = faulty.error()["detail"].to_string();
    assert!(error.contains("marked.yaml:3:") && error.contains("singal"), "{error}");
    assert_eq!(routed.cli.run(&["plan", "/nowhere/at/all"]).await.code, 64);
    assert_eq!(routed.routes().await["wanted"]["status"], "running", "nothing was applied");

    routed.apply_unchecked("00ff", "version: 2\nroutes: []\n").await;
    eventually(SOON, async || {
        let wanted = routed.routes().await["wanted"].clone();
        ensure!(wanted["status"] == "refused", "{wanted}");
        ensure!(wanted["detail"].as_str().unwrap_or_default().contains("a.yaml:1:10"), "{wanted}");
        let refused = routed.metric("signalbox_router_route_set_refused_total").await?;
        ensure!(refused.len() == 1 && refused[0].ends_with(" 1"), "{refused:?}");
        Ok(())
    })
    .await;
    let log = routed.stack.log(Service::SignalRouter).join("\n");
    assert!(log.contains("wanted routes are refused"), "{log}");
    let doctor = routed.cli.run(&["doctor", "--json"]).await.json();
    let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["check"] == "routes").unwrap();
    assert!(check["level"] == "warning" && check["detail"].as_str().unwrap().contains("refused"), "{check}");
    routed.publish("one").await;
    routed.matched("one").await.is_of(&a, "a-one");

    // It is wanted still, and refused still, and what ran goes on.
    routed.stack.kill(Service::SignalRouter).unwrap();
    routed.restart().await;
    routed.publish("two").await;
    routed.matched("two").await.is_of(&a, "a-two");
    let b = routed.apply("b").await;
    routed.publish("three").await;
    routed.matched("three").await.is_of(&b, "b-three");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_router_a_set_waits_for_one() {
    let mut routed = Routed::start("a").await;
    routed.stack.kill(Service::SignalRouter).unwrap();
    let folder = TempDir::new().unwrap();
    write(folder.path(), "b");
    let told = routed.cli.run(&["apply", folder.path().to_str().unwrap(), "--wait=100ms", "--json"]).await;
    assert_eq!((told.code, told.json()["status"].as_str()), (4, Some("pending")), "{told:?}");
    assert_eq!(routed.routes().await["wanted"]["status"], "pending");
    routed.publish("one").await;
    let b = told.json()["version"].as_str().unwrap().to_owned();
    routed.restart().await;
    // It was never given to a matcher, so what is wanted when the router starts holds for it.
    routed.matched("one").await.is_of(&b, "b-one");
}

/// Whoever deletes a stream or a bucket gets them back, and what runs goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_nats_has_lost_the_router_knows() {
    let routed = Routed::start("a").await;
    for n in 0..5 {
        routed.publish(&format!("before-{n}")).await;
    }
    routed.matched("before-4").await;
    let b = routed.apply("b").await;
    routed.jetstream.delete_stream("EVENTS").await.unwrap();
    eventually(SOON, async || Ok(routed.jetstream.get_stream("EVENTS").await?)).await;
    assert_eq!(routed.publish("anew").await, 1);
    routed.matched("anew").await.is_of(&b, "b-anew");
    assert_eq!(routed.routes().await["periods"][0]["from_sequence"], 1);

    routed.jetstream.delete_key_value(bucket::ROUTES).await.unwrap();
    eventually(SOON, async || {
        let routes = routed.cli.run(&["routes", "--json"]).await;
        ensure!(routes.code == 0 && routes.json()["running"] == b, "{routes:?}");
        Ok(())
    })
    .await;
    assert_eq!(routed.cli.run(&["routes", "show"]).await.code, 0, "its files, too");
    let c = routed.apply("c").await;
    routed.publish("after").await;
    routed.matched("after").await.is_of(&c, "c-after");

    let routes = routed.jetstream.get_key_value(bucket::ROUTES).await.unwrap();
    routes.delete(route_key::TIMELINE).await.unwrap();
    let d = marked("d");
    let d = routed.try_to_apply(&d);
    let next = async {
        eventually(SOON, async || {
            let wanted = WantedRoutes::decode(routes.get(route_key::WANTED).await?.context("nothing")?)?;
            ensure!(wanted.version != c, "d is not applied yet");
            Ok(())
        })
        .await;
        routed.publish("next").await;
    };
    let (d, ()) = tokio::join!(d, next);
    assert_eq!((d.code, d.json()["status"].as_str()), (0, Some("running")), "{d:?}");
    routed.publish("last").await;
    routed.matched("last").await.is_of(d.json()["version"].as_str().unwrap(), "d-last");
}
