//! `signalbox dead`, and what its help and the documentation say to type.

use super::*;

const PAGE: &str = include_str!("../../../docs/operations/dead-letters.md");

/// A stack whose dead letters are nobody else's.
struct Own {
    stack: Stack,
    api: Api,
    cli: Cli,
}

impl Own {
    async fn start() -> Self {
        let stack = Stack::start(SIGNALBOX).await.unwrap();
        Self { api: stack.api(), cli: Cli::to(&stack), stack }
    }

    /// The letters 1 and 2, and no others, of the events `message-1` and `message-2`.
    async fn two_letters(&self) {
        let jetstream = jetstream::new(self.stack.nats_client().await.unwrap());
        // What the line before took out may die again, until the command is gone.
        eventually(SOON, async || {
            let commands = jetstream.get_stream(stream::COMMANDS).await?;
            ensure!(commands.cached_info().state.messages == 0, "commands are under way");
            Ok(())
        })
        .await;
        let mut letters = jetstream.get_stream(stream::DEAD_LETTERS).await.unwrap();
        let config = letters.info().await.unwrap().config.clone();
        jetstream.delete_stream(stream::DEAD_LETTERS).await.unwrap();
        jetstream.create_stream(config).await.unwrap();
        for name in [stream::EVENTS, stream::OUTCOMES] {
            jetstream.get_stream(name).await.unwrap().purge().await.unwrap();
        }
        for id in ["message-1", "message-2"] {
            let subject = format!("events.lab.message.{}", unique("nobody"));
            let line = ["publish", &subject, r#"{"message": "hi"}"#, "--id", id, "--source", &unique("/s")];
            self.cli.json(&line).await;
            letters_of(&self.api, id).await;
        }
    }
}

async fn letters_of(api: &Api, event_id: &str) {
    letters(api, event_id, 1).await;
}

/// The lines that are to be typed, in a text of help or a page.
fn typed(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| line.trim_start().split("   ").next().unwrap_or_default());
    lines.filter(|line| line.starts_with("signalbox dead ") || line.starts_with("signalbox event"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_works_as_it_stands() {
    let own = Own::start().await;
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(SIGNALBOX, home.path().join("signalbox")).unwrap();
    let path = format!("{}:{}", home.path().display(), std::env::var("PATH").unwrap());
    let mut texts = vec![PAGE.to_owned()];
    for command in
        [&["dead"][..], &["dead", "list"], &["dead", "show"], &["dead", "redrive"], &["dead", "purge"]]
    {
        texts.push(own.cli.run(&[command, &["--help"]].concat()).await.stdout);
    }
    let mut count = 0;
    for line in texts.iter().flat_map(|text| typed(text)).filter(|line| !line.contains("--watch")) {
        own.two_letters().await;
        let mut shell = own.cli.program("bash");
        let output = shell.args(["-c", line]).env("PATH", &path).output().await.unwrap();
        // The workflows do not run still, so what is redriven dies again; it is taken out all the same.
        assert!(output.status.success(), "{line}: {output:?}");
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_the_page_works_as_it_stands() {
    let own = Own::start().await;
    let base = own.api.url("");
    let mut count = 0;
    for line in PAGE.lines().filter(|line| line.starts_with("curl ")) {
        own.two_letters().await;
        let here =
            line.replace("http://localhost:8000", &base).replace("curl ", "curl -sS --fail-with-body ");
        let output = own.cli.program("bash").args(["-c", &here]).output().await.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        count += 1;
    }
    assert!(count >= 5, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_see_and_what_scripts_read() {
    let own = Own::start().await;
    let cli = &own.cli;
    own.two_letters().await;
    let table = cli.run(&["dead", "list"]).await;
    assert!(table.stdout.starts_with("LETTER  TIME") && table.stdout.contains("message-2"), "{table:?}");
    let listed = cli.json(&["dead", "list", "--event", "message-1"]).await;
    let over_http = own.api.get("/dead-letters?event_id=message-1").await.unwrap().body;
    assert_eq!(listed, over_http, "one form for both ways");
    let shown = cli.run(&["dead", "show", "1"]).await;
    for part in
        ["dead 1", "workflow-not-found: ", "COMMAND", "EVENT", "ce-id: message-1", "\"message\": \"hi\""]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert_eq!(cli.json(&["dead", "show", "1"]).await, own.api.get("/dead-letters/1").await.unwrap().body);

    for (line, code) in [
        (&["dead", "show", "99"][..], 2),
        (&["dead", "redrive", "99"], 2),
        (&["dead", "purge", "99", "--yes"], 2),
        // Nobody can be asked.
        (&["dead", "purge", "1"], 64),
        (&["dead", "purge"], 64),
        (&["dead", "redrive"], 64),
        (&["dead", "redrive", "1", "--all"], 64),
        (&["dead", "list", "--reason", "none"], 64),
    ] {
        let told = cli.run(line).await;
        assert_eq!(told.code, code, "{line:?}: {told:?}");
    }
    letters_of(&own.api, "message-1").await;

    let nats = own.stack.nats_client().await.unwrap();
    nats.publish("events.lab.trigger.x", "not json".into()).await.unwrap();
    eventually(SOON, async || {
        let bad = cli.json(&["dead", "list", "--reason", "bad-event"]).await;
        ensure!(bad["dead_letters"].as_array().unwrap().len() == 1, "{bad}");
        Ok(())
    })
    .await;
    let left = cli.run(&["dead", "redrive", "--reason", "bad-event"]).await;
    assert_eq!(left.code, 3, "{left:?}");
    assert!(left.stdout.contains("mend its publisher"), "{left:?}");

    assert_eq!(cli.json(&["dead", "purge", "--event", "message-1", "--yes"]).await, json!({"removed": 1}));
    assert_eq!(own.api.delete("/dead-letters").await.unwrap().status, 422);
    let gone = own.api.delete("/dead-letters?all=true").await.unwrap();
    assert_eq!((gone.status, &gone.body["removed"]), (200, &json!(2)), "{}", gone.body);
    assert_eq!(cli.json(&["dead", "list"]).await, json!({"dead_letters": [], "next": null}));
}
