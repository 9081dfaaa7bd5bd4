//! The providers' own libraries, on the other side: what they sign is taken, and what is signed here they take.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use chrono::Utc;
use serde_json::{Value, json};
use signalbox_testkit::{python, root};
use signalbox_webhooks::{Outgoing, Provider, write};

use super::{hooked, secret_of, send};
use crate::{expect, unique};

/// The sources whose provider has such a library for Python.
fn with_library() -> [(&'static str, Provider, &'static str); 3] {
    [
        ("payments", Provider::Stripe, "invoice.paid"),
        ("standard", Provider::StandardWebhooks, "user.created"),
        ("chat", Provider::Slack, "app_mention"),
    ]
}

/// Gives the script something to read; tells what it says. `None` where the libraries cannot be had.
async fn script(task: &'static str, input: Value) -> Option<Value> {
    let folder = root().join("tests/end_to_end/webhooks");
    tokio::task::spawn_blocking(move || {
        let python = match python(&folder.join("requirements.txt")) {
            Ok(python) => python,
            Err(why) => {
                eprintln!("SKIPPED: the providers' libraries for Python cannot be installed: {why:#}");
                return None;
            }
        };
        Some(run(&python, &folder.join("libraries.py"), task, &input).unwrap())
    })
    .await
    .unwrap()
}

fn run(python: &PathBuf, script: &PathBuf, task: &str, input: &Value) -> anyhow::Result<Value> {
    let mut child = Command::new(python)
        .arg(script)
        .arg(task)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no standard input")?.write_all(input.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_providers_libraries_sign_is_taken() {
    let (_hooked, api) = hooked().await;
    let asked = with_library().map(|(source, provider, event)| {
        let unsigned = write(&provider, event, None, &unique("library"), None, Utc::now()).unwrap().unwrap();
        json!({
            "source": source, "secret": secret_of(source), "id": unique("library"),
            "body": String::from_utf8(unsigned.body).unwrap(),
        })
    });
    let Some(signed) = script("sign", json!(asked)).await else { return };
    let signed = signed.as_array().unwrap();
    assert_eq!(signed.len(), 3);
    for one in signed {
        let headers = one["headers"].as_object().unwrap();
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let body = one["body"].as_str().unwrap().as_bytes().to_vec();
        let outgoing = Outgoing { headers: headers.collect(), body };
        let source = one["source"].as_str().unwrap();
        let answer = send(&api, source, &outgoing, true).await;
        expect(&answer, 200);
        assert_eq!(answer.body["workflows"][0]["result"], "started", "{source}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_here_the_providers_libraries_take() {
    let sent = with_library().map(|(source, provider, event)| {
        let id = unique("here");
        let outgoing =
            write(&provider, event, None, &id, Some(secret_of(source)), Utc::now()).unwrap().unwrap();
        let headers: serde_json::Map<_, _> =
            outgoing.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        let body = String::from_utf8(outgoing.body).unwrap();
        json!({ "source": source, "secret": secret_of(source), "headers": headers, "body": body })
    });
    let Some(taken) = script("verify", json!(sent)).await else { return };
    assert_eq!(taken, json!([["payments", true, false], ["standard", true, false], ["chat", true, false]]));
}
