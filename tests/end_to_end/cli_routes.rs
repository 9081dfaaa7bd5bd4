//! `signalbox explain` and `signalbox diff`, about events that the stream has.

use std::fs;

use serde_json::{Value, json};

use crate::{cli::Cli, described, shared, unique};

/// Routes that signal and start for events of one test.
fn routes(subject: &str, id: &str, guard: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nroutes:\n  - name: lab\n    on: {subject}\n    when: ${{ {guard} }}\n    signal: {{ workflow_id: \"{id}\", name: add_message, args: [ \"${{ event.data.message }}\" ] }}\n"
    );
    fs::write(folder.path().join("lab.yaml"), text).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_explained_after_it_was_published() {
    let (stack, _) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-explain"));
    let subject = &format!("events.lab.chat.{id}");
    let folder = routes("events.lab.chat.*", "x-${ event.tokens[3] }", "event.data.message == 'hi'");
    let folder = folder.path().to_str().unwrap();
    let line = ["publish", subject, r#"{"message": "hi"}"#, "--id", id, "--wait=60s"];
    let sequence = cli.json(&line).await["stream_sequence"].to_string();
    let by_id = cli.json(&["explain", id, "--routes", folder]).await;
    let by_sequence = cli.json(&["explain", "--sequence", &sequence, "--routes", folder]).await;
    assert_eq!(by_id, by_sequence);
    assert_eq!(by_id["stream_sequence"].to_string(), sequence);
    let route = &by_id["routes"][0];
    let signal = json!({ "workflow_id": format!("x-{id}"), "name": "add_message", "args": ["hi"], "if_missing": "dead" });
    assert_eq!((&route["verdict"], &route["commands"][0]["signal"]), (&json!("matched"), &signal));
    let running = cli.json(&["explain", id, "--running"]).await;
    let chat =
        running["routes"].as_array().unwrap().iter().find(|route| route["route"] == "lab-chat").unwrap();
    assert_eq!(chat["commands"][0]["signal_with_start"]["workflow_id"], json!(id), "{running}");
    for line in [&["explain", "--sequence", "999999999"][..], &["explain", "nobody-has-this-id"]] {
        let told = cli.run(&[line, &["--routes", folder, "--json"]].concat()).await;
        assert_eq!((told.code, &told.error()["exit_code"]), (2, &json!(2)), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_events_tell_what_a_change_of_routes_does() {
    let (stack, api) = shared().await;
    let (cli, id) = (Cli::to(&stack), &unique("cli-diff"));
    let subject = &format!("events.lab.chat.{id}");
    for message in ["hi", "ho"] {
        let data = json!({ "message": message }).to_string();
        cli.json(&["publish", subject, &data, "--wait=60s"]).await;
    }
    // The project's own route has started it.
    described(&api, id).await;
    let folders = [
        routes(subject, "${ event.tokens[3] }", "event.data.message != 'ho'"),
        routes(subject, "new-${ event.tokens[3] }", "true"),
    ];
    let [before, after] = folders.each_ref().map(|folder| folder.path().to_str().unwrap());
    let diff = async |line: &[&str]| {
        let told =
            cli.run(&[&["diff", "--subject", subject, "--since", "1h", "--json"], line].concat()).await;
        (told.code, told.json())
    };
    let (code, same) = diff(&[after, "--against", after]).await;
    assert_eq!((code, &same["events"], &same["differences"]), (0, &json!(2), &json!([])), "{same}");

    let (code, told) = diff(&[after, "--against", before]).await;
    assert_eq!((code, &told["events"], &told["differing"]), (1, &json!(2), &json!(2)), "{told}");
    let kinds: Vec<&Value> = told["differences"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["otherwise", "newly"], "{told}");
    let example = &told["differences"][0]["examples"][0];
    assert_eq!(example["before"][0]["signal"]["workflow_id"], json!(id), "{told}");
    assert_eq!(example["after"][0]["signal"]["workflow_id"], json!(format!("new-{id}")), "{told}");
    let open = &told["open_runs_of_old_ids"];
    assert_eq!((&open[0]["workflow_id"], open.as_array().unwrap().len()), (&json!(id), 1), "{told}");

    // One event is one, and the API need not be there.
    let (_, one) = diff(&[after, "--against", before, "--limit", "1"]).await;
    assert_eq!((&one["events"], &one["differences"][0]["kind"]), (&json!(1), &json!("newly")), "{one}");
    let (code, alone) = diff(&[after, "--against", before, "--api", "http://127.0.0.1:9"]).await;
    assert_eq!((code, &alone["ids_not_looked_up"]), (1, &json!(1)), "{alone}");
    let (code, running) = diff(&[after, "--running"]).await;
    let gone =
        running["differences"].as_array().unwrap().iter().find(|one| one["route"] == "lab-chat").unwrap();
    assert_eq!((code, &gone["kind"], &gone["count"]), (1, &json!("no_longer"), &json!(2)), "{running}");
    cli.run(&["stop", id]).await;
}
