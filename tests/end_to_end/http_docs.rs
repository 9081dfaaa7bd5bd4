//! The commands of `docs/reference/http.md`, as they stand there; and the API, tried out by its own description.

use std::process::Command;

use signalbox_testkit::Stack;

use crate::{SIGNALBOX, shared};

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

/// Needs the program that `SCHEMATHESIS` names; `docs/reference/http.md` says how to get it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs schemathesis, which Python has, and takes minutes"]
async fn schemathesis_finds_no_answer_that_is_not_described() {
    let program = std::env::var_os("SCHEMATHESIS").expect("SCHEMATHESIS names the program");
    let stack = Stack::start(SIGNALBOX).await.unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/schemathesis.toml");
    let schema = stack.api().url("/openapi.json");
    let here = tempfile::tempdir().unwrap();
    let mut run = Command::new(program);
    run.args(["--config-file", config, "run", &schema]).current_dir(here.path());
    let status = tokio::task::spawn_blocking(move || run.status()).await.unwrap().unwrap();
    assert!(status.success());
}
