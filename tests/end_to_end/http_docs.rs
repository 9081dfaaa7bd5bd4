//! The commands of `docs/reference/http.md`, as they stand there; and the API, tried out by its own description.

use std::{path::Path, process::Command};

use anyhow::ensure;
use serde_json::json;
use signalbox_testkit::{Service, Stack, eventually};

use crate::{SIGNALBOX, SOON, expect, shared};

const PAGE: &str = include_str!("../../docs/reference/http.md");

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_as_typed() {
    let (_stack, api) = shared().await;
    let base = api.url("");
    let blocks = PAGE.split("```").filter_map(|part| part.strip_prefix("sh\n"));
    let mut typed = 0;
    for line in blocks.flat_map(str::lines).filter(|line| line.starts_with("curl ")) {
        let here =
            line.replace("http://localhost:8000", &base).replace("curl ", "curl -sS --fail-with-body ");
        let output = tokio::task::spawn_blocking(move || Command::new("bash").args(["-c", &here]).output());
        let output = output.await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        typed += 1;
    }
    assert!(typed >= 10, "only {typed} commands found");
}

const DECLARED: &str = "
version: 1
events:
  - on: events.shop.payment.*
    description: A payment was tried.
    schema:
      type: object
      required: [order_id, status]
      properties: { order_id: { $ref: '#/$defs/id' }, status: { enum: [paid, refused] } }
      $defs: { id: { type: integer, minimum: 1, maximum: 1000000 } }
routes:
  - name: payment
    on: events.shop.payment.*
    start: { workflow: CronWorkflow, workflow_id: 'pay-${ event.data.order_id }', id_conflict_policy: use_existing }
";

/// A stack whose routes declare an event.
async fn declaring(routes: &Path) -> Stack {
    std::fs::write(routes.join("shop.yaml"), DECLARED).unwrap();
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.set("SIGNALBOX_ROUTES", routes);
    stack.launch_all(&Service::ALL).await.unwrap();
    stack
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_events_have_a_path_with_their_schema() {
    let routes = tempfile::tempdir().unwrap();
    let stack = declaring(routes.path()).await;
    let api = eventually(SOON, async || {
        let api = stack.api().get("/openapi.json").await?.body;
        ensure!(api["paths"]["/events/shop.payment.{token_1}"]["post"].is_object(), "not yet");
        Ok(api)
    })
    .await;
    let schema = &api["components"]["schemas"]["DeclaredEvent0"];
    assert_eq!(schema["required"], json!(["order_id", "status"]), "{schema}");
    let wait = [("prefer", "wait=30"), ("content-type", "application/json")];
    let paid = r#"{"order_id":7,"status":"paid"}"#;
    let told = stack.api().post_body("/events/shop.payment.card", &wait, paid).await.unwrap();
    expect(&told, 200);
    assert_eq!(told.body["effects"][0]["workflow_id"], "pay-7", "{}", told.body);
}

/// Needs the program that `SCHEMATHESIS` names; `docs/reference/http.md` says how to get it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs schemathesis, which Python has, and takes minutes"]
async fn schemathesis_finds_no_answer_that_is_not_described() {
    let program = std::env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS names the program");
    let routes = tempfile::tempdir().unwrap();
    let stack = declaring(routes.path()).await;
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/schemathesis.toml");
    let schema = stack.api().url("/openapi.json");
    let here = tempfile::tempdir().unwrap();
    let mut run = Command::new(program);
    run.args(["--config-file", config, "run", &schema]).current_dir(here.path());
    let status = tokio::task::spawn_blocking(move || run.status()).await.unwrap().unwrap();
    assert!(status.success());
}

/// Needs the program that `OPENAPI_PYTHON_CLIENT` names, in a virtual environment; `docs/reference/http.md` says how to get it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openapi-python-client, which Python has"]
async fn a_generated_client_finds_all_as_it_is_described() {
    let program = std::env::var_os("OPENAPI_PYTHON_CLIENT").expect("OPENAPI_PYTHON_CLIENT names the program");
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/end_to_end/generated_client.py");
    let here = tempfile::tempdir().unwrap();
    let environment = Path::new(&program).parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    // The generator calls `ruff` by its name.
    let mut run = Command::new(environment.join("python"));
    run.env("PATH", format!("{}:{path}", environment.display()));
    run.arg(script).arg(&program).arg(stack.api().url("")).arg(here.path());
    let status = tokio::task::spawn_blocking(move || run.status()).await.unwrap().unwrap();
    assert!(status.success());
}
