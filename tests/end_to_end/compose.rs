//! The compose stack, its image and its dashboard name only what exists.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::ensure;
use serde_json::{Map, Value};
use signalbox_testkit::{OtlpReceiver, Service, Stack, eventually, root};

use crate::{SIGNALBOX, SOON, expect};

const COMPOSE: &str = include_str!("../../docker-compose.yml");
const DASHBOARD: &str = include_str!("../../observability/grafana/dashboards/signalbox.json");
const ALERTS: &str = include_str!("../../observability/prometheus/alerts.yml");
const PROMETHEUS: &str = include_str!("../../observability/prometheus/prometheus.yml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn containers() -> Map<String, Value> {
    yaml(COMPOSE)["services"].as_object().unwrap().clone()
}

/// Those that run Signalbox.
fn ours() -> impl Iterator<Item = (String, Value)> {
    containers().into_iter().filter(|(_, container)| container["image"] == "signalbox:local")
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(SIGNALBOX);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIGNALBOX_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What `--help` says of the flag behind a variable, in one line.
fn flag(help: &str, variable: &str) -> Option<String> {
    // A value that may be secret is not shown.
    let marks = [format!("[env: {variable}="), format!("[env: {variable}]")];
    let mut flags =
        help.split("\n      --").map(|flag| flag.split_whitespace().collect::<Vec<_>>().join(" "));
    flags.find(|flag| marks.iter().any(|mark| flag.contains(mark)))
}

fn default_of(help: &str, variable: &str) -> Option<String> {
    Some(flag(help, variable)?.split_once("[default: ")?.1.split(']').next()?.to_owned())
}

#[test]
fn the_four_services_are_told_what_they_take_and_no_more() {
    let asked = default_of(&help(&["ready"]), "SIGNALBOX_API");
    assert_eq!(asked.as_deref(), Some("http://localhost:8000"), "the health checks ask there");
    let mut names = BTreeSet::new();
    for (name, container) in ours() {
        let command = texts(&container["command"]);
        let help = help(&command);
        for (variable, _) in container["environment"].as_object().unwrap() {
            assert!(flag(&help, variable).is_some(), "{name} does not take {variable}");
        }
        for whom in ["NATS_URL", "TEMPORAL_ADDRESS", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
            let told = container["environment"][whom].is_string();
            assert_eq!(told, flag(&help, whom).is_some(), "{name} must know {whom}");
        }
        assert_eq!(container["environment"]["SIGNALBOX_LISTEN"], "0.0.0.0:8000", "{name}");
        let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u32>().unwrap();
        let grace = seconds(&default_of(&help, "SIGNALBOX_GRACE").unwrap());
        let patience = seconds(container["stop_grace_period"].as_str().unwrap());
        assert!(patience > grace + 2, "{name} is killed while it finishes");
        names.insert(format!("{} {name}", command[0]));
    }
    let all = ["serve ingress", "serve scheduler-manager", "serve signal-router", "serve worker"];
    assert_eq!(names, BTreeSet::from(all.map(str::to_owned)));
}

#[test]
fn ports_move_by_the_variables_of_up() {
    let help = help(&["up"]);
    let mut found = 0;
    let defaults = COMPOSE.split("${SIGNALBOX_").skip(1).filter_map(|rest| rest.split('}').next());
    for (variable, default) in defaults.filter_map(|text| text.split_once(":-")) {
        let known = default_of(&help, &format!("SIGNALBOX_{variable}"));
        assert_eq!(known.as_deref(), Some(default), "{variable}");
        found += 1;
    }
    assert!(found >= 4, "only {found}");
}

#[test]
fn each_container_is_pinned_guarded_and_watched() {
    for (name, container) in containers() {
        let tag = container["image"].as_str().unwrap().split_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{name}");
        assert_eq!(container["read_only"], true, "{name}");
        assert_eq!(texts(&container["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&container["security_opt"]), ["no-new-privileges:true"], "{name}");
        for port in texts(&container["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} is open to the world on {port}");
        }
        if container["restart"] == "no" {
            assert_eq!(container["network_mode"], "none", "{name}");
            continue;
        }
        assert_eq!(container["restart"], "unless-stopped", "{name}");
        assert!(container["healthcheck"]["test"].is_array(), "{name}");
        let user = container["user"].as_str().unwrap_or("the image's");
        assert!(user == "10001:10001" || container["image"] == "signalbox:local", "{name} runs as {user}");
    }
}

#[test]
fn what_is_mounted_is_there() {
    let mut mounted = 0;
    for (name, container) in containers() {
        let volumes = texts(&container["volumes"]).into_iter().map(|volume| volume.split_once(':').unwrap());
        for (source, _) in volumes.filter(|(source, _)| source.starts_with("./")) {
            assert!(root().join(source).is_dir(), "{name}: {source}");
            mounted += 1;
        }
    }
    assert!(mounted >= 4, "only {mounted}");
}

#[test]
fn the_image_is_made_with_the_workspaces_toolchain_from_all_of_its_members() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap();
    let image = read("Dockerfile").lines().find_map(|line| Some(line.strip_prefix("FROM rust:")?.to_owned()));
    let image = image.unwrap();
    assert!(channel.starts_with(image.split('-').next().unwrap()), "{image} for {channel}");
    assert!(read("Dockerfile").contains("\nUSER 10001:10001\n"));

    let (manifest, sent) = (read("Cargo.toml"), read(".dockerignore"));
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        let folder = member.split('/').next().unwrap();
        assert!(sent.lines().any(|line| line == format!("!{folder}")), ".dockerignore keeps {folder} out");
    }
}

/// What `docker build` is sent, without the code, as the stage `manifests` leaves it.
#[test]
fn the_layer_of_dependencies_is_made_of_manifests_that_cargo_reads() {
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &str| {
        let output = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for line in fs::read_to_string(root().join(".dockerignore")).unwrap().lines() {
        if let Some(kept) = line.strip_prefix('!') {
            run(&format!("cp -r '{}' .", root().join(kept).display()));
        } else if let Some(name) = line.strip_prefix("**/") {
            run(&format!("find . -name '{name}' -prune -exec rm -r {{}} +"));
        }
    }
    let stages = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let stage = stages.split("FROM rust AS manifests\n").nth(1).unwrap().split("\n\n").next().unwrap();
    run(stage.split("RUN ").nth(1).unwrap());
    run("cargo fetch --offline --locked --target $(rustc -vV | sed -n 's/host: //p')");
}

#[test]
fn prometheus_asks_each_service_where_it_listens() {
    let jobs = yaml(PROMETHEUS);
    let jobs = jobs["scrape_configs"].as_array().unwrap();
    let targets = |job: &Value| texts(&job["static_configs"][0]["targets"]).join(" ");
    let asked = jobs.iter().find(|job| job["job_name"] == "signalbox").map(targets).unwrap();
    let expected: BTreeSet<_> = ours().map(|(name, _)| format!("{name}:8000")).collect();
    assert_eq!(asked.split(' ').map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    for target in jobs.iter().map(targets).collect::<Vec<_>>().join(" ").split(' ') {
        assert!(containers().contains_key(target.split(':').next().unwrap()), "{target}");
    }
}

/// All texts that stand under `expr` anywhere in there.
fn expressions(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(expressions).collect(),
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "expr" => vec![text.clone()],
                value => expressions(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The metrics of ours that dashboard and alerts look at.
fn looked_at() -> BTreeSet<String> {
    let mut expressions: Vec<String> = expressions(&serde_json::from_str(DASHBOARD).unwrap());
    expressions.extend(self::expressions(&yaml(ALERTS)));
    let words = expressions.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.filter(|word| word.starts_with("signalbox_")).map(str::to_owned).collect()
}

/// The names of all samples of the services.
async fn exported(stack: &Stack) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for service in Service::ALL {
        let metrics = stack.ask(service, "/metrics").await?.body;
        let samples = metrics.as_str().unwrap_or_default().lines().filter(|line| !line.starts_with('#'));
        names.extend(samples.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned())));
    }
    Ok(names)
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_look_at_what_is_exported() {
    let looked_at = looked_at();
    assert!(looked_at.len() >= 10, "{looked_at:?}");
    let collector = OtlpReceiver::start().unwrap();
    let stack = Stack::traced(SIGNALBOX, &Service::ALL, &collector.url()).await.unwrap();
    // A family shows itself with its first sample.
    expect(&stack.api.post("/trigger-workflow/seen").await.unwrap(), 200);
    let publisher = stack.nats_client().await.unwrap();
    publisher.publish("events.nobody.listens", "{}".into()).await.unwrap();
    publisher.flush().await.unwrap();
    eventually(SOON, async || {
        let exported = exported(&stack).await?;
        let missing: Vec<_> = looked_at.difference(&exported).collect();
        ensure!(missing.is_empty(), "no service exports {missing:?}");
        Ok(())
    })
    .await;
}
