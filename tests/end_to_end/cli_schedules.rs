//! `signalbox schedule`.

use serde_json::json;

use crate::{cli::Cli, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_has_its_whole_life_on_the_command_line() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), unique("cli-schedule"));
    let schedule =
        async |what: &str, more: &[&str]| cli.json(&[&["schedule", what, &id], more].concat()).await;

    let made =
        schedule("create", &["--cron", "0 9 1 1 *", "--time-zone", "Europe/Paris", "--name", "Typed"]).await;
    assert_eq!((&made["status"], &made["time_zone"]), (&json!("scheduled"), &json!("Europe/Paris")));
    let list = cli.json(&["schedule", "list"]).await;
    let mine = |list: &serde_json::Value| {
        list["schedules"].as_array().unwrap().iter().any(|one| one["schedule_id"] == id)
    };
    assert!(mine(&list), "{list}");
    let changed = schedule("change", &["--cron", "30 8 1 1 *"]).await;
    assert_eq!((&changed["status"], &changed["cron"]), (&json!("changed"), &json!("30 8 1 1 *")));
    let paused = schedule("pause", &["--note", "quiet"]).await;
    assert_eq!((&paused["status"], &paused["note"]), (&json!("paused"), &json!("quiet")));
    assert_eq!(schedule("resume", &[]).await["status"], "resumed");
    assert_eq!(schedule("trigger", &[]).await["status"], "triggered");
    let span = ["--from", "2024-12-31T00:00:00+01:00", "--to", "2026-01-02T00:00:00Z"];
    assert_eq!(schedule("backfill", &span).await["status"], "backfilled");
    let described = schedule("describe", &[]).await;
    assert_eq!(
        (&described["status"], &described["time_zone"]),
        (&json!("scheduled"), &json!("Europe/Paris"))
    );
    assert_eq!(schedule("delete", &[]).await, json!({"schedule_id": id, "status": "deleted"}));
    assert_eq!(cli.run(&["schedule", "describe", &id]).await.code, 2);
    assert!(!mine(&cli.json(&["schedule", "list"]).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_schedule_is_told() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-wrong"));
    let cron = cli.run(&["schedule", "create", id, "--cron", "61 * * * *", "--json"]).await;
    assert_eq!((cron.code, &cron.error()["code"]), (3, &json!("bad-schedule")));
    cli.json(&["schedule", "create", id, "--cron", "0 0 1 1 *"]).await;
    let again = cli.run(&["schedule", "create", id]).await;
    assert_eq!(again.code, 3, "{again:?}");
    for line in
        [&["change", id][..], &["backfill", id], &["backfill", id, "--from", "yesterday", "--to", "today"]]
    {
        let told = cli.run(&[&["schedule"], line].concat()).await;
        assert_eq!(told.code, 64, "{line:?}: {told:?}");
    }
    for action in ["pause", "resume", "trigger", "delete", "describe"] {
        let told = cli.run(&["schedule", action, "no-such-schedule"]).await;
        assert_eq!(told.code, 2, "{action}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_watched() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-listed"));
    let mut watched = cli.start(&["schedule", "list", "--watch", "--interval", "100ms", "--json"]);
    watched.json_line().await;
    cli.json(&["schedule", "create", id, "--cron", "0 0 1 1 *"]).await;
    // Other tests have schedules, too.
    while !watched.line().await.unwrap().contains(id) {}
}
