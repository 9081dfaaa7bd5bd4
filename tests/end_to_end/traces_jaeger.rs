//! One trace, as Jaeger itself shows it.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use anyhow::{Context, ensure};
use serde_json::Value;
use signalbox_servers::find_jaeger;
use signalbox_testkit::{Api, descendants, eventually};

use crate::{
    SOON, expect, unique,
    up::{Up, folders, ports},
};

/// The Jaeger to run; says so where there is none.
fn jaeger() -> Option<String> {
    let named = std::env::var("SIGNALBOX_JAEGER").ok().filter(|path| !path.is_empty());
    let found = named.or_else(|| Some(find_jaeger()?.to_str()?.to_owned()));
    if found.is_none() {
        eprintln!("SKIPPED: jaeger is neither on PATH nor named by SIGNALBOX_JAEGER, so it is not asked");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn up_runs_jaeger_which_shows_one_trace() {
    let Some(jaeger) = jaeger() else { return };
    let (_folder, data) = folders();
    let [ui, otlp, ..] = ports().map(|port| port.to_string());
    let flags = ["--jaeger", &jaeger, "--jaeger-ui-port", &ui, "--otlp-port", &otlp];
    let up = Up::running(ports(), &data, &flags).await;
    assert!(
        up.output().contains(&format!("Traces                 http://localhost:{ui}")),
        "{}",
        up.output()
    );
    let (api, queries) = (up.api(), Api::new(format!("http://127.0.0.1:{ui}")));
    is_one_trace(&api, &queries).await;

    // It is only for looking at: without it all goes on, and it comes back.
    let all = descendants(up.launcher.id());
    let first = all.iter().find(|relative| relative.command.starts_with(&jaeger)).unwrap();
    first.kill().unwrap();
    expect(&api.post(&format!("/trigger-workflow/{}", unique("without-jaeger"))).await.unwrap(), 200);
    eventually(SOON, async || {
        ensure!(up.output().contains("jaeger ended unexpectedly"), "{}", up.output());
        ensure!(queries.get("/api/services").await?.status == 200);
        Ok(())
    })
    .await;
    is_one_trace(&api, &queries).await;
    assert_eq!(up.interrupted().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jaeger_that_cannot_start_is_done_without() {
    let (folder, data) = folders();
    let jaeger = folder.path().join("jaeger");
    fs::write(&jaeger, "#!/bin/sh\necho no disk\n[ \"$1\" = version ]\n").unwrap();
    fs::set_permissions(&jaeger, Permissions::from_mode(0o755)).unwrap();
    let [ui, otlp, ..] = ports().map(|port| port.to_string());
    let flags = ["--jaeger", jaeger.to_str().unwrap(), "--jaeger-ui-port", &ui, "--otlp-port", &otlp];
    let up = Up::running(ports(), &data, &flags).await;
    expect(&up.api().post("/trigger-workflow/untraced").await.unwrap(), 200);
    eventually(SOON, async || {
        let output = up.output();
        ensure!(output.contains("no disk") && output.contains("going on without jaeger"), "{output}");
        Ok(())
    })
    .await;
    expect(&up.api().post("/stop-workflow/untraced").await.unwrap(), 200);
    assert_eq!(up.interrupted().await, Some(0));
}

/// Asks Jaeger for the trace that the answer to a call names.
async fn is_one_trace(api: &Api, queries: &Api) {
    let id = unique("in-jaeger");
    let started = api.post(&format!("/trigger-workflow/{id}?name=Ada")).await.unwrap();
    expect(&started, 200);
    expect(&api.post(&format!("/stop-workflow/{id}")).await.unwrap(), 200);
    eventually(SOON, async || {
        let answer = queries.get(&format!("/api/traces/{}", started.trace_id())).await?;
        ensure!(answer.status == 200, "{}", answer.body);
        whole(&answer.body).with_context(|| answer.body.to_string())
    })
    .await;
}

/// Whether it is one trace with five services, the workflow's end, and every parent.
fn whole(answer: &Value) -> anyhow::Result<()> {
    let [trace] = answer["data"].as_array().map_or(&[][..], Vec::as_slice) else {
        anyhow::bail!("not one trace")
    };
    let processes = trace["processes"].as_object().context("no processes")?;
    let services: BTreeSet<_> =
        processes.values().filter_map(|process| process["serviceName"].as_str()).collect();
    for service in ["ingress", "signal-router", "io.temporal.frontend", "io.temporal.history", "worker"] {
        ensure!(services.contains(service), "no {service}");
    }
    let spans = trace["spans"].as_array().context("no spans")?;
    let ids: BTreeSet<_> = spans.iter().filter_map(|span| span["spanID"].as_str()).collect();
    let parents = spans.iter().flat_map(|span| span["references"].as_array().into_iter().flatten());
    let orphans: Vec<_> = parents
        .filter(|parent| parent["refType"] == "CHILD_OF")
        .filter(|parent| !ids.contains(parent["spanID"].as_str().unwrap_or_default()))
        .collect();
    ensure!(orphans.is_empty(), "missing parents: {orphans:?}");
    let roots = spans.iter().filter(|span| span["references"].as_array().is_none_or(Vec::is_empty));
    ensure!(roots.count() == 1, "not one root");
    ensure!(spans.iter().any(|span| span["operationName"] == "CompleteWorkflow:CronWorkflow"), "no end yet");
    Ok(())
}
