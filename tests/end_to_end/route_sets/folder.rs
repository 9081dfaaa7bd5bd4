//! The folder that the router watches.

use std::fs;

use anyhow::ensure;
use signalbox_testkit::{Service, Stack, eventually};
use tempfile::TempDir;

use super::{Routed, marked, write};
use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, told},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_the_folder_runs() {
    let routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    write(routed.folder.path(), "b");
    let b = eventually(SOON, async || {
        let running = routed.routes().await["running"].as_str().unwrap_or_default().to_owned();
        ensure!(running != a, "{running}");
        Ok(running)
    })
    .await;
    routed.publish("one").await;
    routed.matched("one").await.is_of(&b, "b-one");

    // Half of a file is no file.
    let half = marked("c").replace("workflow_id", "");
    fs::write(routed.folder.path().join("marked.yaml"), half).unwrap();
    eventually(SOON, async || {
        let refused = routed.metric("signalbox_router_route_set_refused_total").await?;
        ensure!(refused.iter().any(|line| line.ends_with(" 1")), "{refused:?}");
        Ok(())
    })
    .await;
    let log = routed.stack.log(Service::SignalRouter).join("\n");
    assert!(log.contains("the folder's routes are not applied") && log.contains("marked.yaml:"), "{log}");
    routed.publish("two").await;
    routed.matched("two").await.is_of(&b, "b-two");

    // An editor writes another file and puts it in the place of the first.
    fs::write(routed.folder.path().join(".marked.yaml.new"), marked("d")).unwrap();
    fs::rename(routed.folder.path().join(".marked.yaml.new"), routed.folder.path().join("marked.yaml"))
        .unwrap();
    eventually(SOON, async || {
        let running = routed.routes().await["running"].as_str().unwrap_or_default().to_owned();
        ensure!(running != b, "{running}");
        Ok(())
    })
    .await;
    routed.publish("three").await;
    assert_eq!(routed.matched("three").await.effects[0].workflow_id, "d-three");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_undoes_nothing_and_a_change_meanwhile_is_told() {
    let mut routed = Routed::start("a").await;
    let by_hand = routed.apply("b").await;
    assert_eq!(routed.stack.stop(Service::SignalRouter).await.unwrap(), Some(0));
    routed.restart().await;
    routed.publish("one").await;
    routed.matched("one").await.is_of(&by_hand, "b-one");

    routed.stack.kill(Service::SignalRouter).unwrap();
    write(routed.folder.path(), "c");
    routed.publish("two").await;
    routed.restart().await;
    assert_eq!(routed.matched("two").await.effects[0].workflow_id, "c-two", "what waited has what is new");
    let back = routed.cli.json(&["rollback"]).await;
    assert_eq!(back["version"], by_hand.as_str());
    routed.stack.kill(Service::SignalRouter).unwrap();
    routed.stack.set("SIGNALBOX_WATCH_ROUTES", "no");
    routed.restart().await;
    routed.runs(&by_hand).await;
    write(routed.folder.path(), "d");
    routed.publish("three").await;
    routed.matched("three").await.is_of(&by_hand, "b-three");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_routes_the_router_does_not_start() {
    let stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let folder = TempDir::new().unwrap();
    let mut router = Cli::to(&stack).program(SIGNALBOX);
    let path = folder.path().to_str().unwrap();
    router.args(["serve", "signal-router", "--listen", "127.0.0.1:0", "--routes", path]);
    let none = told(&mut router).await;
    assert!(none.code == 1 && none.stderr.contains("no route file"), "{none:?}");
    fs::write(folder.path().join("a.yaml"), "version: 1\nroutes: {}\n").unwrap();
    let faulty = told(&mut router).await;
    assert!(faulty.code == 1 && faulty.stderr.contains("a.yaml:2:9"), "{faulty:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_routes_in_nats_a_faulty_folder_is_only_told() {
    let mut routed = Routed::start("a").await;
    let a = routed.routes().await["running"].as_str().unwrap().to_owned();
    routed.stack.kill(Service::SignalRouter).unwrap();
    fs::write(routed.folder.path().join("marked.yaml"), "version: 1\nroutes: {}\n").unwrap();
    routed.restart().await;
    let log = routed.stack.log(Service::SignalRouter).join("\n");
    assert!(log.contains("the folder's routes are not applied"), "{log}");
    routed.publish("one").await;
    routed.matched("one").await.is_of(&a, "a-one");
}
