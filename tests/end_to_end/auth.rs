//! Who may call: keys that are made, limited and revoked while the service runs, and what its logs say of them.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use signalbox_testkit::{Answer, Service, Stack, eventually};

use crate::{
    SIGNALBOX, SOON,
    cli::{Cli, told},
    unique,
};

/// A stack whose API asks everybody.
async fn guarded() -> Stack {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    stack.set("SIGNALBOX_AUTH", "on");
    stack.launch_all(&Service::ALL).await.unwrap();
    stack
}

async fn key(cli: &Cli, args: &[&str]) -> (String, String) {
    let made = cli.json(&[&["keys", "create", "a test"], args].concat()).await;
    (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

async fn call(stack: &Stack, method: Method, path: &str, key: &str) -> Answer {
    let request = stack.api.request(method, path);
    let request = if key.is_empty() { request } else { request.bearer_auth(key) };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.json().await.unwrap_or(Value::Null);
    Answer { status, body, traceparent: String::new() }
}

/// Calls until the gate knows the key: the bucket tells the service, not this test.
async fn at_last(stack: &Stack, path: &str, key: &str, status: u16) {
    eventually(SOON, async || {
        let answer = call(stack, Method::GET, path, key).await;
        anyhow::ensure!(answer.status == status, "{path}: {} {}", answer.status, answer.body);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_what_they_name_until_they_are_revoked() {
    let stack = guarded().await;
    let cli = Cli::to(&stack);
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/metrics", 401), ("/docs", 401), ("/events/1", 401)]
    {
        assert_eq!(call(&stack, Method::GET, path, "").await.status, status, "{path}");
    }
    let told = cli.run(&["trigger", "nobody", "--json"]).await;
    assert_eq!((told.code, &told.error()["code"]), (3, &json!("unauthenticated")), "{told:?}");

    let lab = ["--action", "start", "--action", "signal", "--action", "read", "--workflow-type", "Cron*"];
    let (lab_id, lab) = key(&cli, &lab).await;
    let (_, other) = key(&cli, &["--action", "signal", "--action", "read", "--workflow-type", "Order"]).await;
    at_last(&stack, "/docs", &lab, 200).await;
    at_last(&stack, "/docs", &other, 200).await;

    let id = unique("guarded");
    let mine = cli.with("SIGNALBOX_API_KEY", &lab);
    assert_eq!(mine.json(&["trigger", &id]).await["status"], "started");
    let signal = format!("/signal-workflow/{id}?message=hi");
    let refused = call(&stack, Method::POST, &signal, &other).await;
    assert_eq!((refused.status, refused.text("code")), (403, "forbidden"), "{}", refused.body);
    let gone = call(&stack, Method::POST, "/signal-workflow/nobody-is-called-so?message=hi", &other).await;
    assert_eq!((gone.status, gone.text("code")), (404, "workflow-not-found"), "{}", gone.body);
    assert_eq!(call(&stack, Method::POST, &signal, &lab).await.status, 200);
    let refused = call(&stack, Method::DELETE, "/schedule-workflow/any", &lab).await;
    assert_eq!((refused.status, refused.text("code")), (403, "forbidden"), "{}", refused.body);
    assert_eq!(call(&stack, Method::POST, &format!("/stop-workflow/{id}"), &lab).await.status, 200);

    let listed = mine.json(&["keys", "list"]).await;
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(mine.json(&["keys", "show", &lab_id]).await["workflow_types"], json!(["Cron*"]));
    assert_eq!(mine.run(&["keys", "show", "nobody"]).await.code, 2);
    assert_eq!(mine.json(&["keys", "revoke", &lab_id]).await["status"], "revoked");
    at_last(&stack, "/docs", &lab, 401).await;
    assert_eq!(mine.run(&["keys", "revoke", &lab_id]).await.code, 2);
    assert_eq!(call(&stack, Method::GET, "/docs", &other).await.status, 200);

    for secret in [&lab, &other] {
        assert!(!listed.to_string().contains(secret.rsplit_once('_').unwrap().1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_secret_a_token_or_a_body_in_it() {
    let mut stack = Stack::start_with(SIGNALBOX, &[]).await.unwrap();
    let recorded = stack.record_logs();
    stack.set("SIGNALBOX_AUTH", "on");
    stack.set("SIGNALBOX_GITHUB_SECRETS", "what-github-signs-with");
    stack.set("SIGNALBOX_LOG", "trace,async_nats=trace,hyper=trace,h2=trace,tonic=trace,temporalio=trace");
    stack.launch_all(&Service::ALL).await.unwrap();
    let cli = Cli::to(&stack);
    let (id, key) = key(&cli, &["--action", "admin"]).await;
    at_last(&stack, "/docs", &key, 200).await;
    let workflow = unique("unlogged");
    let answer = call(&stack, Method::POST, &format!("/trigger-workflow/{workflow}?name=x"), &key).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0aGUgYmVhcmVyIn0.c2lnbmF0dXJl";
    assert_eq!(call(&stack, Method::GET, "/docs", token).await.status, 401);
    let guess = format!("sbx_{id}_{}", "5".repeat(64));
    assert_eq!(call(&stack, Method::GET, "/docs", &guess).await.status, 401);
    // One that is signed, one that is not, and one that cannot be read.
    let body = r#"{"repository": {"name": "the-body-of-a-webhook"}}"#;
    for (body, signature, status) in [
        (body, sign("what-github-signs-with", body), 200),
        (body, "sha256=00".to_owned(), 401),
        ("{the-body-of-a-webhook", sign("what-github-signs-with", "{the-body-of-a-webhook"), 422),
    ] {
        let headers = [("x-github-event", "ping"), ("x-hub-signature-256", signature.as_str())];
        let answer = stack.api.post_body("/webhook/github", &headers, body.to_owned()).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    for service in Service::ALL {
        assert_eq!(stack.stop(service).await.unwrap(), Some(0));
    }

    let lines = recorded.lock().unwrap().clone();
    assert!(lines.iter().any(|line| line.contains("request answered")), "{} lines", lines.len());
    let secret = key.rsplit_once('_').unwrap().1;
    for hidden in [secret, token, &guess, "what-github-signs-with", "the-body-of-a-webhook"] {
        let found: Vec<_> = lines.iter().filter(|line| line.contains(hidden)).collect();
        assert!(found.is_empty(), "{hidden}: {found:?}");
    }
}

fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Lines of the page that are commands, in their order.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let blocks = page.split("```").filter_map(|part| part.strip_prefix("sh\n"));
    blocks.flat_map(str::lines).filter(|line| line.starts_with("signalbox ") || line.starts_with("curl "))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_security_works_as_it_stands() {
    let stack = guarded().await;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(SIGNALBOX, folder.path().join("signalbox")).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let (mut cli, mut id, mut typed) = (Cli::to(&stack).with("PATH", path), String::new(), 0);
    for line in commands(include_str!("../../docs/operations/security.md")) {
        let makes = line.starts_with("signalbox keys create");
        let line = line.replace("http://localhost:8000", &stack.api.url("")).replace("0123456789ab", &id);
        let line = if makes { format!("{line} --json") } else { line };
        let told = told(cli.program("bash").args(["-c", &line])).await;
        assert_eq!(told.code, 0, "{line}: {told:?}");
        if makes {
            let made: Value = serde_json::from_str(&told.stdout).unwrap();
            id = made["id"].as_str().unwrap().to_owned();
            let key = made["key"].as_str().unwrap();
            at_last(&stack, "/docs", key, 200).await;
            cli = cli.with("SIGNALBOX_API_KEY", key);
        }
        typed += 1;
    }
    assert_eq!(typed, 6);
}

#[test]
fn the_page_about_security_names_every_action() {
    let help = std::process::Command::new(SIGNALBOX).args(["keys", "create", "x", "--action", "?"]).output();
    let help =
        String::from_utf8(help.unwrap().stderr).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let names = help.split("there are ").nth(1).unwrap().split(" For more").next().unwrap();
    let page = include_str!("../../docs/operations/security.md");
    assert_eq!(names.split(", ").count(), 13, "{names}");
    for name in names.split(", ") {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
